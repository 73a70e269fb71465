"""The dashboard to start with: where prompt caching works, where it does not, since when and what it costs."""

from __future__ import annotations

from otel_promptcache.mixin.boards import first_token, grafana, links, panels, queries
from otel_promptcache.mixin.boards.grafana import stat, table, timeseries
from otel_promptcache.mixin.config import OVERVIEW_DASHBOARD, MixinConfig
from otel_promptcache.mixin.series import TEMPLATE

UID = OVERVIEW_DASHBOARD
TITLE = "Prompt caching / Overview"
DESCRIPTION = (
    "Providers cache the beginning of long prompts for a while. A later request that begins with exactly the "
    "same text reads it from that cache: up to 90% cheaper, and much faster. Nothing fails when caching does "
    "not work; this dashboard shows where it does not."
)


def rows(config: MixinConfig) -> list[tuple[str, list[stat.Panel | timeseries.Panel | table.Panel]]]:
    """List the rows with their panels."""
    return [
        (
            "Summary",
            [
                _hit_ratio_now(config).span(6),
                _saved(config).span(4),
                _lost(config).span(4),
                _first_token_now(config).span(4),
                _unreported(config).span(3),
                _unpriced(config).span(3),
            ],
        ),
        ("Trends", [_hit_ratio(config).span(12), _hit_ratio_by_template(config).span(12)]),
        ("Cost", [_dollars(config).span(12).height(11), _templates(config).span(12).height(11)]),
        (
            "Traffic",
            [
                _tokens(config).span(12),
                _requests(config).span(12),
                panels.writes(config).span(12),
                _gateway_hits(config).span(12),
            ],
        ),
        ("Latency", [_first_token(config).span(12), _first_token_traces(config).span(12)]),
    ]


def _hit_ratio_now(config: MixinConfig) -> stat.Panel:
    return panels.hit_ratio_now(
        config,
        "Share of all input tokens that were read from the prompt cache over the selected time range, and over "
        "the same range a day and a week earlier. 0% means that every prompt was processed in full. Long "
        "stable instructions with short questions reach 90%; prompts that are mostly new text never will.",
    )


def _saved(config: MixinConfig) -> stat.Panel:
    return panels.saved(
        config,
        "US dollars that caching saved over the selected time range at list prices: how much more the tokens "
        "read would have cost as ordinary input, minus the surcharge for writes. Below zero, caching cost more "
        "than it saved.",
    )


def _lost(config: MixinConfig) -> stat.Panel:
    return panels.lost(
        config,
        "US dollars that could have been saved over the selected time range: tokens that were sent before and "
        "should have been read from the cache, but were processed again.",
    )


def _first_token_now(config: MixinConfig) -> stat.Panel:
    return grafana.numbers(
        config,
        "TTFT p50",
        "Median time from the request to the first token of a streamed answer, for hits, and for misses and "
        "partial hits. The difference is how much longer users wait. By model only, not by template.",
        grafana.SECONDS,
        grafana.PLAIN,
        first_token.of_range("hits", is_hit=True),
        first_token.of_range("misses", is_hit=False),
    )


def _unreported(config: MixinConfig) -> stat.Panel:
    return grafana.numbers(
        config,
        "Unreported usage",
        "Share of answered requests whose answer did not report how much was cached. Hit ratio and dollars "
        "exclude them: the higher this share, the less the other numbers mean.",
        grafana.PERCENT,
        grafana.BAD_SHARE,
        queries.unreported_share(),
    )


def _unpriced(config: MixinConfig) -> stat.Panel:
    return grafana.numbers(
        config,
        "Unpriced requests",
        "Share of answered requests that the dollars exclude because the price or the usage is unknown. For "
        "all templates together.",
        grafana.PERCENT,
        grafana.BAD_SHARE,
        queries.unpriced_share(),
    )


def _hit_ratio(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Hit ratio vs. earlier",
        "Share of the input tokens that was read from the cache, now and at the same time a day and a week "
        "earlier. A dip right after a deploy is normal: new prompts have to be written first.",
        grafana.PERCENT,
        *queries.hit_ratio(config),
    )
    return panel.min(0).max(1)


def _hit_ratio_by_template(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Hit ratio by template",
        "The same for each prompt template. A template is the common beginning of its prompts; it is shown by "
        "its name, or by a fingerprint if it has none.",
        grafana.PERCENT,
        queries.hit_ratio_by_template(),
    )
    return grafana.linked(grafana.with_many(panel.min(0).max(1)), links.FROM_SERIES)


def _dollars(config: MixinConfig) -> timeseries.Panel:
    return panels.cost(
        config,
        "The billed cost of the input, the savings from caching (net of the surcharge for writes), and the "
        "cost of misses that could have been hits. At list prices.",
    )


def _templates(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Top templates by missed savings",
        "Start here: the templates whose misses cost the most over the selected time range. If a template has "
        "a poor hit ratio but no missed savings, little of its prompts could have been cached.",
        [
            (queries.lost_in_range(TEMPLATE), "Missed savings", grafana.USD),
            (queries.saved_in_range(TEMPLATE), "Net savings", grafana.USD),
            (queries.hit_ratio_by_template(is_instant=True), "Hit ratio", grafana.PERCENT),
            (queries.requests_by_template(), "Requests", grafana.COUNT),
        ],
        "Missed savings",
        {TEMPLATE: "Template"},
        {"Template": links.FROM_CELL},
    )


def _tokens(config: MixinConfig) -> timeseries.Panel:
    return panels.tokens(
        config,
        "Read from the cache (cheap), written to it (at extra cost on newer models), and processed without it. "
        "Together they are the whole input.",
    )


def _requests(config: MixinConfig) -> timeseries.Panel:
    return panels.requests(
        config,
        "hit: everything that could be read from the cache was. partial: clearly less. miss: nothing, although "
        "the prompt was long enough. ineligible: too short for the cache, or the model has none. gateway_hit: a "
        "gateway answered from its own cache. unknown: the answer did not report how much was cached.",
    )


def _gateway_hits(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Gateway hits",
        "Share of requests that a gateway answered from its own response cache. They never reached a provider, "
        "so they count as requests but in no other number.",
        grafana.PERCENT,
        queries.gateway_hit_share(),
    )
    return panel.min(0).max(1)


def _first_token(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "TTFT p50/p95",
        "Time from the request to the first token of a streamed answer: median and 95th percentile, for hits, "
        "and for misses and partial hits. By model only, not by template. If hits are slow, the cause is not "
        "the cache but the provider, the network, or longer reasoning.",
        grafana.SECONDS,
        first_token.over_time(0.5, "hits p50", is_hit=True),
        first_token.over_time(0.95, "hits p95", is_hit=True),
        first_token.over_time(0.5, "misses p50", is_hit=False),
        first_token.over_time(0.95, "misses p95", is_hit=False),
    )
    colors = {
        "hits p50": grafana.GREEN,
        "hits p95": "light-green",
        "misses p50": "orange",
        "misses p95": grafana.RED,
    }
    return grafana.colored(panel, colors)


def _first_token_traces(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "TTFT exemplars",
        "The median by result, with a dot for each sampled request: click one to see its trace. Requires "
        "exemplar storage in Prometheus, and an exemplar link in the data source.",
        grafana.SECONDS,
        first_token.exemplars(config),
    )
    return grafana.colored(panel, panels.RESULT_COLORS)
