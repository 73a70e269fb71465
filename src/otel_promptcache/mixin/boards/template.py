"""One prompt template in depth."""

from __future__ import annotations

from otel_promptcache.mixin.boards import grafana, panels, queries
from otel_promptcache.mixin.boards.grafana import stat, table, timeseries
from otel_promptcache.mixin.config import TEMPLATE_DASHBOARD, MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.series import FINGERPRINT, MODEL, REASON, RESULT

UID = TEMPLATE_DASHBOARD
TITLE = "Prompt caching / Template"
DESCRIPTION = (
    "How well the prompt cache serves one prompt template, since when, and what happened at that time. Dashed "
    "lines are deploys: a new prompt must be written to the cache once before it can be read."
)


def rows(config: MixinConfig) -> list[tuple[str, list[stat.Panel | timeseries.Panel | table.Panel]]]:
    """List the rows with their panels."""
    return [
        (
            "Summary",
            [
                _hit_ratio_now(config).span(12),
                _saved(config).span(6),
                _lost(config).span(6),
            ],
        ),
        ("Trends", [_hit_ratio(config).span(12), _variants(config).span(6), _in_use(config).span(6)]),
        ("Misses", [_misses(config).span(12), _requests(config).span(12)]),
        (
            "Cost",
            [_tokens(config).span(8), panels.writes(config).span(8), _dollars(config).span(8)],
        ),
        ("Details", [_fingerprints(config).span(24)]),
    ]


def _hit_ratio_now(config: MixinConfig) -> stat.Panel:
    return panels.hit_ratio_now(
        config,
        "Share of this template's input tokens that were read from the prompt cache over the selected time "
        "range, and over the same range a day and a week earlier.",
    )


def _saved(config: MixinConfig) -> stat.Panel:
    return panels.saved(
        config,
        "US dollars that caching saved on this template, minus the surcharge for writes. Below zero, it would "
        "be cheaper without caching: what is written is rarely read.",
    )


def _lost(config: MixinConfig) -> stat.Panel:
    return panels.lost(
        config,
        "US dollars that could have been saved on this template: tokens that were sent before and should have "
        "been read from the cache, but were processed again.",
    )


def _hit_ratio(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Hit ratio vs. baseline",
        "Share of the input tokens read from the cache, and the baseline: what is usual at this time of day "
        f"and week, or for a younger template in the last {duration(config.recent_seconds)}. The alert "
        f"compares the two. The baseline needs at least {duration(config.min_recent_seconds)} of history.",
        grafana.PERCENT,
        queries.hit_ratio(config)[0],
        queries.baseline(),
    )
    return panel.min(0).max(1)


def _variants(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        f"New prefix variants ({duration(config.slow_window_seconds)})",
        "Number of new variants of the template's leading part. A variant that several processes see for the "
        "first time counts once. A few per deploy are normal. A steady flow means that something in it, such "
        "as a date or an id, is different in each request, so the cache can never read past it.",
        grafana.COUNT,
        queries.new_variants(config),
    )


def _in_use(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        "Concurrent prefix variants",
        "Number of distinct variants in use, and number of processes. One variant is healthy, two are normal "
        "in a rolling deploy. If each process has its own, look for a list without a fixed order.",
        grafana.COUNT,
        *queries.variants_against_processes(),
    )


def _misses(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Miss reasons",
        "Requests that read less than they could have, by reason. Reasons that end in _changed name the part "
        "of the request that changed. cold_start and expired are normal with low traffic. unseen: one process "
        "alone cannot tell, because others send the prompt, too.",
        grafana.REQUESTS_PER_SECOND,
        queries.misses_by(REASON),
    )


def _requests(config: MixinConfig) -> timeseries.Panel:
    return panels.requests(
        config,
        "hit: everything that could be read was. partial: clearly less. miss: nothing, although the prompt was "
        "long enough. ineligible: too short for the cache, or the model has none. gateway_hit: a gateway "
        "answered from its own cache. unknown: the answer did not report how much was cached.",
    )


def _tokens(config: MixinConfig) -> timeseries.Panel:
    return panels.tokens(
        config,
        "Read from the cache, written to it, and processed without it.",
    )


def _dollars(config: MixinConfig) -> timeseries.Panel:
    return panels.cost(
        config, "The billed cost of the input, the net savings from caching, and the cost of misses."
    )


def _fingerprints(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Fingerprints",
        "The fingerprints behind the template's name. A fingerprint is computed from the beginning of the "
        "prompts, ignoring dates, ids and numbers. A new one means that the text was edited, or that two "
        "prompts share a name.",
        [(queries.fingerprints(), "Requests", grafana.COUNT)],
        "Requests",
        {FINGERPRINT: "Fingerprint", MODEL: "Model", RESULT: "Result"},
    )
