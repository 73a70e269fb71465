"""All settings of dashboards and alerts: windows, thresholds and floors as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from otel_promptcache.mixin import matchers, texts
from otel_promptcache.mixin.values import LONGEST_SECONDS, SettingError, check_value

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800
FOLDER_UID = "promptcache"
OVERVIEW_DASHBOARD, TEMPLATE_DASHBOARD, WHY_DASHBOARD = (
    "promptcache-overview",
    "promptcache-template",
    "promptcache-why",
)
"""The UIDs of the dashboards, which their addresses contain."""

ENVIRONMENT = "deployment_environment_name"
"""The label of recorded series for the environment, if it is known: OpenTelemetry's own."""


class NameScheme(str, Enum):
    """How OpenTelemetry's metric names are spelled in Prometheus."""

    ANY = "any"
    """Whichever of the two is present, even during a change from one to the other."""
    SUFFIXES = "suffixes"
    """`promptcache_tokens_total`: Prometheus, otel-lgtm, Grafana Cloud."""
    NO_SUFFIXES = "no-suffixes"
    """`promptcache_tokens`: Mimir's default."""


class Temporality(str, Enum):
    """What a sample of a counter says."""

    CUMULATIVE = "cumulative"
    """Everything since the process started: OpenTelemetry's default, and what Prometheus expects."""
    DELTA = "delta"
    """What was added since the previous sample, stored as received."""


def _means(
    meaning: str, check: Callable[[str], None] | None = None, *, optional: bool = False
) -> dict[str, Any]:
    """Describe a field, and how its text is checked; an optional one may be empty."""
    return {"meaning": meaning, "check": check, "optional": optional}


@dataclass(frozen=True, slots=True, kw_only=True)
class MixinConfig:
    """The settings of dashboards, recording rules and alerts.

    Fields ending in `_seconds` are durations; those in `_share` and `_ratio` are from 0 to 1.

    Raises:
        ValueError: A value is out of its range; the message names the field.
    """

    selector: str = field(
        default="",
        metadata=_means(
            f"Matchers for every emitted metric, such as '{matchers.EXAMPLE}'", matchers.check, optional=True
        ),
    )
    keep_labels: tuple[str, ...] = field(
        default=(),
        metadata=_means("Additional labels that distinguish jobs, such as cluster", texts.check_label),
    )
    environment_label: str = field(
        default=ENVIRONMENT,
        metadata=_means("Label that holds the environment, if the series have one", texts.check_label),
    )
    names: NameScheme = field(default=NameScheme.ANY, metadata=_means("Spelling of metric names"))
    temporality: Temporality = field(
        default=Temporality.CUMULATIVE, metadata=_means("Temporality of stored counter samples")
    )
    datasource: str = field(
        default="prometheus", metadata=_means("UID of the Prometheus data source in Grafana", texts.check_uid)
    )
    traces: str = field(
        default="tempo",
        metadata=_means("UID of the Tempo data source that trace links open", texts.check_uid),
    )
    runbooks: str = field(
        default="https://github.com/otel-promptcache/otel-promptcache/blob/main/docs/runbooks",
        metadata=_means("Base URL of the runbooks", texts.check_address),
    )
    folder: str = field(
        default="Prompt caching",
        metadata=_means("Grafana folder for dashboards and alerts", texts.check_title),
    )
    grafana_url: str = field(
        default="",
        metadata=_means(
            "URL of Grafana, for links from alerts to dashboards", texts.check_address, optional=True
        ),
    )

    earlier_seconds: tuple[int, ...] = field(
        default=(DAY, WEEK), metadata=_means("Ages of the values that dashboards compare with")
    )
    evaluation_seconds: int = field(default=MINUTE, metadata=_means("How often rules are evaluated"))
    gap_seconds: int = field(
        default=HOUR,
        metadata=_means("How long a process may be absent and still continue its counters"),
    )
    forget_seconds: int = field(
        default=DAY, metadata=_means("How long a process must be absent to count as a new one")
    )
    fast_window_seconds: int = field(
        default=5 * MINUTE,
        metadata=_means("Fast window of the alerts, which shows that a problem is still present"),
    )
    slow_window_seconds: int = field(
        default=HOUR, metadata=_means("Slow window of the alerts, which shows that a problem is significant")
    )
    warm_up_seconds: int = field(
        default=15 * MINUTE,
        metadata=_means("How long a cache may take to warm up again, for example after a deploy"),
    )
    calm_seconds: int = field(
        default=10 * MINUTE,
        metadata=_means("How long an alert keeps firing after its condition ends, so that it does not flap"),
    )

    seasons_seconds: tuple[int, ...] = field(
        default=(DAY, WEEK, 2 * WEEK), metadata=_means("Ages of the values whose median is the baseline")
    )
    season_width_seconds: int = field(
        default=3 * HOUR, metadata=_means("Width of the window around each of the --seasons")
    )
    min_seasons: int = field(default=2, metadata=_means("How many of the --seasons must have data"))
    recent_seconds: int = field(
        default=DAY,
        metadata=_means(
            "Window whose poorer quartile is the baseline while too few of the --seasons have data"
        ),
    )
    min_recent_seconds: int = field(
        default=6 * HOUR, metadata=_means("How much of the --recent window must have data")
    )

    min_requests_slow: int = field(
        default=50, metadata=_means("Minimum requests in the slow window for a ratio to be meaningful")
    )
    min_requests_fast: int = field(
        default=2, metadata=_means("Minimum requests in the fast window for a ratio to be meaningful")
    )
    drop_ratio: float = field(
        default=0.6, metadata=_means("A hit ratio below this fraction of its baseline counts as dropped")
    )
    young_drop_ratio: float = field(
        default=0.3,
        metadata=_means("The --drop-ratio of a template while too few of the --seasons have data"),
    )
    drop_points_share: float = field(default=0.1, metadata=_means("Minimum absolute drop of the hit ratio"))
    objective_ratio: float = field(
        default=0.2, metadata=_means("The hit ratio that every template should have")
    )
    objective_seconds: int = field(
        default=HOUR, metadata=_means("How long a template may stay below its objective")
    )
    variants_per_hour: float = field(
        default=20.0, metadata=_means("New variants per hour above which a prefix is unstable")
    )
    variants_share: float = field(
        default=0.1, metadata=_means("Share of the requests that the new variants must also exceed")
    )
    min_distinct_variants: int = field(
        default=4,
        metadata=_means("Number of distinct variants in concurrent use from which a prefix is unstable"),
    )
    distinct_variants_share: float = field(
        default=0.5,
        metadata=_means("Share of a template's processes that the distinct variants must also exceed"),
    )
    lost_usd_per_hour: float = field(
        default=5.0, metadata=_means("US dollars that the misses of a template may cost per hour")
    )
    min_written_tokens: int = field(
        default=100_000,
        metadata=_means(
            "Minimum tokens written in the slow window; with fewer, reads may just not have followed yet"
        ),
    )
    writes_seconds: int = field(
        default=HOUR, metadata=_means("How long writes may cost more than reads save")
    )
    slow_hits_factor: float = field(
        default=2.0,
        metadata=_means("Multiple of the baseline above which the time to first token of hits is slow"),
    )
    slow_hits_margin_seconds: float = field(
        default=0.25,
        metadata=_means("Seconds by which the time to first token of hits must also exceed the baseline"),
    )
    unreported_share: float = field(
        default=0.1, metadata=_means("Share of answered requests that may lack cache usage")
    )
    absent_seconds: int = field(
        default=15 * MINUTE, metadata=_means("How long a job may be silent when it is expected to report")
    )

    @property
    def job_labels(self) -> tuple[str, ...]:
        """Labels that distinguish jobs besides their names; a label that series do not have makes no difference."""
        return tuple(dict.fromkeys((*self.keep_labels, ENVIRONMENT)))

    def __post_init__(self) -> None:
        for one in fields(self):
            value: Any = getattr(self, one.name)
            values: list[Any] = [*value] if isinstance(value, tuple) else [value]
            if len(set(values)) < len(values):
                raise SettingError(one.name, value, "each value can be given only once")
            try:
                for single in values:
                    check_value(one, single)
            except ValueError as error:
                raise SettingError(one.name, value, str(error)) from None
        self._check_together()

    def _check_together(self) -> None:
        """Check settings that depend on each other."""
        refused: tuple[tuple[str, bool, str], ...] = (
            (
                "fast_window_seconds",
                self.fast_window_seconds <= self.evaluation_seconds,
                "must be longer than the evaluation interval",
            ),
            (
                "slow_window_seconds",
                self.slow_window_seconds <= self.fast_window_seconds,
                "must be longer than the fast window",
            ),
            (
                "gap_seconds",
                self.gap_seconds < self.evaluation_seconds,
                "must not be shorter than the evaluation interval, or nothing is counted",
            ),
            ("forget_seconds", self.forget_seconds < self.gap_seconds, "must not be shorter than the gap"),
            ("seasons_seconds", not self.seasons_seconds, "at least one is required"),
            (
                "season_width_seconds",
                2 * min(self.seasons_seconds, default=LONGEST_SECONDS) <= self.season_width_seconds,
                "must be less than twice the shortest season, or its window would reach into the future",
            ),
            (
                "min_seasons",
                self.min_seasons > max(1, len(self.seasons_seconds)),
                "must not exceed the number of seasons",
            ),
            (
                "min_recent_seconds",
                self.min_recent_seconds > self.recent_seconds,
                "must not exceed the recent window",
            ),
        )
        for name, is_refused, problem in refused:
            if is_refused:
                raise SettingError(name, getattr(self, name), problem)
