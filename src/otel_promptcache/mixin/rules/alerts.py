"""The alerts: what each is about, when it fires, and what it tells the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from otel_promptcache.mixin.config import HOUR, MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.promql import all_of, any_of, by, indent
from otel_promptcache.mixin.rules.alerts_telemetry import telemetry_absent, usage_unreported
from otel_promptcache.mixin.rules.recording import NET_WRITE_COST, model_keys, template_keys
from otel_promptcache.mixin.rules.rule import COUNT, CRITICAL, PERCENT, SECONDS, USD, WARNING, Alert, Number
from otel_promptcache.mixin.rules.variants import distinct_variants
from otel_promptcache.mixin.series import (
    HIT_RATIO_BASELINE,
    HIT_RATIO_SEASONS,
    HIT_SECONDS_BASELINE,
    MODEL,
    windowed,
)


def alerts(config: MixinConfig) -> list[Alert]:
    """List all alerts, each with the address of its runbook."""
    makers: tuple[Callable[[MixinConfig], Alert], ...] = (
        _hit_ratio_dropped,
        _hit_ratio_below_objective,
        _prefix_unstable,
        _dollars_lost,
        _writes_never_read,
        _hits_slow,
        usage_unreported,
        telemetry_absent,
    )
    stated = [make(config) for make in makers]
    base = config.runbooks.rstrip("/")
    return [replace(alert, runbook_url=f"{base}/{alert.slug}.md") for alert in stated]


def _both(config: MixinConfig, what: str, operation: str, condition: str) -> str:
    """Require a condition in the slow window, and that it still holds in the fast one."""
    slow = windowed(what, operation, config.slow_window_seconds)
    fast = windowed(what, operation, config.fast_window_seconds)
    return all_of(f"{slow} {condition}", f"{fast} {condition}")


def _hit_ratio_dropped(config: MixinConfig) -> Alert:
    slow, fast = (
        windowed("hit_ratio", "ratio", seconds)
        for seconds in (config.slow_window_seconds, config.fast_window_seconds)
    )
    dropped = f"< {config.drop_ratio} * {HIT_RATIO_BASELINE}"
    known = f"count {by(template_keys(config))} ({HIT_RATIO_SEASONS}) >= {config.min_seasons}"
    # A new template's weekends are not known yet, so only a collapse counts before its first one.
    collapsed = f"{slow} < {config.young_drop_ratio} * {HIT_RATIO_BASELINE}"
    return Alert(
        name="PromptCacheHitRatioDropped",
        expr=all_of(
            f"(\n{indent(any_of(f'{slow} {dropped} and {known}', collapsed))}\n)",
            f"{fast} {dropped}",
            f"{slow} < {HIT_RATIO_BASELINE} - {config.drop_points_share}",
        ),
        for_seconds=config.warm_up_seconds,
        calm_seconds=config.calm_seconds,
        severity=CRITICAL,
        summary="The prompt cache hit ratio of {template} in {job} has dropped.",
        description=(
            "{value} of the input tokens of {template} were read from the prompt cache in the last "
            f"{duration(config.slow_window_seconds)}; {{baseline}} is usual at this time. The drop has lasted "
            "longer than a cache takes to warm up. Something at the start of the prompt probably changes with "
            "every request now."
        ),
        shown_as=PERCENT,
        labels=template_keys(config),
        numbers={"baseline": Number(expr=HIT_RATIO_BASELINE, shown_as=PERCENT)},
    )


def _hit_ratio_below_objective(config: MixinConfig) -> Alert:
    return Alert(
        name="PromptCacheHitRatioBelowObjective",
        expr=_both(config, "hit_ratio", "ratio", f"< {config.objective_ratio}"),
        for_seconds=config.objective_seconds,
        calm_seconds=config.calm_seconds,
        severity=WARNING,
        summary="The prompt cache hit ratio of {template} in {job} is below its objective.",
        description=(
            "{value} of the input tokens of {template} were read from the prompt cache in the last "
            f"{duration(config.slow_window_seconds)}; the objective is {100 * config.objective_ratio:.10g}%. "
            "Its prompts are long enough for the cache."
        ),
        shown_as=PERCENT,
        labels=template_keys(config),
    )


def _prefix_unstable(config: MixinConfig) -> Alert:
    """New variants keep coming, or the processes of a job each have variants of their own."""
    keys = template_keys(config)
    slow, fast = config.slow_window_seconds, config.fast_window_seconds

    def keep_coming(seconds: int) -> str:
        variants = windowed("prefix_variants", "increase", seconds)
        requests = windowed("requests", "increase", seconds)
        return all_of(
            f"{variants} > {config.variants_per_hour * seconds / HOUR:.10g}",
            f"{variants} > {config.variants_share} * {requests}",
        )

    differ = all_of(
        distinct_variants(config, keys),
        f"{windowed('requests', 'increase', slow)} >= {config.min_requests_slow}",
        f"{windowed('requests', 'increase', fast)} >= {config.min_requests_fast}",
    )
    return Alert(
        name="PromptCachePrefixUnstable",
        expr=any_of(
            *(f"(\n{indent(one)}\n)" for one in (all_of(keep_coming(slow), keep_coming(fast)), differ))
        ),
        for_seconds=config.warm_up_seconds,
        calm_seconds=config.calm_seconds,
        severity=WARNING,
        summary="The start of the prompts of {template} in {job} keeps changing.",
        description=(
            "The leading part of {template} had {value} different texts in {requests} requests in the last "
            f"{duration(slow)}. A prompt cache only reads what starts with exactly the same text: look for a "
            "date, an id, or a list without a fixed order, such as one that depends on the hash seed."
        ),
        shown_as=COUNT,
        labels=keys,
        numbers={"requests": Number(expr=windowed("requests", "increase", slow), shown_as=COUNT)},
    )


def _dollars_lost(config: MixinConfig) -> Alert:
    def condition(seconds: int) -> str:
        limit = config.lost_usd_per_hour * seconds / HOUR
        return f"{windowed('missed_savings', 'increase', seconds)} > {limit:.10g}"

    slow = config.slow_window_seconds
    return Alert(
        name="PromptCacheDollarsLost",
        expr=all_of(condition(slow), condition(config.fast_window_seconds)),
        for_seconds=config.warm_up_seconds,
        calm_seconds=config.calm_seconds,
        severity=WARNING,
        summary="Cache misses of {template} in {job} cost more than the configured limit.",
        description=(
            f"In the last {duration(slow)}, misses of {{template}} cost {{value}} US dollars more than reading "
            f"the same tokens from the prompt cache would have; the limit is {config.lost_usd_per_hour:.10g} "
            "per hour."
        ),
        shown_as=USD,
        labels=template_keys(config),
    )


def _writes_never_read(config: MixinConfig) -> Alert:
    slow = config.slow_window_seconds
    net_usd = windowed(NET_WRITE_COST, "increase", slow)
    read = windowed("read_tokens", "increase", slow)
    written = windowed("written_tokens", "increase", slow)
    return Alert(
        name="PromptCacheWritesNeverRead",
        expr=all_of(
            f"{net_usd} > 0",
            f"{written} > {config.min_written_tokens}",
            f"{windowed('written_tokens', 'increase', config.fast_window_seconds)} > 0",
        ),
        for_seconds=config.writes_seconds,
        calm_seconds=config.calm_seconds,
        severity=WARNING,
        summary="Prompt cache writes of {template} in {job} are read too rarely to pay for themselves.",
        description=(
            f"In the last {duration(slow)}, {{template}} wrote {{written}} tokens to the prompt cache and read "
            "{read}. Writing cost {value} US dollars more than reading saved, so it would be cheaper without "
            "caching."
        ),
        shown_as=USD,
        labels=template_keys(config),
        numbers={
            "written": Number(expr=written, shown_as=COUNT),
            "read": Number(expr=read, shown_as=COUNT),
        },
    )


def _hits_slow(config: MixinConfig) -> Alert:
    slow, fast = (
        windowed("hit_first_token_seconds", "median", seconds, "job_model")
        for seconds in (config.slow_window_seconds, config.fast_window_seconds)
    )
    usual = f"> {config.slow_hits_factor} * {HIT_SECONDS_BASELINE}"
    return Alert(
        name="PromptCacheHitsSlow",
        expr=all_of(
            f"{slow} {usual}",
            f"{fast} {usual}",
            f"{slow} > {HIT_SECONDS_BASELINE} + {config.slow_hits_margin_seconds}",
        ),
        for_seconds=config.warm_up_seconds,
        calm_seconds=config.calm_seconds,
        severity=WARNING,
        summary=f"Cache hits on {{{MODEL}}} in {{job}} wait much longer for the first token than usual.",
        description=(
            f"The median time to the first token of requests to {{{MODEL}}} that hit the prompt cache was "
            f"{{value}} in the last {duration(config.slow_window_seconds)}; {{baseline}} is usual at this time."
        ),
        shown_as=SECONDS,
        labels=model_keys(config),
        numbers={"baseline": Number(expr=HIT_SECONDS_BASELINE, shown_as=SECONDS)},
    )
