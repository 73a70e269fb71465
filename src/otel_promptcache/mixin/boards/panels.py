"""The panels that the overview shows for all templates, and the template's dashboard for one."""

from __future__ import annotations

from otel_promptcache.mixin.boards import grafana, queries
from otel_promptcache.mixin.boards.grafana import stat, timeseries
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.series import RESULT

RESULT_COLORS = {
    "hit": grafana.GREEN,
    "partial": grafana.YELLOW,
    "miss": grafana.RED,
    "ineligible": "gray",
    "gateway_hit": "light-blue",
    "unknown": "purple",
}


def hit_ratio_now(config: MixinConfig, description: str) -> stat.Panel:
    """Show the hit ratio of the selected time, and what it was earlier."""
    return grafana.numbers(
        config,
        "Hit ratio",
        description,
        grafana.PERCENT,
        grafana.GOOD_RATIO,
        *queries.hit_ratio_of_range(config),
    )


def saved(config: MixinConfig, description: str) -> stat.Panel:
    """Show the net dollars saved."""
    return grafana.numbers(
        config,
        "Net savings",
        description,
        grafana.USD,
        grafana.GOOD_DOLLARS,
        queries.saved_in_range(),
    )


def lost(config: MixinConfig, description: str) -> stat.Panel:
    """Show the dollars that misses cost."""
    return grafana.numbers(
        config,
        "Missed savings",
        description,
        grafana.USD,
        grafana.BAD_DOLLARS,
        queries.lost_in_range(),
    )


def cost(config: MixinConfig, description: str) -> timeseries.Panel:
    """Show the dollars per hour."""
    panel = grafana.lines(
        config,
        "Cost per hour",
        description,
        grafana.USD,
        queries.billed_per_hour(),
        queries.saved_per_hour(),
        queries.lost_per_hour(),
    )
    colors = {"billed input": "blue", "net savings": grafana.GREEN, "missed savings": grafana.RED}
    return grafana.colored(panel, colors)


def tokens(config: MixinConfig, description: str) -> timeseries.Panel:
    """Show the input tokens by state."""
    panel = grafana.stacked(
        config,
        "Input tokens by state",
        description,
        grafana.TOKENS_PER_SECOND,
        queries.tokens_by_state(),
    )
    return grafana.colored(panel, {"read": grafana.GREEN, "write": "orange", "uncached": "blue"})


def writes(config: MixinConfig) -> timeseries.Panel:
    """Show the tokens written to the cache, by lifetime."""
    return grafana.stacked(
        config,
        "Cache writes by lifetime",
        "Tokens written to the cache, by the lifetime that the provider reports for them: longer lifetimes "
        "cost more to write. Not all providers report it.",
        grafana.TOKENS_PER_SECOND,
        queries.writes_by_lifetime(),
    )


def requests(config: MixinConfig, description: str) -> timeseries.Panel:
    """Show the requests by result."""
    panel = grafana.stacked(
        config,
        "Requests by result",
        description,
        grafana.REQUESTS_PER_SECOND,
        queries.requests_by(RESULT),
    )
    return grafana.colored(panel, RESULT_COLORS)
