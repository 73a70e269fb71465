"""What the two sides of one call say about it, beside the prompt and the usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


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


class Reply(NamedTuple):
    """What a response, or one event of a stream, says; None where it does not say."""

    response_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    """The tier that was really used, which may differ from the one asked for."""
    finish_reasons: tuple[str, ...] | None = None
    error_type: str | None = None
    """The provider's own code, where a response came but the inference failed."""
    diagnosis: ProviderDiagnosis | None = None
    """The provider's own word on a miss, where it gives one."""

    def updated(self, later: Reply) -> Reply:
        """Merge what a later event says: it wins, what it leaves out stays, finish reasons add up."""
        if not any(self):
            return later
        merged = Reply._make(old if new is None else new for old, new in zip(self, later, strict=True))
        if self.finish_reasons and later.finish_reasons:
            return merged._replace(finish_reasons=self.finish_reasons + later.finish_reasons)
        return merged


class Timing(NamedTuple):
    """How long one call took, in seconds from the moment the host issued it, retries included."""

    duration_seconds: float
    first_chunk_seconds: float | None = None
    """Until the first bytes of a streamed body; None where it was not streamed or none came."""
    first_token_seconds: float | None = None
    """Until the first non-empty piece of output of a stream; None likewise."""
