"""The panels that the overview shows of all templates and the template's page of one."""

from __future__ import annotations

from otel_promptcache.mixin.boards import grafana, queries
from otel_promptcache.mixin.boards.grafana import stat, timeseries
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.series import RESULT

_RESULT_COLORS = {
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
        "Saved, net",
        description,
        grafana.USD,
        grafana.GOOD_DOLLARS,
        queries.saved_in_range(),
    )


def lost(config: MixinConfig, description: str) -> stat.Panel:
    """Show the dollars that misses cost."""
    return grafana.numbers(
        config,
        "Lost to misses",
        description,
        grafana.USD,
        grafana.BAD_DOLLARS,
        queries.lost_in_range(),
    )


def tokens(config: MixinConfig, description: str) -> timeseries.Panel:
    """Show the input by what became of it."""
    panel = grafana.stacked(
        config,
        "Input tokens",
        description,
        grafana.TOKENS_PER_SECOND,
        queries.tokens_by_state(),
    )
    return grafana.colored(panel, {"read": grafana.GREEN, "write": "orange", "uncached": "blue"})


def requests(config: MixinConfig, description: str) -> timeseries.Panel:
    """Show the requests by how they fared."""
    panel = grafana.stacked(
        config,
        "Requests by result",
        description,
        grafana.REQUESTS_PER_SECOND,
        queries.requests_by(RESULT),
    )
    return grafana.colored(panel, _RESULT_COLORS)
