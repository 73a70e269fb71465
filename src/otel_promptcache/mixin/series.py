"""Names of series: those that are emitted, as Prometheus spells them, and those that our rules record."""

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
ERROR_TYPE = names.ERROR_TYPE.replace(".", "_")
TEMPLATE = "template"
"""The name of a prompt template, or its fingerprint where it has none; made by our rules."""

_UNIT_SUFFIXES = {"s": "_seconds"}


def flat(metric: Metric) -> str:
    """Return a metric's name with underscores, without any suffix."""
    return metric.name.replace(".", "_")


def spellings(metric: Metric, scheme: NameScheme, part: str = "") -> tuple[str, ...]:
    """List the names that a metric may have in Prometheus.

    Args:
        metric: As it is emitted.
        scheme: Which spellings are meant.
        part: `_bucket`, `_sum` or `_count` of a histogram.
    """
    is_counter = metric.instrument is names.Instrument.COUNTER
    suffix = _UNIT_SUFFIXES.get(metric.unit, "") + ("_total" if is_counter else "")
    with_suffixes, without = f"{flat(metric)}{suffix}{part}", f"{flat(metric)}{part}"
    if scheme is NameScheme.SUFFIXES:
        return (with_suffixes,)
    if scheme is NameScheme.NO_SUFFIXES:
        return (without,)
    return (with_suffixes, without)


def emitted(metric: Metric, config: MixinConfig, part: str = "", matchers: str = "") -> tuple[str, ...]:
    """Select what was emitted, once for each allowed spelling."""
    inside = ",".join(filter(None, (config.selector, matchers)))
    braces = f"{{{inside}}}" if inside else ""
    return tuple(f"{name}{braces}" for name in spellings(metric, config.names, part))


def counter(metric: Metric, part: str = "") -> str:
    """Name the counter that our rules keep of a metric, by instance and template.

    One process' cells start and restart together, so their sum is a counter, too.
    """
    return f"instance_template:{flat(metric)}{part}:sum"


def windowed(what: str, operation: str, window_seconds: int) -> str:
    """Name what our rules record of each template over a window."""
    return f"job_template:promptcache_{what}:{operation}{duration(window_seconds)}"


HIT_RATIO_BASELINE = "job_template:promptcache_hit_ratio:baseline"
HIT_RATIO_SEASONS = "job_template:promptcache_hit_ratio:seasons"
HIT_SECONDS_BASELINE = "job_template:promptcache_hit_first_token_seconds:baseline"
HIT_SECONDS_SEASONS = "job_template:promptcache_hit_first_token_seconds:seasons"
INSTANCES = "job_version:promptcache_instances:count"
