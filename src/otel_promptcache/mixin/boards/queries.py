"""The panels' queries, each defined once. They read only recorded series, whose spelling does not vary."""

from __future__ import annotations

from collections.abc import Callable

from otel_promptcache.mixin.boards.selection import (
    OF_MODEL,
    OF_TEMPLATE,
    PROCESS,
    Query,
    in_legend,
    in_range,
    increase,
    per_second,
    rate,
    ratio,
    summed,
)
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.promql import by, select
from otel_promptcache.mixin.rules.recording import ANSWERED, UNREPORTED
from otel_promptcache.mixin.series import (
    DISTINCT_VARIANTS,
    FINGERPRINT,
    HISTORY,
    HIT_RATIO_BASELINE,
    MODEL,
    OUTCOME,
    REASON,
    RESULT,
    SOURCE,
    STATE,
    TEMPLATE,
    VARIANT_PROCESSES,
    WRITE_TTL,
    Metric,
    increment,
    windowed,
)
from otel_promptcache.telemetry import names

_HOUR = "3600 * "


# Hit ratio.
def hit_ratio_of_range(config: MixinConfig) -> list[Query]:
    """The cached share of all input tokens in the selected range, now and earlier."""
    return [
        Query(
            ratio(
                increase(names.TOKENS, f'{STATE}="read"', offset=offset),
                increase(names.TOKENS, offset=offset),
            ),
            legend,
            is_instant=True,
        )
        for legend, offset in _now_and_earlier(config)
    ]


def hit_ratio(config: MixinConfig) -> list[Query]:
    """The cached share of the input tokens over time, now and earlier."""
    return [
        Query(
            ratio(rate(names.TOKENS, f'{STATE}="read"', offset=offset), rate(names.TOKENS, offset=offset)),
            legend,
        )
        for legend, offset in _now_and_earlier(config)
    ]


def _now_and_earlier(config: MixinConfig) -> list[tuple[str, str]]:
    ages = [duration(seconds) for seconds in config.earlier_seconds]
    return [("now", ""), *((f"{age} earlier", f" offset {age}") for age in ages)]


def hit_ratio_by_template(*, is_instant: bool = False) -> Query:
    """The same, by template."""
    of = increase if is_instant else rate
    by_template = ratio(of(names.TOKENS, f'{STATE}="read"'), of(names.TOKENS), TEMPLATE)
    return Query(by_template, in_legend(TEMPLATE), is_instant)


def baseline() -> Query:
    """The usual hit ratio of a template at this time, if known."""
    return Query(f"avg({select(HIT_RATIO_BASELINE, OF_TEMPLATE)})", "baseline")


# Tokens and requests.
def tokens_by_state() -> Query:
    """Input tokens per second by state."""
    return Query(summed(rate(names.TOKENS), STATE), in_legend(STATE))


def requests_by(label: str) -> Query:
    """Requests per second by a label."""
    return Query(summed(rate(names.REQUESTS), label), in_legend(label))


def writes_by_lifetime() -> Query:
    """Written tokens per second by the lifetime that the provider reports for them."""
    written = summed(rate(names.TOKENS, f'{STATE}="write"'), WRITE_TTL)
    named = f'label_replace({written}, "{WRITE_TTL}", "not reported", "{WRITE_TTL}", "")'
    return Query(named, in_legend(WRITE_TTL))


def gateway_hit_share() -> Query:
    """Share of the requests that a gateway answered from a cache of its own."""
    answered, all_ = rate(names.REQUESTS, f'{RESULT}="gateway_hit"'), rate(names.REQUESTS)
    return Query(f"({summed(answered)} or 0 * {summed(all_)}) / ({summed(all_)} > 0)", "gateway hits")


def requests_by_template() -> Query:
    """Requests in the range, by template."""
    return Query(summed(increase(names.REQUESTS), TEMPLATE), "requests", is_instant=True)


def fingerprints() -> Query:
    """Requests in the range by the fingerprints that a template's name stands for."""
    keys = (FINGERPRINT, MODEL, RESULT)
    return Query(summed(increase(names.REQUESTS), *keys), "requests", is_instant=True)


# Dollars. A counter that was never added to has no series; if requests were priced, it counts as 0.
def _or_nothing(of: Callable[[Metric], str], metric: Metric, *labels: str) -> str:
    return f"({summed(of(metric), *labels)} or 0 * {summed(of(names.INPUT_COST), *labels)})"


def _saved(of: Callable[[Metric], str], *labels: str) -> str:
    """Read discount less write surcharge."""
    return f"{_or_nothing(of, names.SAVINGS, *labels)} - {_or_nothing(of, names.WRITE_SURCHARGE, *labels)}"


def saved_in_range(*labels: str) -> Query:
    """Net dollars in the range."""
    return Query(_saved(increase, *labels), "saved", is_instant=True)


def lost_in_range(*labels: str) -> Query:
    """What misses cost in the range."""
    return Query(_or_nothing(increase, names.MISSED_SAVINGS, *labels), "lost", is_instant=True)


def saved_per_hour() -> Query:
    """Net dollars saved per hour."""
    return Query(f"{_HOUR}({_saved(rate)})", "net savings")


def lost_per_hour() -> Query:
    """Dollars per hour that misses cost."""
    return Query(f"{_HOUR}{_or_nothing(rate, names.MISSED_SAVINGS)}", "missed savings")


def lost_per_hour_by_reason() -> Query:
    """The same, by reason."""
    return Query(f"{_HOUR}{summed(rate(names.MISSED_SAVINGS), REASON)}", in_legend(REASON))


def billed_per_hour() -> Query:
    """Dollars per hour that the input is billed at."""
    return Query(f"{_HOUR}{summed(rate(names.INPUT_COST))}", "billed input")


# Misses and variants.
def misses_by(label: str) -> Query:
    """Misses per second by a label."""
    return Query(summed(rate(names.MISSES), label), in_legend(label))


def misses_by_template_and_reason() -> Query:
    """Misses in the range, by template, reason and who found the reason."""
    return Query(summed(increase(names.MISSES), TEMPLATE, REASON, SOURCE) + " > 0", "misses", is_instant=True)


def lost_by_template_and_reason() -> Query:
    """Dollars lost in the range, by template and reason."""
    return Query(summed(increase(names.MISSED_SAVINGS), TEMPLATE, REASON) + " > 0", "lost", is_instant=True)


def missed_tokens_by_reason() -> Query:
    """Tokens per second that were processed again, by reason."""
    return Query(summed(rate(names.MISSED_TOKENS), REASON), in_legend(REASON))


def changes() -> Query:
    """Misses per minute caused by a change, by template and by what changed."""
    changed = f'{REASON}=~".+_changed|context_compacted"'
    legend = f"{in_legend(TEMPLATE)}: {in_legend(REASON)}"
    return Query(f"60 * {summed(rate(names.MISSES, changed), TEMPLATE, REASON)}", legend)


def new_variants(config: MixinConfig) -> Query:
    """New variants in the slow window, by template; one that several processes see counts once. Not by process."""
    variants = windowed("prefix_variants", "increase", config.slow_window_seconds)
    return Query(summed(select(variants, OF_TEMPLATE), TEMPLATE), in_legend(TEMPLATE))


def variants_in_use() -> Query:
    """How many different variants processes have at the same time, by template."""
    return Query(f"max {by([TEMPLATE])} ({select(DISTINCT_VARIANTS, OF_TEMPLATE)})", in_legend(TEMPLATE))


def variants_against_processes() -> list[Query]:
    """The same for one template, and how many processes those are."""
    return [
        Query(f"max({select(name, OF_TEMPLATE)})", legend)
        for name, legend in ((DISTINCT_VARIANTS, "variants"), (VARIANT_PROCESSES, "processes"))
    ]


# The fleet's memory. Its series have no template and no model.
def history_coverage() -> Query:
    """Share of the judged requests, by the history they were judged with."""
    verdicts = per_second(select(increment(names.VERDICTS), PROCESS))
    whole = f"ignoring ({HISTORY}) group_left () ({summed(verdicts)} > 0)"
    return Query(f"{summed(verdicts, HISTORY)} / {whole}", in_legend(HISTORY))


def fleet_operations() -> Query:
    """Lookups in the memory and updates of it per second, by outcome."""
    operations = per_second(select(increment(names.FLEET_OPERATIONS), PROCESS))
    return Query(summed(operations, OUTCOME), in_legend(OUTCOME))


# What the other numbers leave out.
def unreported_share() -> Query:
    """Share of the answered requests in the range whose cache usage was not reported."""
    unknown, all_ = increase(names.REQUESTS, UNREPORTED), increase(names.REQUESTS, ANSWERED)
    return Query(f"({summed(unknown)} or vector(0)) / ({summed(all_)} > 0)", "unreported", is_instant=True)


def unpriced_share() -> Query:
    """Share of the answered requests in the range that the dollars leave out. Not by template."""
    unpriced = in_range(select(increment(names.UNPRICED), OF_MODEL))
    answered = in_range(select(increment(names.REQUESTS), OF_MODEL, ANSWERED))
    return Query(f"({summed(unpriced)} or vector(0)) / ({summed(answered)} > 0)", "unpriced", is_instant=True)
