"""Why requests missed, what that cost, and what changed when."""

from __future__ import annotations

from otel_promptcache.mixin.boards import grafana, queries
from otel_promptcache.mixin.boards.grafana import stat, table, timeseries
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.series import REASON, SOURCE, TEMPLATE

UID = "promptcache-why"
TITLE = "Prompt caching: why"
DESCRIPTION = (
    "A miss is a request that read less from the prompt cache than it could have. Each has one reason, found "
    "by the provider or, where it says nothing, by comparing the prompt with those that went before."
)


def rows(config: MixinConfig) -> list[tuple[str, list[stat.Panel | timeseries.Panel | table.Panel]]]:
    """List the rows with their panels."""
    return [
        ("What it costs", [_lost(config).span(12), _lost_by_template(config).span(12)]),
        ("How often", [_misses(config).span(12), _missed_tokens(config).span(12)]),
        ("What changed when", [_changes(config).span(8), _variants(config).span(8), _in_use(config).span(8)]),
        ("Who says so", [_sources(config).span(12), _misses_by_template(config).span(12)]),
        ("Who knows of it", [_coverage(config).span(12), _fleet_operations(config).span(12)]),
    ]


def _lost(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Lost dollars per hour by reason",
        "What misses cost at list prices, by why they happened. This is what fixing the reason would save.",
        grafana.USD,
        queries.lost_per_hour_by_reason(),
    )


def _lost_by_template(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Lost dollars by template and reason",
        "Where to begin: what misses cost in the selected time, the dearest first.",
        [(queries.lost_by_template_and_reason(), "Lost", grafana.USD)],
        "Lost",
        {TEMPLATE: "Template", REASON: "Reason"},
    )


def _misses(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Misses by reason",
        "Requests that read less than they could have. tools_changed, input_changed and the like: that part of "
        "the request is not the same any more. cold_start: first of its kind. expired: the last one was too "
        "long ago. rate_overflow: more per minute than one machine takes. provider: nothing we can see. unseen: "
        f"other processes send the prompt, too, and [one alone cannot say]({config.runbooks.rstrip('/')}/unseen.md).",
        grafana.REQUESTS_PER_SECOND,
        queries.misses_by(REASON),
    )


def _missed_tokens(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Tokens processed again by reason",
        "Tokens that had been sent before and could not be read from the cache; an estimate.",
        grafana.TOKENS_PER_SECOND,
        queries.missed_tokens_by_reason(),
    )


def _changes(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Changes per minute",
        "Misses because something was not the same as before, by template and by what it was. A step that begins "
        "with a deploy (dashed line) is a deploy's doing; one that was always there is a habit of the "
        "application, such as a date at the top of the instructions.",
        grafana.COUNT,
        queries.changes(),
    )


def _variants(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        f"New variants in {duration(config.slow_window_seconds)} by template",
        "How many texts of a template's leading part were new. What several processes see for the first time counts "
        "once, so a rollout is one or two.",
        grafana.COUNT,
        queries.new_variants(config),
    )


def _in_use(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        "Variants at the same time by template",
        "How many different variants the processes of a job have. One is sound, two are a rolling deploy; as many as "
        "there are processes mean that each makes its own, such as tools in the order of a hash seed.",
        grafana.COUNT,
        queries.variants_in_use(),
    )


def _sources(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Misses by source",
        "Who found the reason: the provider's own diagnostics, or the client's comparison with what it sent "
        "before. The first wins where there is one.",
        grafana.REQUESTS_PER_SECOND,
        queries.misses_by(SOURCE),
    )


def _misses_by_template(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Misses by template and reason",
        "How often each template missed for each reason in the selected time, the most frequent first.",
        [(queries.misses_by_template_and_reason(), "Misses", grafana.COUNT)],
        "Misses",
        {TEMPLATE: "Template", REASON: "Reason", SOURCE: "Source"},
    )


def _coverage(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Verdicts by history",
        "What requests were judged by: what their own process has sent, or what the whole fleet has. Without a "
        "fleet's memory all are of the process.",
        grafana.REQUESTS_PER_SECOND,
        queries.verdicts_by_history(),
    )


def _fleet_operations(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Fleet memory: operations",
        "Questions to the fleet's memory and updates of it. late: the model answered first. dropped: too many "
        "waited. failed: the store is away or refuses. What is not ok costs a verdict of the fleet; no call waits.",
        grafana.REQUESTS_PER_SECOND,
        queries.fleet_operations(),
    )
