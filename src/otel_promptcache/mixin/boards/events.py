"""Queries for annotations: deploys, rollouts and prompt changes."""

from __future__ import annotations

from otel_promptcache.mixin.boards.selection import JOB, OF_TEMPLATE, Query
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.promql import by, select
from otel_promptcache.mixin.series import INSTANCES, MINHASH, REPORTING, TEMPLATE, windowed


def prompt_changes(config: MixinConfig) -> Query:
    """Templates whose variants in a job's processes differ from before, unless they keep changing anyway.

    A process that restarts with the same prompt changes nothing here.
    """
    keys = by([*config.job_labels, "job", TEMPLATE])
    hashes, before = select(MINHASH, OF_TEMPLATE), f" offset {duration(config.warm_up_seconds)}"
    variants = windowed("prefix_variants", "increase", config.slow_window_seconds)
    is_unstable = f"sum {keys} ({select(variants, OF_TEMPLATE)}) > {config.variants_per_hour:.10g}"
    return Query(f"min {keys} ({hashes}) != min {keys} ({hashes}{before}) unless {is_unstable}", "")


def deploys() -> Query:
    """Versions that report now and did not ten minutes ago."""
    running = select(INSTANCES, JOB)
    return Query(f"{running} unless {running} offset 10m", "")


def rollouts(config: MixinConfig) -> Query:
    """Jobs most of whose processes were not yet reporting one warm-up time ago, and how many processes those are."""
    running = select(REPORTING, JOB)
    keys = by([*config.job_labels, "job"])
    new = f"count {keys} ({running} unless {running} offset {duration(config.warm_up_seconds)})"
    return Query(f"{new} > 0.5 * count {keys} ({running})", "")
