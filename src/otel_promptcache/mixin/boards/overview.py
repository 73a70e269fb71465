"""The dashboard to begin with: where prompt caching works, where it does not, since when and what it costs."""

from __future__ import annotations

from otel_promptcache.mixin.boards import first_token, grafana, panels, queries
from otel_promptcache.mixin.boards.grafana import stat, table, timeseries
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.series import TEMPLATE

UID = "promptcache-overview"
TITLE = "Prompt caching: overview"
DESCRIPTION = (
    "A provider keeps the beginning of long prompts for a while. A later request that begins with exactly the "
    "same text reads it from that cache: up to 90 % cheaper, and much sooner. Nothing fails when it does not "
    "work; this dashboard shows where it does not."
)


def rows(config: MixinConfig) -> list[tuple[str, list[stat.Panel | timeseries.Panel | table.Panel]]]:
    """List the rows with their panels."""
    return [
        (
            "At a glance",
            [
                _hit_ratio_now(config).span(8),
                _saved(config).span(4),
                _lost(config).span(4),
                _first_token_now(config).span(4),
                _left_out(config).span(4),
            ],
        ),
        ("Since when", [_hit_ratio(config).span(12), _hit_ratio_by_template(config).span(12)]),
        ("What it costs", [_dollars(config).span(12), _templates(config).span(12)]),
        ("Traffic", [_tokens(config).span(12), _requests(config).span(12)]),
        ("How long users wait", [_first_token(config).span(12), _first_token_traces(config).span(12)]),
    ]


def _hit_ratio_now(config: MixinConfig) -> stat.Panel:
    return panels.hit_ratio_now(
        config,
        "Share of all input tokens that were read from the prompt cache in the selected time, and in the same "
        "time a day and a week earlier. 0 % means that every prompt was processed in full. Long stable "
        "instructions with short questions reach 90 %; prompts that are mostly new text never will.",
    )


def _saved(config: MixinConfig) -> stat.Panel:
    return panels.saved(
        config,
        "US dollars that caching saved in the selected time at list prices: what the tokens read would have "
        "cost as ordinary input, less what writing to the cache cost extra. Below zero, caching costs money.",
    )


def _lost(config: MixinConfig) -> stat.Panel:
    return panels.lost(
        config,
        "US dollars that could have been saved in the selected time: tokens that had been sent before and "
        "should have been read from the cache, but were processed again.",
    )


def _first_token_now(config: MixinConfig) -> stat.Panel:
    return grafana.numbers(
        config,
        "First token after",
        "Median time from the request to the first token of a streamed answer: of requests that hit the cache, "
        "and of those that did not or only in part. The difference is what users wait for. By model: it is not told "
        "apart by template.",
        grafana.SECONDS,
        grafana.PLAIN,
        first_token.of_range("hits", is_hit=True),
        first_token.of_range("misses", is_hit=False),
    )


def _left_out(config: MixinConfig) -> stat.Panel:
    return grafana.numbers(
        config,
        "Left out",
        "Share of the answered requests that the other numbers do not include: because the answer did not "
        "say how much was cached, or because the price is not known. The more, the less the rest says. The "
        "second is for all templates together.",
        grafana.PERCENT,
        grafana.BAD_SHARE,
        queries.unreported_share(),
        queries.unpriced_share(),
    )


def _hit_ratio(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Hit ratio against earlier",
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
        "The same for each prompt template. A template is what its prompts begin with; it goes by its name, "
        "or by a fingerprint if nobody gave it one.",
        grafana.PERCENT,
        queries.hit_ratio_by_template(),
    )
    return panel.min(0).max(1)


def _dollars(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Dollars per hour",
        "What the input is billed at, what caching saves on it (net of what writing to the cache costs extra), "
        "and what misses cost that could have been hits. List prices.",
        grafana.USD,
        queries.billed_per_hour(),
        queries.saved_per_hour(),
        queries.lost_per_hour(),
    )
    return grafana.colored(
        panel, {"billed input": "blue", "saved, net": grafana.GREEN, "lost to misses": grafana.RED}
    )


def _templates(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Templates by lost dollars",
        "Where to begin: the templates whose misses cost most in the selected time. A template with a poor hit "
        "ratio and nothing lost has little in its prompts that could have been cached.",
        [
            (queries.lost_in_range(TEMPLATE), "Lost", grafana.USD),
            (queries.saved_in_range(TEMPLATE), "Saved, net", grafana.USD),
            (queries.hit_ratio_by_template(is_instant=True), "Hit ratio", grafana.PERCENT),
            (queries.requests_by_template(), "Requests", grafana.COUNT),
        ],
        "Lost",
        {TEMPLATE: "Template"},
    )


def _tokens(config: MixinConfig) -> timeseries.Panel:
    return panels.tokens(
        config,
        "Read from the cache (cheap), written to it (on newer models at extra cost) and processed without it. "
        "Together they are the whole input.",
    )


def _requests(config: MixinConfig) -> timeseries.Panel:
    return panels.requests(
        config,
        "hit: all that could be was read from the cache. partial: clearly less. miss: nothing, though the "
        "prompt was long enough. ineligible: too short for the cache. unknown: the answer did not say.",
    )


def _first_token(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        "Time to first token",
        "From the request to the first token of a streamed answer: the median and the slowest tenth, of hits "
        "and of all others that could have been hits. By model: it is not told apart by template. Hits that are slow "
        "have another cause than the cache: the provider, the network, or a longer answer to think about.",
        grafana.SECONDS,
        first_token.over_time(0.5, "hits, median", is_hit=True),
        first_token.over_time(0.9, "hits, slowest tenth from", is_hit=True),
        first_token.over_time(0.5, "misses, median", is_hit=False),
        first_token.over_time(0.9, "misses, slowest tenth from", is_hit=False),
    )


def _first_token_traces(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        "Single requests",
        "The same by result, with dots for single requests: click one to see its trace. It takes exemplars, "
        "which Prometheus keeps if it is told to, and a link from them in the data source.",
        grafana.SECONDS,
        first_token.exemplars(config),
    )
