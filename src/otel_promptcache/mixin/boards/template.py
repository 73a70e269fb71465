"""One prompt template in depth."""

from __future__ import annotations

from otel_promptcache.mixin.boards import grafana, panels, queries
from otel_promptcache.mixin.boards.grafana import stat, table, timeseries
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.series import FINGERPRINT, MODEL, REASON, RESULT

UID = "promptcache-template"
TITLE = "Prompt caching: one template"
DESCRIPTION = (
    "How the prompt cache serves one prompt template, since when, and what happened then. Dashed lines are "
    "deploys: a new prompt has to be written to the cache once before it can be read."
)


def rows(config: MixinConfig) -> list[tuple[str, list[stat.Panel | timeseries.Panel | table.Panel]]]:
    """List the rows with their panels."""
    return [
        (
            "At a glance",
            [
                _hit_ratio_now(config).span(12),
                _saved(config).span(6),
                _lost(config).span(6),
            ],
        ),
        ("Since when", [_hit_ratio(config).span(12), _variants(config).span(6), _in_use(config).span(6)]),
        ("Why", [_misses(config).span(12), _requests(config).span(12)]),
        ("What it costs", [_tokens(config).span(12), _dollars(config).span(12)]),
        ("What it consists of", [_fingerprints(config).span(24)]),
    ]


def _hit_ratio_now(config: MixinConfig) -> stat.Panel:
    return panels.hit_ratio_now(
        config,
        "Share of this template's input tokens that were read from the prompt cache in the selected time, and "
        "in the same time a day and a week earlier.",
    )


def _saved(config: MixinConfig) -> stat.Panel:
    return panels.saved(
        config,
        "US dollars that caching saved on this template, less what writing to the cache cost extra. Below "
        "zero, it would be cheaper without: what is written is hardly read.",
    )


def _lost(config: MixinConfig) -> stat.Panel:
    return panels.lost(
        config,
        "US dollars for tokens of this template that had been sent before and were processed again.",
    )


def _hit_ratio(config: MixinConfig) -> timeseries.Panel:
    panel = grafana.lines(
        config,
        "Hit ratio over time",
        "Share of the input tokens read from the cache, and what is usual at this time of the day and of the "
        "week: the alert compares the two. The second needs a day of history.",
        grafana.PERCENT,
        queries.hit_ratio(config)[0],
        queries.baseline(),
    )
    return panel.min(0).max(1)


def _variants(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        f"New variants in {duration(config.slow_window_seconds)}",
        "How many texts of the template's leading part were new; what several processes see for the first time counts "
        "once. A few with each deploy are normal. A steady flow means that something in it, such as a date or an id, "
        "is new in each request, and that the cache can never read past it.",
        grafana.COUNT,
        queries.new_variants(config),
    )


def _in_use(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        "Variants at the same time",
        "How many different variants the processes have, and how many processes there are. One is sound, two are a "
        "rolling deploy; if each has its own, look for a list without a fixed order.",
        grafana.COUNT,
        *queries.variants_against_processes(),
    )


def _misses(config: MixinConfig) -> timeseries.Panel:
    return grafana.stacked(
        config,
        "Misses by reason",
        "Requests that read less than they could have, by why. Reasons that end in _changed say which part of "
        "the request is not the same any more; cold_start and expired are the price of little traffic; "
        "unseen: one process alone cannot say, because others send the prompt, too.",
        grafana.REQUESTS_PER_SECOND,
        queries.misses_by(REASON),
    )


def _requests(config: MixinConfig) -> timeseries.Panel:
    return panels.requests(
        config,
        "hit: all that could be was read. partial: clearly less. miss: nothing, though the prompt was long "
        "enough. ineligible: too short for the cache. unknown: the answer did not say.",
    )


def _tokens(config: MixinConfig) -> timeseries.Panel:
    return panels.tokens(
        config,
        "Read from the cache, written to it, and processed without it.",
    )


def _dollars(config: MixinConfig) -> timeseries.Panel:
    return grafana.lines(
        config,
        "Dollars per hour",
        "What the input is billed at, what caching saves on it, and what misses cost.",
        grafana.USD,
        queries.billed_per_hour(),
        queries.saved_per_hour(),
        queries.lost_per_hour(),
    )


def _fingerprints(config: MixinConfig) -> table.Panel:
    return grafana.rows_of(
        config,
        "Fingerprints",
        "What the template's name stands for. A fingerprint is made from how prompts begin, with dates, ids and "
        "numbers left out; a new one means that the text itself was edited, or that two prompts share a name.",
        [(queries.fingerprints(), "Requests", grafana.COUNT)],
        "Requests",
        {FINGERPRINT: "Fingerprint", MODEL: "Model", RESULT: "Result"},
    )
