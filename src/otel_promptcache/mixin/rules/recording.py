"""The recording rules: how each template did lately, and how it usually does.

*Windows* have no value if there was too little traffic. *Baselines* are what is usual at this time. Both read only
what `increases` records at each evaluation, never an emitted series.
"""

from __future__ import annotations

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.promql import any_of, by, select, total
from otel_promptcache.mixin.rules.increases import BUCKET
from otel_promptcache.mixin.rules.rule import Recording
from otel_promptcache.mixin.rules.variants import variant_rules
from otel_promptcache.mixin.series import (
    ERROR_TYPE,
    HIT_RATIO_BASELINE,
    HIT_RATIO_SEASONS,
    HIT_SECONDS_BASELINE,
    HIT_SECONDS_SEASONS,
    MODEL,
    RESULT,
    STATE,
    TEMPLATE,
    Metric,
    increment,
    job_increment,
    windowed,
)
from otel_promptcache.telemetry import names

ELIGIBLE = f'{RESULT}=~"hit|partial|miss", {ERROR_TYPE}=""'
"""Answered requests that a prompt cache could have served."""
ANSWERED = f'{ERROR_TYPE}=""'
UNREPORTED = f'{RESULT}="unknown", {ERROR_TYPE}=""'
ONE_TEMPLATE = f'{TEMPLATE}!~"|{names.OTHER}"'
"""Excludes what belongs to no template, and what is a mixture of many."""


def template_keys(config: MixinConfig) -> tuple[str, ...]:
    """List the labels that distinguish templates."""
    return (*config.job_labels, "job", TEMPLATE)


def model_keys(config: MixinConfig) -> tuple[str, ...]:
    """List the labels that distinguish models."""
    return (*config.job_labels, "job", MODEL)


_SUMMED: tuple[tuple[str, Metric, str], ...] = (
    ("requests", names.REQUESTS, ""),
    ("eligible_requests", names.REQUESTS, ELIGIBLE),
    ("answered_requests", names.REQUESTS, ANSWERED),
    ("unreported_requests", names.REQUESTS, UNREPORTED),
    ("read_tokens", names.TOKENS, f'{STATE}="read"'),
    ("written_tokens", names.TOKENS, f'{STATE}="write"'),
    ("input_tokens", names.TOKENS, ""),
    ("missed_savings", names.MISSED_SAVINGS, ""),
)
"""What is recorded for each template, and which part of which counter it is."""

NET_WRITE_COST = "net_write_cost"
"""Dollars that writing cost more than reading saved, for templates that pay for writes and whose prices are known."""
_SUMMED_OVER_TIME = (*(what for what, _, _ in _SUMMED), NET_WRITE_COST)

_HIT_BUCKETS = job_increment("hit_first_token_seconds_bucket", "job_model")
_HIT_HISTOGRAM = job_increment("hit_first_token_seconds", "job_model")


def window_rules(config: MixinConfig) -> list[Recording]:
    """Record how each template did in the fast and in the slow window, and the speed of each model's hits."""
    keys = template_keys(config)
    # Summed over processes before time: the cost of a window depends on the templates, not on the processes.
    of_all = [
        Recording(
            record=job_increment(what),
            expr=total(select(increment(metric), ONE_TEMPLATE, matchers), keys),
        )
        for what, metric, matchers in _SUMMED
    ]
    surcharge, savings = (
        total(select(increment(metric), ONE_TEMPLATE), keys)
        for metric in (names.WRITE_SURCHARGE, names.SAVINGS)
    )
    ttft, hit, models = names.TIME_TO_FIRST_TOKEN_DISTRIBUTION, f'{RESULT}="hit"', model_keys(config)
    return [
        *of_all,
        Recording(
            record=job_increment(NET_WRITE_COST), expr=f"{surcharge}\n-\n({savings} or 0 * {surcharge})"
        ),
        Recording(record=_HIT_BUCKETS, expr=total(select(increment(ttft, BUCKET), hit), (*models, "le"))),
        Recording(record=_HIT_HISTOGRAM, expr=total(select(increment(ttft), hit), models)),
        *variant_rules(config, keys, ONE_TEMPLATE),
        *_window(config.fast_window_seconds, config.min_requests_fast),
        *_window(config.slow_window_seconds, config.min_requests_slow),
    ]


def _window(seconds: int, floor: int) -> list[Recording]:
    within = f"[{duration(seconds)}]"
    sums = [
        Recording(
            record=windowed(what, "increase", seconds), expr=f"sum_over_time({job_increment(what)}{within})"
        )
        for what in _SUMMED_OVER_TIME
    ]
    eligible, read, tokens = (
        windowed(what, "increase", seconds) for what in ("eligible_requests", "read_tokens", "input_tokens")
    )
    buckets, histogram = (f"sum_over_time({one}{within})" for one in (_HIT_BUCKETS, _HIT_HISTOGRAM))
    of_buckets = f'sum without (le) (sum_over_time({_HIT_BUCKETS}{{le="+Inf"}}{within}))'
    return [
        *sums,
        Recording(
            record=windowed("hit_ratio", "ratio", seconds),
            expr=f"{read} / ({tokens} > 0)\nand\n{eligible} >= {floor}",
        ),
        Recording(
            record=windowed("hit_first_token_seconds", "median", seconds, "job_model"),
            expr=any_of(
                f"(histogram_quantile(0.5, {buckets}) and {of_buckets} >= {floor})",
                f"(histogram_quantile(0.5, {histogram}) and histogram_count({histogram}) >= {floor})",
            ),
        ),
    ]


def baseline_rules(config: MixinConfig) -> list[Recording]:
    """Record what is usual for each template, and each model, at this time of the day and of the week."""
    slow = config.slow_window_seconds
    templates, models = by(template_keys(config)), by(model_keys(config))
    ratio = windowed("hit_ratio", "ratio", slow)
    hit_seconds = windowed("hit_first_token_seconds", "median", slow, "job_model")
    return [
        *_baseline(HIT_RATIO_BASELINE, HIT_RATIO_SEASONS, ratio, templates, (0, 0.25), config),
        *_baseline(HIT_SECONDS_BASELINE, HIT_SECONDS_SEASONS, hit_seconds, models, (1, 0.75), config),
    ]


def _baseline(
    baseline: str, seasons: str, name: str, keys: str, poorer: tuple[float, float], config: MixinConfig
) -> list[Recording]:
    """The median over the seasons: a single outlier, such as a weekend or an incident, cannot move it.

    With two seasons it is the poorer one, as nobody can tell which is the outlier. A template that is too young
    for either is compared with the poorer quartile of its recent values.
    """
    worst, poorer_quartile = poorer
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
