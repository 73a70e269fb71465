"""What the two sides of one call say about it, beside the prompt and the usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from otel_promptcache.core.money.usage import TokenUsage, UsageError

MAX_CHOICES = 128
"""Choices of an answer whose finish reasons are kept."""


class RequestFacts(NamedTuple):
    """The request side of one call, in OpenTelemetry's terms; None where it is not said."""

    operation: str
    provider: str
    api_type: str | None = None
    model: str | None = None
    service_tier: str | None = None
    """The tier that was asked for."""
    host: str | None = None
    port: int | None = None
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class ProviderDiagnosis:
    """Why the provider itself says that a prompt was not read from its cache."""

    reason: str
    missed_tokens: int | None
    path: str | None = None
    """What of the request it is about, such as `system`; None if the provider does not say."""


class Progress(Enum):
    """How far the provider has come with a request that it may put aside."""

    PENDING = "pending"
    """It has put the request aside, and has not processed the prompt yet."""
    UNDER_WAY = "under way"
    """It is answering."""
    ENDED = "ended"
    CANCELLED = "cancelled"
    """It may have processed the prompt before, or not."""


class Reply(NamedTuple):
    """What a response, or one event of a stream, says; None where it does not say."""

    response_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    """The tier that was really used, which may differ from the one asked for."""
    finish_reasons: Mapping[int, str] | None = None
    """Why each choice ended, by its index; at most `MAX_CHOICES`."""
    progress: Progress | None = None
    error_type: str | None = None
    """The provider's own code, where a response came but the inference failed."""
    cost_usd: float | None = None
    """What a router states that the request cost."""
    upstream: str | None = None
    """The provider behind a router that answered."""
    diagnosis: ProviderDiagnosis | None = None
    """The provider's own word on a miss, where it gives one."""
    billing: str | None = None
    """What makes the bill differ from the standard prices, such as `fast`, if no tier says so."""

    def updated(self, later: Reply) -> Reply:
        """Merge what a later event says: it wins, and what it leaves out stays. Finish reasons add up."""
        if not any(self):
            return later
        merged = Reply._make([old if new is None else new for old, new in zip(self, later, strict=True)])
        if self.finish_reasons and later.finish_reasons:
            reasons = {**self.finish_reasons, **later.finish_reasons}
            return merged._replace(finish_reasons=dict(list(reasons.items())[:MAX_CHOICES]))
        return merged


class AnswerContent(NamedTuple):
    """What an answer said, put together once: all the rest goes by it."""

    reply: Reply
    usage: TokenUsage | None
    """None if it was not reported, or was impossible."""
    usage_error: UsageError | None
    is_processed: bool
    """The provider has processed the prompt, so later ones may be read from its cache, and it bills the request."""


class Timing(NamedTuple):
    """How long one call took."""

    duration_seconds: float
    """From the moment the host issued it to its end, retries included."""
    first_chunk_seconds: float | None = None
    """From the start of the attempt that was answered to the first chunk of a stream; None if none came."""
    first_token_seconds: float | None = None
    """From the same moment to the first non-empty piece of output of a stream; None likewise."""
