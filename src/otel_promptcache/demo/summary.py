"""What the emitted metrics say about each prompt template, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint, Metric, MetricsData

from otel_promptcache.demo.histogram import Bucket, buckets, median
from otel_promptcache.report.reading.summary import is_ineligible
from otel_promptcache.telemetry import names


@dataclass(slots=True)
class TemplateSummary:
    """One prompt template, or several together."""

    name: str
    results: Counter[str] = field(default_factory=Counter[str])
    """Requests by `promptcache.result`."""
    tokens: Counter[str] = field(default_factory=Counter[str])
    """Input tokens by `promptcache.token.state`. A state that was never reported is absent, not 0."""
    net_savings_usd: float | None = None
    """Read discount less write surcharge; None if no request could be priced."""
    first_token: dict[str, list[Bucket]] = field(default_factory=dict[str, list[Bucket]])
    """Seconds to the first token of streams, by `promptcache.result`."""

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return self.results.total()

    @property
    def hit_ratio(self) -> float | None:
        """The cached share of all input tokens; None if it was never reported."""
        total_tokens = self.tokens.total()
        return self.tokens["read"] / total_tokens if total_tokens else None

    @property
    def eligible_hit_ratio(self) -> float | None:
        """The hit ratio; None, rather than 0, if no cache could have served its prompts."""
        return None if is_ineligible(self.results) else self.hit_ratio

    def first_token_seconds(self, *results: str) -> float | None:
        """Estimate the median time to the first token of the requests with these results; of all if none are given."""
        chosen = results or self.first_token
        return median(bucket for result in chosen for bucket in self.first_token.get(result, ()))

    def add(self, other: TemplateSummary) -> None:
        """Add another template's numbers, but not its times: medians across different prompts say nothing."""
        self.results += other.results
        self.tokens.update(other.tokens)
        self.add_usd(other.net_savings_usd)

    def add_usd(self, usd: float | None) -> None:
        """Add dollars; None means unknown, and adds nothing."""
        if usd is not None:
            self.net_savings_usd = usd + (self.net_savings_usd or 0.0)


@dataclass(frozen=True, slots=True)
class Summary:
    """All prompt templates of an application."""

    templates: Mapping[str, TemplateSummary]
    """By name."""
    unpriced: int
    """Answered requests that the dollar amounts leave out."""
    internal_errors: int
    """Calls that were only partly observed."""

    def template(self, name: str) -> TemplateSummary:
        """Return what is known of a template; an empty summary if it was not seen."""
        return self.templates.get(name) or TemplateSummary(name)

    def total(self) -> TemplateSummary:
        """Return all templates together."""
        total = TemplateSummary("total")
        for template in self.templates.values():
            total.add(template)
        return total

    def as_json(self) -> dict[str, Any]:
        """Return everything in the form of JSON, templates sorted by name; what is not known is null."""
        return {
            "templates": [_as_json(self.templates[name]) for name in sorted(self.templates)],
            "total": _as_json(self.total()),
            "unpriced_requests": self.unpriced,
            "internal_errors": self.internal_errors,
        }


def summarize(data: MetricsData | None) -> Summary:
    """Summarize what a reader collected, with cumulative sums and exponential histograms.

    Templates are distinguished by the name that `prefix` gave them, or else by their fingerprint.
    """
    templates: dict[str, TemplateSummary] = {}
    counts: Counter[str] = Counter()
    for metric, point in _points(data):
        labels: Mapping[str, Any] = point.attributes or {}
        if metric.name in (names.UNPRICED.name, names.INTERNAL_ERRORS.name):
            counts[metric.name] += int(point.value)
        name = labels.get(names.PREFIX_NAME.name) or labels.get(names.FINGERPRINT.name)
        if name is None:
            continue
        template = templates.setdefault(name, TemplateSummary(name))
        if metric.name == names.REQUESTS.name:
            template.results[labels[names.RESULT.name]] += int(point.value)
        elif metric.name == names.TOKENS.name:
            template.tokens[labels[names.TOKEN_STATE]] += int(point.value)
        elif metric.name == names.SAVINGS.name:
            template.add_usd(point.value)
        elif metric.name == names.WRITE_SURCHARGE.name:
            template.add_usd(-point.value)
        elif metric.name == names.TIME_TO_FIRST_TOKEN_DISTRIBUTION.name:
            histogram: ExponentialHistogramDataPoint = point
            template.first_token.setdefault(labels[names.RESULT.name], []).extend(buckets(histogram))
    return Summary(templates, counts[names.UNPRICED.name], counts[names.INTERNAL_ERRORS.name])


def _points(data: MetricsData | None) -> Iterator[tuple[Metric, Any]]:
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points: Iterable[Any] = metric.data.data_points
                for point in points:
                    yield metric, point


def _as_json(template: TemplateSummary) -> dict[str, Any]:
    tokens = template.tokens
    return {
        "name": template.name,
        "requests": template.requests,
        "results": dict(template.results),
        "hit_ratio": template.eligible_hit_ratio,
        "tokens": {state: tokens.get(state) for state in ("read", "write", "uncached")},
        "net_savings_usd": template.net_savings_usd,
        "time_to_first_token_p50_seconds": {
            result: template.first_token_seconds(result) for result in template.first_token
        },
    }
