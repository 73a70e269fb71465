"""One finished call, with everything that the report needs of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from otel_promptcache.core.quoting import cut
from otel_promptcache.providers.policies import is_opt_in
from otel_promptcache.providers.profiles import profile_named
from otel_promptcache.report.reading import attributes as at
from otel_promptcache.telemetry import names

MESSAGES = "messages"
"""Anthropic's format, for which there is no `openai.api.type`."""
UNKNOWN = "unknown"
"""The result of a call that nothing is known about."""

# A number beyond these is wrong, and would dwarf all others.
_MAX_TOKENS = 10**9
_MAX_USD = 10**12
_MAX_SECONDS = 10**9
_MAX_TEXT_CHARS = 1_000
_MAX_CHANGES = 5


class Change(NamedTuple):
    """One of several places where a prompt differs from an earlier one."""

    path: str
    kind: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """What one call did with the prompt cache. None is *not known*, 0 is a measured zero."""

    started_seconds: float
    """Since the Unix epoch."""
    ended_seconds: float
    model: str | None = None
    """As the response names it, or else the request."""
    api_type: str | None = None
    operation: str | None = None
    """`gen_ai.operation.name`."""
    is_stream: bool = False
    is_finished: bool = False
    """Whether there was a finish reason, so the response was seen to its end."""
    is_abandoned: bool = False
    """Whether the application left before the answer was complete, which is not a failure."""
    error_type: str | None = None
    fingerprint: str | None = None
    digest: str | None = None
    name: str | None = None
    """What the application calls the prompt template."""
    result: str = UNKNOWN
    """`hit`, `partial`, `miss`, `ineligible`, `unknown`, or whatever a newer version reports."""
    input_tokens: int | None = None
    read_tokens: int | None = None
    write_tokens: int | None = None
    write_ttl: str | None = None
    """The lifetime that most of the written tokens were written for."""
    expected_tokens: int | None = None
    """What the provider could have read for exactly this prompt."""
    avoidable_tokens: int | None = None
    """What was sent before and is in this prompt again, but out of the cache's reach."""
    reason: str | None = None
    """Why less was read than could have been; None if nothing was lost or it is not known."""
    source: str | None = None
    """Who says so: `provider` or `client`."""
    missed_tokens: int | None = None
    """Tokens that were processed again because of it."""
    path: str | None = None
    """Where the prompt first differs from an earlier one."""
    token: int | None = None
    """At which token that is, estimated."""
    kind: str | None = None
    """What kind of difference it is."""
    changes: tuple[Change, ...] = ()
    """All places up to the first long part that did not change; empty if there is only one."""
    is_other_template: bool = False
    """Whether the earlier prompt is from a different template."""
    process: int = 0
    """Which of the processes of a run made it."""
    start: str | None = None
    """Equal for calls whose prompts start alike on the same account and in the same scope, in any process; None if the
    provider is not known to have processed the prompt."""
    leading: str | None = None
    """Equal for calls with the same tools and instructions."""
    parts: str | None = None
    """Equal for calls whose tools and instructions have the same parts, in any order."""
    is_start_cacheable: bool = False
    """Whether its tools and instructions alone are surely long enough to be cached."""
    lifetime_seconds: float | None = None
    """How long the provider surely keeps its prefix."""
    max_requests_per_minute: float | None = None
    """Above this, requests with the same start go to further machines; None if that is not known."""
    processed_seconds: float | None = None
    """How long after the start of the call the provider had processed the prompt."""
    reason_in_process: str | None = None
    """The reason that the process itself gave, if the whole run shows a different one."""
    call_site: str | None = None
    """Where in the application it was made: a file's name and a line."""
    breakpoint_path: str | None = None
    """The message at whose end a breakpoint is missing."""
    host: str | None = None
    """Where it was sent."""
    provider: str | None = None
    """Who answered it."""
    usage_error: str | None = None
    """What is impossible about the reported usage."""
    net_usd: float | None = None
    """Read discount less write surcharge."""
    missed_usd: float | None = None
    """What the miss cost."""
    first_token_seconds: float | None = None
    """Of streams, since the request."""

    @property
    def template(self) -> str | None:
        """Which prompt template it is from: the name if it has one, else the fingerprint."""
        return self.name or self.fingerprint

    @property
    def is_opt_in(self) -> bool:
        """Whether its cache stores only what a request marks."""
        return is_opt_in(self.provider or "", self.model or "")

    @property
    def format(self) -> str | None:
        """The format of its request: `openai.api.type`, or `messages`; None for what has neither name."""
        is_messages = self.is_opt_in or (self.operation == "chat" and not has_openai_options(self.provider))
        return self.api_type or (MESSAGES if is_messages else None)

    @property
    def has_failed(self) -> bool:
        """Whether it ended with an error."""
        return self.error_type is not None and not self.is_abandoned

    @property
    def has_split(self) -> bool:
        """Whether both the input and its cached part were reported."""
        return self.input_tokens is not None and self.read_tokens is not None

    @property
    def uncached_tokens(self) -> int | None:
        """Input neither read from the cache nor written to it; None if the split was not reported."""
        if self.input_tokens is None or self.read_tokens is None:
            return None
        return max(0, self.input_tokens - self.read_tokens - (self.write_tokens or 0))

    @classmethod
    def from_attributes(
        cls,
        attributes: Mapping[str, object],
        *,
        started_seconds: float,
        ended_seconds: float,
        process: int = 0,
    ) -> CallRecord:
        """Read the attributes of a span; what is absent, of the wrong type or out of range is not known."""
        return cls(
            started_seconds=started_seconds,
            ended_seconds=max(started_seconds, ended_seconds),
            model=_text(attributes, names.RESPONSE_MODEL) or _text(attributes, names.REQUEST_MODEL),
            api_type=_text(attributes, names.API_TYPE),
            operation=_text(attributes, names.OPERATION_NAME),
            is_stream=attributes.get(names.REQUEST_STREAM) is True,
            is_finished=bool(attributes.get(names.RESPONSE_FINISH_REASONS)),
            is_abandoned=attributes.get(at.ABANDONED) is True,
            error_type=_text(attributes, names.ERROR_TYPE),
            fingerprint=_text(attributes, at.FINGERPRINT),
            digest=_text(attributes, at.DIGEST),
            name=_text(attributes, at.PREFIX_NAME),
            result=_text(attributes, at.RESULT) or UNKNOWN,
            input_tokens=_count(attributes, names.USAGE_INPUT_TOKENS),
            read_tokens=_count(attributes, names.USAGE_CACHE_READ_TOKENS),
            write_tokens=_count(attributes, names.USAGE_CACHE_WRITE_TOKENS),
            write_ttl=_text(attributes, at.WRITE_TTL),
            expected_tokens=_count(attributes, at.EXPECTED_TOKENS),
            avoidable_tokens=_count(attributes, at.AVOIDABLE_TOKENS),
            reason=_text(attributes, at.MISS_REASON),
            source=_text(attributes, at.MISS_SOURCE),
            missed_tokens=_count(attributes, at.MISS_TOKENS),
            path=_text(attributes, at.DIVERGENCE_PATH),
            token=_count(attributes, at.DIVERGENCE_TOKEN),
            kind=_text(attributes, at.DIVERGENCE_KIND),
            changes=_changes(attributes),
            is_other_template=attributes.get(at.DIVERGENCE_OTHER_TEMPLATE) is True,
            process=process,
            start=_text(attributes, at.RUN_START),
            leading=_text(attributes, at.RUN_LEADING),
            parts=_text(attributes, at.RUN_PARTS),
            is_start_cacheable=attributes.get(at.RUN_IS_CACHEABLE) is True,
            lifetime_seconds=_seconds(attributes, at.RUN_LIFETIME),
            max_requests_per_minute=_number(attributes, at.RUN_MAX_RATE),
            processed_seconds=_seconds(attributes, at.RUN_PROCESSED),
            call_site=_text(attributes, at.RUN_CALL_SITE),
            breakpoint_path=_text(attributes, at.BREAKPOINT_PATH),
            host=_text(attributes, names.SERVER_ADDRESS),
            provider=_text(attributes, names.PROVIDER_NAME),
            usage_error=_text(attributes, at.USAGE_ERROR),
            net_usd=_number(attributes, at.NET_SAVINGS),
            missed_usd=_number(attributes, at.MISSED_SAVINGS),
            first_token_seconds=_seconds(attributes, at.TIME_TO_FIRST_TOKEN),
        )


def has_openai_options(provider: str | None) -> bool:
    """Whether a provider has OpenAI's own API, which is never Anthropic's."""
    profile = profile_named(provider)
    return profile is not None and profile.takes_openai_options


def _changes(attributes: Mapping[str, object]) -> tuple[Change, ...]:
    lists = [
        attributes.get(name) for name in (at.DIVERGENCE_PATHS, at.DIVERGENCE_KINDS, at.DIVERGENCE_TOKENS)
    ]
    if not all(isinstance(each, (list, tuple)) for each in lists):
        return ()
    changes: list[Change] = []
    for values in zip(*cast("list[list[object]]", lists), strict=False):
        path, kind, token = _text_of(values[0]), _text_of(values[1]), _count_of(values[2])
        if len(changes) < _MAX_CHANGES and path and kind and token is not None:
            changes.append(Change(path, kind, token))
    return tuple(changes)


def _text(attributes: Mapping[str, object], name: str) -> str | None:
    return _text_of(attributes.get(name))


def _text_of(value: object) -> str | None:
    if type(value) is not str or not value:
        return None
    value = cut(value, _MAX_TEXT_CHARS)
    if not value.isascii():
        # A lone surrogate, which neither a file nor a terminal can take, becomes its escape.
        value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    # There are many calls but few values: each is stored once.
    return sys.intern(value)


def _count(attributes: Mapping[str, object], name: str) -> int | None:
    return _count_of(attributes.get(name))


def _count_of(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_TOKENS else None


def _seconds(attributes: Mapping[str, object], name: str) -> float | None:
    value = _number(attributes, name)
    return value if value is not None and 0 <= value <= _MAX_SECONDS else None


def _number(attributes: Mapping[str, object], name: str) -> float | None:
    value = attributes.get(name)
    # NaN fails the comparison, and so do infinities and integers that no float can hold.
    is_known = type(value) in (int, float) and -_MAX_USD <= cast("float", value) <= _MAX_USD
    return float(cast("float", value)) if is_known else None
