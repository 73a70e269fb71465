"""Names of series: emitted ones, as Prometheus spells them, and those that our rules record."""

from __future__ import annotations

from otel_promptcache.mixin.config import MixinConfig, NameScheme
from otel_promptcache.mixin.durations import duration
from otel_promptcache.telemetry import names

Metric = names.Metric

MODEL = names.REQUEST_MODEL.replace(".", "_")
PROVIDER = names.PROVIDER_NAME.replace(".", "_")
FINGERPRINT = names.FINGERPRINT.name.replace(".", "_")
PREFIX_NAME = names.PREFIX_NAME.name.replace(".", "_")
RESULT = names.RESULT.name.replace(".", "_")
STATE = names.TOKEN_STATE.replace(".", "_")
REASON = names.MISS_REASON.name.replace(".", "_")
SOURCE = names.MISS_SOURCE.name.replace(".", "_")
HISTORY = names.HISTORY.name.replace(".", "_")
OUTCOME = names.FLEET_OUTCOME.replace(".", "_")
WRITE_TTL = names.WRITE_TTL.name.replace(".", "_")
ERROR_TYPE = names.ERROR_TYPE.replace(".", "_")
TEMPLATE = "template"
"""The name of a prompt template, or its fingerprint if it has none; set by our rules."""

_UNIT_SUFFIXES = {"s": "_seconds"}


def flat(metric: Metric) -> str:
    """Return a metric's name with underscores, without any suffix."""
    return metric.name.replace(".", "_")


def spellings(metric: Metric, scheme: NameScheme, part: str = "") -> tuple[str, ...]:
    """List the names that a metric may have in Prometheus.

    Args:
        metric: As it is emitted.
        scheme: Which spellings to list.
        part: `_bucket`, `_sum` or `_count` of a histogram.
    """
    is_counter = metric.instrument is names.Instrument.COUNTER
    suffix = _UNIT_SUFFIXES.get(metric.unit, "") + ("_total" if is_counter else "")
    with_suffixes, without = f"{flat(metric)}{suffix}{part}", f"{flat(metric)}{part}"
    if scheme is NameScheme.SUFFIXES:
        return (with_suffixes,)
    if scheme is NameScheme.NO_SUFFIXES:
        return (without,)
    return tuple(dict.fromkeys((with_suffixes, without)))


def emitted(
    metric: Metric, config: MixinConfig, part: str = "", matchers: str = "", at: str = ""
) -> tuple[str, ...]:
    """Select what was emitted, once for each allowed spelling.

    Args:
        metric: As it is emitted.
        config: The settings.
        part: `_bucket`, `_sum` or `_count` of a histogram.
        matchers: In addition to those of the settings.
        at: A range or an offset, such as `[5m]`.
    """
    inside = ",".join(filter(None, (config.selector, matchers)))
    braces = f"{{{inside}}}" if inside else ""
    return tuple(f"{name}{braces}{at}" for name in spellings(metric, config.names, part))


def counter(metric: Metric, part: str = "") -> str:
    """Name the counter that our rules keep for a metric, by instance and template.

    The series of one process start and reset together, so their sum is a counter, too.
    """
    return f"instance_template:{flat(metric)}{part}:sum"


def increment(metric: Metric, part: str = "") -> str:
    """Name a metric's growth since the previous evaluation, by instance and template."""
    return f"instance_template:{flat(metric)}{part}:increase"


def job_increment(what: str, level: str = "job_template") -> str:
    """Name what our rules record for each template at each evaluation."""
    return f"{level}:promptcache_{what}:increase"


def windowed(what: str, operation: str, window_seconds: int, level: str = "job_template") -> str:
    """Name what our rules record over a window, for each template or each model."""
    return f"{level}:promptcache_{what}:{operation}{duration(window_seconds)}"


HIT_RATIO_BASELINE = "job_template:promptcache_hit_ratio:baseline"
HIT_RATIO_SEASONS = "job_template:promptcache_hit_ratio:seasons"
HIT_SECONDS_BASELINE = "job_model:promptcache_hit_first_token_seconds:baseline"
HIT_SECONDS_SEASONS = "job_model:promptcache_hit_first_token_seconds:seasons"
INSTANCES = "job_version:promptcache_instances:count"

REPORTING = "instance:promptcache_reporting:group"
"""The processes that report."""
OBSERVED = "instance:promptcache_observed:group"
"""Those whose new series began after the last evaluation, so that their first value counts."""

MINHASH = "instance_template:promptcache_prefix_minhash:max"
DISTINCT_VARIANTS = "job_fingerprint:promptcache_prefix_variants:distinct"
"""How many different sets of a template's variants the processes of a job have; 1 if all have the same."""
VARIANT_PROCESSES = "job_fingerprint:promptcache_prefix_variants:processes"
"""How many processes those are."""
DISTINCT_SHARE = "job_template:promptcache_prefix_variants:distinct_ratio"
"""The first as a share of the second."""
