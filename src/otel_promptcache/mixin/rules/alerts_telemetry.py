"""The alerts about what the others cannot see: usage that is not reported, and jobs that report nothing."""

from __future__ import annotations

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.promql import all_of, any_of, by, indent
from otel_promptcache.mixin.rules.recording import from_season, template_keys
from otel_promptcache.mixin.rules.rule import COUNT, INFO, PERCENT, WARNING, Alert
from otel_promptcache.mixin.series import REPORTING, windowed


def usage_unreported(config: MixinConfig) -> Alert:
    """A template whose answers do not say what was cached."""

    def share(seconds: int, floor: int) -> str:
        answered = windowed("answered_requests", "increase", seconds)
        unreported = windowed("unreported_requests", "increase", seconds)
        return f"{unreported} / ({answered} >= {floor}) > {config.unreported_share}"

    slow = config.slow_window_seconds
    return Alert(
        name="PromptCacheUsageUnreported",
        expr=all_of(
            share(slow, config.min_requests_slow), share(config.fast_window_seconds, config.min_requests_fast)
        ),
        for_seconds=config.warm_up_seconds,
        calm_seconds=config.calm_seconds,
        severity=INFO,
        summary="Many answers for {template} in {job} do not report cache usage.",
        description=(
            f"{{value}} of the answered requests of {{template}} in the last {duration(slow)} did not report "
            "cache usage, so hit ratio and dollars exclude them."
        ),
        shown_as=PERCENT,
        labels=template_keys(config),
    )


def telemetry_absent(config: MixinConfig) -> Alert:
    """A job that does not report at a time when it used to."""
    keys = (*config.job_labels, "job")
    reporting = f"group {by(keys)} ({REPORTING}"
    half_width = config.season_width_seconds // 2
    # Before and after as well, so that a job may start and stop somewhat earlier or later than it did then.
    seasons = any_of(
        *(
            from_season(
                " and ".join(
                    f"{reporting} offset {duration(age + shift)})" for shift in (-half_width, 0, half_width)
                ),
                duration(age),
            )
            for age in config.seasons_seconds
        )
    )
    expected = f"count {by(keys)} (\n{indent(seasons)}\n) >= {config.min_seasons}"
    return Alert(
        name="PromptCacheTelemetryAbsent",
        expr=f"{expected}\nunless\n{reporting})",
        for_seconds=config.absent_seconds,
        severity=WARNING,
        summary="{job} no longer reports metrics of prompt caching.",
        description=(
            "No process of {job} sends metrics of prompt caching, although the job did at this time in {value} "
            f"of the {len(config.seasons_seconds)} earlier periods it is compared with. Processes report even "
            "without traffic, so either none is running, or their telemetry is lost."
        ),
        shown_as=COUNT,
        labels=keys,
    )
