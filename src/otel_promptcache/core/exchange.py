"""What the request and the response of a call say about it, besides the prompt and the usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from otel_promptcache.core.money.usage import TokenUsage, UsageError

MAX_CHOICES = 128
"""Choices of an answer whose finish reasons are kept."""


class RequestFacts(NamedTuple):
    """The request side of one call, in OpenTelemetry's terms; None if not stated."""

    operation: str
    provider: str
    api_type: str | None = None
    model: str | None = None
    service_tier: str | None = None
    """The requested tier."""
    host: str | None = None
    port: int | None = None
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class ProviderDiagnosis:
    """The provider's own explanation of why a prompt was not read from its cache."""

    reason: str
    missed_tokens: int | None
    path: str | None = None
    """The part of the request it is about, such as `system`; None if the provider does not say."""


class Progress(Enum):
    """How far the provider has got with a request that it may defer."""

    PENDING = "pending"
    """It has deferred the request and not processed the prompt yet."""
    UNDER_WAY = "under way"
    """It is answering."""
    ENDED = "ended"
    CANCELLED = "cancelled"
    """It may or may not have processed the prompt before that."""


class Reply(NamedTuple):
    """What a response, or one event of a stream, says; None if not stated."""

    response_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    """The tier that was actually used, which may differ from the requested one."""
    finish_reasons: Mapping[int, str] | None = None
    """Why each choice ended, by its index; at most `MAX_CHOICES`."""
    progress: Progress | None = None
    error_type: str | None = None
    """The provider's own error code, if a response came but the inference failed."""
    cost_usd: float | None = None
    """The cost of the request as stated by a router."""
    upstream: str | None = None
    """The provider that answered, behind a router."""
    diagnosis: ProviderDiagnosis | None = None
    """The provider's own explanation of a miss, if it gives one."""
    billing: str | None = None
    """What makes the bill differ from the standard prices, such as `fast`, if no tier says so."""

    def updated(self, later: Reply) -> Reply:
        """Merge a later event: what it states wins, what it leaves out stays. Finish reasons add up."""
        if not any(self):
            return later
        if not any(later):  # most events of a stream
            return self
        merged = Reply._make([old if new is None else new for old, new in zip(self, later, strict=True)])
        if self.finish_reasons and later.finish_reasons:
            reasons = {**self.finish_reasons, **later.finish_reasons}
            return merged._replace(finish_reasons=dict(list(reasons.items())[:MAX_CHOICES]))
        return merged


class AnswerContent(NamedTuple):
    """What an answer said, assembled once: everything else is based on it."""

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
    """From the same moment to the first non-empty piece of output of a stream; None if there is none."""
