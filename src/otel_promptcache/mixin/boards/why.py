"""Why requests missed, what that cost, and what changed when."""

from __future__ import annotations

from otel_promptcache.mixin.boards import grafana, links, queries
from otel_promptcache.mixin.boards.grafana import stat, table, timeseries
from otel_promptcache.mixin.config import WHY_DASHBOARD, MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.series import REASON, SOURCE, TEMPLATE

UID = WHY_DASHBOARD
TITLE = "Prompt caching / Misses"
DESCRIPTION = (
    "A miss is a request that read less from the prompt cache than it could have. Each has one reason, "
    "reported by the provider or, if it reports none, found by comparing the prompt with earlier ones."
)


def rows(config: MixinConfig) -> list[tuple[str, list[stat.Panel | timeseries.Panel | table.Panel]]]:
    """List the rows with their panels."""
    return [
        ("Cost", [_lost(config).span(12), _lost_by_template(config).span(12)]),
        ("Reasons", [_misses(config).span(12), _missed_tokens(config).span(12)]),
        ("Changes", [_changes(config).span(8), _variants(config).span(8), _in_use(config).span(8)]),
        ("Sources", [_sources(config).span(12), _misses_by_template(config).span(12)]),
        ("History and fleet", [_coverage(config).span(12), _fleet_operations(config).span(12)]),
    ]


def _lost(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Missed savings per hour by reason",
        "Cost of misses at list prices, by reason: what fixing that reason would save.",
        grafana.USD,
        queries.lost_per_hour_by_reason(),
    )


def _lost_by_template(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Missed savings by template and reason",
        "Start here: the cost of misses over the selected time range, most expensive first.",
        [(queries.lost_by_template_and_reason(), "Missed savings", grafana.USD)],
        "Missed savings",
        {TEMPLATE: "Template", REASON: "Reason"},
        {"Template": links.FROM_CELL},
    )


def _misses(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Miss reasons",
        "Requests that read less than they could have. tools_changed, input_changed and the like: that part of "
        "the request changed. cold_start: the first of its kind. expired: the previous one was too long ago. "
        "rate_overflow: more requests per minute than one machine takes. provider: no cause found in the "
        "requests. unseen: other processes send the prompt, too, and "
        f"[one process alone cannot tell]({config.runbooks.rstrip('/')}/unseen.md).",
        grafana.REQUESTS_PER_SECOND,
        queries.misses_by(REASON),
    )


def _missed_tokens(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Missed tokens by reason",
        "Tokens that were sent before but not read from the cache; an estimate.",
        grafana.TOKENS_PER_SECOND,
        queries.missed_tokens_by_reason(),
    )


def _changes(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.stacked(
        config,
        "Prompt changes per minute",
        "Misses because part of the request changed, by template and part. A step at a deploy (dashed line) "
        "was caused by that deploy; a constant level comes from how the application builds its prompts, such "
        "as a date at the top of the instructions.",
        grafana.COUNT,
        queries.changes(),
    )
    return grafana.linked(panel, links.FROM_SERIES)


def _variants(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        f"New prefix variants ({duration(config.slow_window_seconds)})",
        "Number of new variants of a template's leading part. A variant that several processes see for the "
        "first time counts once, so a rollout adds one or two.",
        grafana.COUNT,
        queries.new_variants(config),
    )
    return grafana.linked(grafana.with_many(panel), links.FROM_SERIES)


def _in_use(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Concurrent prefix variants",
        "Number of distinct variants in use by the processes of a job. One is healthy, two are normal in a "
        "rolling deploy. As many as there are processes means that each builds its own, for example tools in "
        "an order that depends on the hash seed.",
        grafana.COUNT,
        queries.variants_in_use(),
    )
    return grafana.linked(grafana.with_many(panel), links.FROM_SERIES)


def _sources(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Miss sources",
        "Who found the reason: the provider's own diagnostics, or the client's comparison with what it sent "
        "before. The provider's takes precedence.",
        grafana.REQUESTS_PER_SECOND,
        queries.misses_by(SOURCE),
    )


def _misses_by_template(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Misses by template and reason",
        "How often each template missed for each reason over the selected time range, most frequent first.",
        [(queries.misses_by_template_and_reason(), "Misses", grafana.COUNT)],
        "Misses",
        {TEMPLATE: "Template", REASON: "Reason", SOURCE: "Source"},
        {"Template": links.FROM_CELL},
    )


def _coverage(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.stacked(
        config,
        "History coverage",
        "Share of requests by the history they were judged by: that of their own process, or that of the whole "
        "fleet. Without the fleet's memory, it is always that of the process.",
        grafana.PERCENT,
        queries.history_coverage(),
    )
    return panel.min(0).max(1)


def _fleet_operations(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.stacked(
        config,
        "Fleet operations by outcome",
        "Queries and updates of the fleet's memory. late: the model answered first. dropped: too many were "
        "queued, or the process ended. failed: the store is unavailable or refused. An operation that is not "
        "ok costs a verdict of the fleet; calls never wait.",
        grafana.OPERATIONS_PER_SECOND,
        queries.fleet_operations(),
    )
    return panel.no_value("No fleet memory")
