"""The recording rules: the one place that knows how emitted metrics are spelled in Prometheus.

Three steps. *Series* bring both spellings under one name and give every template one label. *Windows* say how
each template fared lately, and are silent where there was too little traffic. *Baselines* say how it used to.
"""

from __future__ import annotations

from collections.abc import Sequence

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.promql import any_of, by, indent, select, total
from otel_promptcache.mixin.rules import Recording
from otel_promptcache.mixin.series import (
    ERROR_TYPE,
    FINGERPRINT,
    HIT_RATIO_BASELINE,
    HIT_RATIO_SEASONS,
    HIT_SECONDS_BASELINE,
    HIT_SECONDS_SEASONS,
    INSTANCES,
    MODEL,
    PREFIX_NAME,
    PROVIDER,
    REASON,
    RESULT,
    SOURCE,
    STATE,
    TEMPLATE,
    Metric,
    counter,
    emitted,
    windowed,
)
from otel_promptcache.telemetry import names

_BUCKET = "_bucket"

_COUNTERS: tuple[tuple[Metric, str, tuple[str, ...]], ...] = (
    (names.REQUESTS, "", (FINGERPRINT, RESULT, ERROR_TYPE)),
    (names.TOKENS, "", (STATE,)),
    (names.SAVINGS, "", ()),
    (names.WRITE_SURCHARGE, "", ()),
    (names.INPUT_COST, "", ()),
    (names.MISSES, "", (REASON, SOURCE)),
    (names.MISSED_TOKENS, "", (REASON,)),
    (names.MISSED_SAVINGS, "", (REASON,)),
    (names.PREFIX_VARIANTS, "", ()),
    (names.UNPRICED, "", ()),
    (names.TIME_TO_FIRST_TOKEN_DISTRIBUTION, _BUCKET, (RESULT, "le")),
)

ELIGIBLE = f'{RESULT}=~"hit|partial|miss", {ERROR_TYPE}=""'
"""Answered requests that a prompt cache could have served."""
ANSWERED = f'{ERROR_TYPE}=""'
UNREPORTED = f'{RESULT}="unknown", {ERROR_TYPE}=""'
ONE_TEMPLATE = f'{TEMPLATE}!~"|{names.OTHER}"'
"""Leaves out what belongs to no template, and what is a mixture of many."""


def template_keys(config: MixinConfig) -> tuple[str, ...]:
    """List the labels that tell templates apart."""
    return (*config.keep_labels, "job", TEMPLATE)


def series_rules(config: MixinConfig) -> list[Recording]:
    """Bring the emitted counters under one name, with one label for the template."""
    keys = (*config.keep_labels, "job", "instance", PROVIDER, MODEL, TEMPLATE)
    rules = [
        Recording(
            record=counter(metric, part),
            expr=f"sum {by((*keys, *labels))} (\n{indent(_with_template(emitted(metric, config, part)))}\n)",
        )
        for metric, part, labels in _COUNTERS
    ]
    return [*rules, Recording(record=INSTANCES, expr=_instances(config))]


def _with_template(spelled: Sequence[str]) -> str:
    """Label with the name of the template, or else with its fingerprint."""
    expr = " or ".join(spelled)
    for label in (FINGERPRINT, PREFIX_NAME):
        expr = f'label_replace(\n{indent(expr)},\n  "{TEMPLATE}", "$1", "{label}", "(.+)"\n)'
    return expr


def _instances(config: MixinConfig) -> str:
    """Count processes by version; without `target_info` all versions are one."""
    where = (*config.keep_labels, "job", "instance")
    requests = " or ".join(emitted(names.REQUESTS, config))
    versioned = f"target_info and on (job, instance) group {by(where)} ({requests})"
    # Some receivers put the version onto every series instead.
    others = f"group {by((*where, 'service_version'))} ({requests})"
    keys = (*config.keep_labels, "job", "service_version")
    return f"count {by(keys)} (\n  ({versioned})\n  or on (job, instance)\n  {others}\n)"


def window_rules(config: MixinConfig) -> list[Recording]:
    """Say how each template fared in the fast and in the slow window."""
    return [
        rule
        for seconds, floor in (
            (config.fast_window_seconds, config.min_requests_fast),
            (config.slow_window_seconds, config.min_requests_slow),
        )
        for rule in _window(config, seconds, floor)
    ]


def _window(config: MixinConfig, seconds: int, floor: int) -> list[Recording]:
    keys = template_keys(config)

    def increase(metric: Metric, matchers: str = "", part: str = "") -> str:
        chosen = select(counter(metric, part), ONE_TEMPLATE, matchers)
        return f"increase({chosen}[{duration(seconds)}])"

    def record(what: str, expr: str, operation: str = "increase") -> Recording:
        return Recording(record=windowed(what, operation, seconds), expr=expr)

    eligible = windowed("eligible_requests", "increase", seconds)
    read, tokens = (windowed(what, "increase", seconds) for what in ("read_tokens", "input_tokens"))
    ttft, hits = names.TIME_TO_FIRST_TOKEN_DISTRIBUTION, f'{RESULT}="hit"'
    hit_buckets = increase(ttft, hits, _BUCKET)
    hit_count = increase(ttft, f'{hits}, le="+Inf"', _BUCKET)
    return [
        record("requests", total(increase(names.REQUESTS), keys)),
        record("eligible_requests", total(increase(names.REQUESTS, ELIGIBLE), keys)),
        record("answered_requests", total(increase(names.REQUESTS, ANSWERED), keys)),
        record("unreported_requests", total(increase(names.REQUESTS, UNREPORTED), keys)),
        record("read_tokens", total(increase(names.TOKENS, f'{STATE}="read"'), keys)),
        record("written_tokens", total(increase(names.TOKENS, f'{STATE}="write"'), keys)),
        record("input_tokens", total(increase(names.TOKENS), keys)),
        record("prefix_variants", total(increase(names.PREFIX_VARIANTS), keys)),
        record("missed_savings", total(increase(names.MISSED_SAVINGS), keys)),
        record("hit_ratio", f"{read} / ({tokens} > 0)\nand\n{eligible} >= {floor}", "ratio"),
        record(
            "hit_first_token_seconds",
            f"histogram_quantile(0.5, {total(hit_buckets, (*keys, 'le'))})\n"
            f"and\n{total(hit_count, keys)} >= {floor}",
            "median",
        ),
    ]


def baseline_rules(config: MixinConfig) -> list[Recording]:
    """Say what each template used to be like at this time of the day and of the week."""
    slow = config.slow_window_seconds
    ratio = windowed("hit_ratio", "ratio", slow)
    hit_seconds = windowed("hit_first_token_seconds", "median", slow)
    return [
        *_baseline(HIT_RATIO_BASELINE, HIT_RATIO_SEASONS, ratio, (0, 0.25), config),
        *_baseline(HIT_SECONDS_BASELINE, HIT_SECONDS_SEASONS, hit_seconds, (1, 0.75), config),
    ]


def _baseline(
    baseline: str, seasons: str, name: str, poorer: tuple[float, float], config: MixinConfig
) -> list[Recording]:
    """The median over the seasons: no single outlier, be it a weekend or an incident, can move it.

    Of two it is the poorer one, as nobody can tell which is the outlier. A template that is too young for
    either is compared with the poorer end of what is known of it.
    """
    worst, poorer_quartile = poorer
    keys = by(template_keys(config))
    recent = f"{name}[{duration(config.recent_seconds)}] offset {duration(config.slow_window_seconds)}"
    samples = max(1, config.min_recent_seconds // config.evaluation_seconds)
    ranges = season_ranges(config)
    values = [from_season(f"quantile_over_time(0.5, {name}{at})", age) for age, at in ranges]
    return [
        Recording(record=seasons, expr=any_of(*values)),
        Recording(
            record=baseline,
            expr=any_of(
                f"(quantile {keys} (0.5, {seasons}) and count {keys} ({seasons}) >= {config.min_seasons + 1})",
                f"(quantile {keys} ({worst}, {seasons}) and count {keys} ({seasons}) >= {config.min_seasons})",
                f"(\n  quantile_over_time({poorer_quartile}, {recent})\n"
                f"  and count_over_time({recent}) >= {samples}\n)",
            ),
        ),
    ]


def season_ranges(config: MixinConfig) -> list[tuple[str, str]]:
    """List the earlier times that are comparable with now: their age, and the range around them."""
    width = config.season_width_seconds
    return [
        (duration(age), f"[{duration(width)}] offset {duration(age - width // 2)}")
        for age in config.seasons_seconds
    ]


def from_season(expr: str, age: str) -> str:
    """Keep series of different seasons apart."""
    return f'label_replace({expr}, "season", "{age}", "", "")'
