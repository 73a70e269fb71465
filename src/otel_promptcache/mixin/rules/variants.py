"""How many variants of a template are new to the whole job, though no process knows about the others.

Each process counts a variant once when it first sees it, so fifty processes that roll out one new prompt count fifty.
`promptcache.prefix.minhash` tells which of them are the same: it is the smallest hash of the variants that a process
saw lately. The probability that it is equal for two processes is the share of variants that they have in common. So
there is one value if all processes see the same variants, two during a rolling deploy, and one for each process if
each has variants of its own, due to a timestamp or a list in the order of a hash seed.
"""

from __future__ import annotations

from collections.abc import Sequence

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.promql import by, indent, select
from otel_promptcache.mixin.rules.increases import process_keys, with_template
from otel_promptcache.mixin.rules.rule import Recording
from otel_promptcache.mixin.series import (
    DISTINCT_SHARE,
    DISTINCT_VARIANTS,
    FINGERPRINT,
    MINHASH,
    TEMPLATE,
    VARIANT_PROCESSES,
    emitted,
    increment,
    windowed,
)
from otel_promptcache.telemetry import names


def variant_rules(config: MixinConfig, keys: Sequence[str], matchers: str) -> list[Recording]:
    """Record how many variants there are in all processes together, now and over the windows.

    Args:
        config: The settings.
        keys: The labels that distinguish templates.
        matchers: They select the templates that count.
    """
    hashes = emitted(names.PREFIX_MINHASH, config)
    by_process = by((*process_keys(config), TEMPLATE, FINGERPRINT))
    # By fingerprint, as one name may stand for several templates, each with its own variants.
    one = by((*keys, FINGERPRINT))
    chosen = select(MINHASH, matchers)
    return [
        Recording(record=MINHASH, expr=f"max {by_process} (\n{indent(with_template(hashes, config))}\n)"),
        Recording(record=DISTINCT_VARIANTS, expr=f'count {one} (count_values {one} ("minhash", {chosen}))'),
        Recording(record=VARIANT_PROCESSES, expr=f"count {one} ({chosen})"),
        Recording(
            record=DISTINCT_SHARE,
            expr=f"sum {by(keys)} ({DISTINCT_VARIANTS}) / sum {by(keys)} ({VARIANT_PROCESSES})",
        ),
        *(
            _new_variants(seconds, keys, matchers)
            for seconds in (config.fast_window_seconds, config.slow_window_seconds)
        ),
    ]


def _new_variants(seconds: int, keys: Sequence[str], matchers: str) -> Recording:
    """Count only the part that differs between processes, but no less than a single process counted."""
    counted = f"sum_over_time({select(increment(names.PREFIX_VARIANTS), matchers)}[{duration(seconds)}])"
    of_all = f"sum {by(keys)} ({counted})"
    of_one = f"max {by(keys)} (sum {by((*keys, 'instance'))} ({counted}))"
    return Recording(
        record=windowed("prefix_variants", "increase", seconds),
        expr=f"{of_all} * {DISTINCT_SHARE} > {of_one}\nor\n{of_one}",
    )


def distinct_variants(config: MixinConfig, keys: Sequence[str]) -> str:
    """The most variants that processes have at the same time, if most have one of their own."""
    limit = config.min_distinct_variants
    own = f"{DISTINCT_VARIANTS} > {config.distinct_variants_share} * {VARIANT_PROCESSES}"
    return f"max {by(keys)} ({own}) >= {limit}"
