"""Everything about dashboards and alerts that can be set: windows, thresholds and floors as data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800


class NameScheme(str, Enum):
    """How the way from OpenTelemetry to Prometheus spells the metrics' names."""

    ANY = "any"
    """Whichever of the two is there, also in the middle of a change from one to the other."""
    SUFFIXES = "suffixes"
    """`promptcache_tokens_total`: Prometheus, otel-lgtm, Grafana Cloud."""
    NO_SUFFIXES = "no-suffixes"
    """`promptcache_tokens`: Mimir's default."""


class Temporality(str, Enum):
    """What a sample of a counter says."""

    CUMULATIVE = "cumulative"
    """All since the process started: OpenTelemetry's default, and what Prometheus takes."""
    DELTA = "delta"
    """What was added since the sample before, stored as it came."""


def _means(meaning: str) -> dict[str, str]:
    return {"meaning": meaning}


@dataclass(frozen=True, slots=True, kw_only=True)
class MixinConfig:
    """The settings of dashboards, recording rules and alerts.

    Fields that end in `_seconds` are durations, those in `_share` and `_ratio` are from 0 to 1.

    Raises:
        ValueError: A value is out of its range; the message names the field.
    """

    selector: str = field(
        default="", metadata=_means('Matchers for every emitted metric, such as env="prod"')
    )
    keep_labels: tuple[str, ...] = field(
        default=(), metadata=_means("Further labels that tell jobs apart, such as cluster")
    )
    names: NameScheme = field(default=NameScheme.ANY, metadata=_means("How metric names are spelled"))
    temporality: Temporality = field(
        default=Temporality.CUMULATIVE, metadata=_means("What a stored sample of a counter says")
    )
    datasource: str = field(
        default="prometheus", metadata=_means("UID of the Prometheus data source in Grafana")
    )
    traces: str = field(
        default="tempo", metadata=_means("UID of the Tempo data source that links to traces lead to")
    )
    runbooks: str = field(
        default="https://github.com/otel-promptcache/otel-promptcache/blob/main/docs/runbooks",
        metadata=_means("Where the runbooks are"),
    )

    earlier_seconds: tuple[int, ...] = field(
        default=(DAY, WEEK), metadata=_means("How long ago the values are that dashboards compare with")
    )
    evaluation_seconds: int = field(default=MINUTE, metadata=_means("How often rules are evaluated"))
    gap_seconds: int = field(
        default=HOUR,
        metadata=_means("How long a process may be unseen and still be counted on from where it was"),
    )
    forget_seconds: int = field(
        default=DAY, metadata=_means("How long a process must be unseen to be taken for a new one")
    )
    fast_window_seconds: int = field(
        default=5 * MINUTE, metadata=_means("The window that shows that it still goes on")
    )
    slow_window_seconds: int = field(default=HOUR, metadata=_means("The window that shows that it matters"))
    warm_up_seconds: int = field(
        default=15 * MINUTE, metadata=_means("How long a reset cache, as after a deploy, may take to recover")
    )
    calm_seconds: int = field(
        default=10 * MINUTE,
        metadata=_means("How long an alert goes on after its condition, so that it does not flap"),
    )

    seasons_seconds: tuple[int, ...] = field(
        default=(DAY, WEEK, 2 * WEEK), metadata=_means("Ages of the values whose median is the baseline")
    )
    season_width_seconds: int = field(
        default=3 * HOUR, metadata=_means("How much around each of them is taken")
    )
    min_seasons: int = field(default=2, metadata=_means("How many of them there must be"))
    recent_seconds: int = field(
        default=DAY, metadata=_means("What a younger template is compared with: the poorer quarter of this")
    )
    min_recent_seconds: int = field(default=6 * HOUR, metadata=_means("How much of that must be known"))

    min_requests_slow: int = field(
        default=50, metadata=_means("Requests in the slow window below which a ratio says nothing")
    )
    min_requests_fast: int = field(
        default=2, metadata=_means("Requests in the fast window below which a ratio says nothing")
    )
    drop_ratio: float = field(
        default=0.6, metadata=_means("A hit ratio below this part of its baseline has dropped")
    )
    young_drop_ratio: float = field(
        default=0.3, metadata=_means("The same for a template of which not enough seasons are known")
    )
    drop_points_share: float = field(
        default=0.1, metadata=_means("A hit ratio must have lost this much in absolute terms")
    )
    objective_ratio: float = field(
        default=0.2, metadata=_means("The hit ratio that every template should have")
    )
    objective_seconds: int = field(default=HOUR, metadata=_means("How long a template may be below it"))
    variants_per_hour: float = field(
        default=20.0, metadata=_means("New variants of a prefix in an hour that make it unstable")
    )
    variants_share: float = field(
        default=0.1, metadata=_means("New variants per request that make it unstable")
    )
    min_distinct_variants: int = field(
        default=4,
        metadata=_means("Processes with a variant of their own at the same time that make a prefix unstable"),
    )
    distinct_variants_share: float = field(
        default=0.5, metadata=_means("Share of a template's processes that this takes as well")
    )
    lost_usd_per_hour: float = field(
        default=5.0, metadata=_means("Dollars that misses of a template may cost in an hour")
    )
    min_written_tokens: int = field(
        default=100_000, metadata=_means("Written tokens in the slow window below which reads may lag")
    )
    read_per_written_ratio: float = field(
        default=0.1, metadata=_means("Reads per written token below which writing does not pay")
    )
    writes_seconds: int = field(default=HOUR, metadata=_means("How long that may last"))
    slow_hits_factor: float = field(
        default=2.0, metadata=_means("Times the baseline at which hits are slow to the first token")
    )
    slow_hits_margin_seconds: float = field(
        default=0.25, metadata=_means("Seconds above the baseline that it takes as well")
    )
    unreported_share: float = field(
        default=0.1, metadata=_means("Share of answered requests that may come without cache usage")
    )
    absent_seconds: int = field(
        default=15 * MINUTE, metadata=_means("How long a job may be silent where it is expected to report")
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value: Any = getattr(self, one.name)
            values: list[Any] = [*value] if isinstance(value, tuple) else [value]
            for number in values:
                if isinstance(number, (int, float)) and number <= 0:
                    raise ValueError(f"MixinConfig.{one.name}={value!r}: must be greater than 0")
            if one.name.endswith(("_share", "_ratio")) and values[0] > 1:
                raise ValueError(f"MixinConfig.{one.name}={value!r}: must be from 0 to 1")
        if bad := [label for label in self.keep_labels if not _LABEL.fullmatch(label)]:
            raise ValueError(f"MixinConfig.keep_labels={self.keep_labels!r}: {bad[0]!r} is no label")
        if self.fast_window_seconds <= self.evaluation_seconds:
            raise ValueError(
                f"MixinConfig.fast_window_seconds={self.fast_window_seconds!r}: must be longer than an evaluation"
            )
        if self.forget_seconds < self.gap_seconds:
            raise ValueError(f"MixinConfig.forget_seconds={self.forget_seconds!r}: is shorter than a gap")
        if 2 * min(self.seasons_seconds) < self.season_width_seconds:
            raise ValueError(
                f"MixinConfig.season_width_seconds={self.season_width_seconds!r}: reaches beyond now"
            )
