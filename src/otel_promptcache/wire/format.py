"""What a wire format must provide, and how to read JSON that may be anything."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.money.usage import InvalidUsageError, TokenUsage
from otel_promptcache.core.prompt.segments import (
    Block,
    CacheOptions,
    CacheScope,
    HashValue,
    Segment,
    Settings,
)
from otel_promptcache.core.prompt.serial import NotJsonError

Json = Mapping[str, Any]

MAX_STRING_CHARS = 256
"""Characters of a name that is read from a request or a response, such as a model or a tier. The rest is cut off."""
MAX_ID_CHARS = 1_024
"""Characters of a response's id: gateways put their own routes into it. The rest is cut off."""

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")


class AnswerPart(NamedTuple):
    """What a whole response, or one event of a stream, says."""

    reply: Reply = Reply()
    usage: TokenUsage | None = None
    """None if it carries none, or an impossible one."""
    invalid_usage: InvalidUsageError | None = None
    """What is impossible about the usage; the rest of the message is valid."""
    has_token: bool = False
    """The stream event carries a non-empty piece of content, refusal, tool call or reasoning."""
    is_terminal: bool = False
    """Nothing about this response follows the stream event."""


class PathContent(NamedTuple):
    """What the path of a request says about it, if anything."""

    model: str | None = None
    is_stream: bool = False
    has_list_price: bool = True
    """The provider's price list applies at this address."""


NO_PATH_CONTENT = PathContent()


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One API's requests, responses and stream events, as functions over decoded JSON.

    The functions never raise on JSON of the wrong shape: they treat it as absent.
    """

    operation: str
    """`gen_ai.operation.name`."""
    api_type: str | None
    """`openai.api.type`; None if the convention has no value for the API."""
    blocks: Callable[[Json], Iterator[Block]]
    """The blocks of a request's prompt, in render order, lazily."""
    scope: Callable[[Json], CacheScope]
    """What partitions the cache, as far as the request tells: everything but provider, host, model and settings."""
    settings: Callable[[Json, HashValue], Settings]
    """The settings that are part of the rendered prompt, or separate caches, with hashes of their values; sorted."""
    options: Callable[[Json], CacheOptions]
    """What the request asks of the cache."""
    read_answer: Callable[[Json], AnswerPart]
    """Reads a whole response or a stream event, once."""
    late_events: re.Pattern[bytes]
    """Found in every raw event that still matters after the first token: the others are not decoded."""
    ask_why: Callable[[Json, str | None], Json] | None = None
    """From a request and the id of the response to compare with, what to add so that the answer says why the prompt was
    not read from the cache. Empty if the request asks already; None if the API cannot tell."""
    has_list_price: bool = True
    """Whether the provider's price list applies to this API; if not, only the user's own prices do."""
    usage_needs_include_usage: bool = False
    """Whether a stream reports usage only if the request asks for it."""
    vendor: str = "openai"
    """The API's maker: `gen_ai.provider.name` of its own models at an unknown host."""
    has_openai_tiers: bool = True
    """Whether `service_tier` means what it means at OpenAI."""
    has_early_usage: bool = False
    """Whether a stream says at its start how much of the prompt was cached."""
    reads_prompt: bool = True
    """Whether the prompt is read; if not, no template is named and no miss is explained."""
    may_be_framed: bool = False
    """Whether a stream may come in the frames of AWS."""
    read_path: Callable[[str], PathContent] | None = None
    """Reads the path of a request; None if it says nothing that the body does not say."""
    asks_for_another_price: Callable[[Json], bool] | None = None
    """Whether a request asks for something that is not billed at the standard prices; None if none can."""

    def segments(self, request: Json) -> Iterator[Segment]:
        """The pieces of a request's prompt in render order, lazily."""
        return (segment for _, segments in self.blocks(request) for segment in segments())


def decoded(document: bytes | str) -> Json:
    """Decode a JSON object; any other JSON value says nothing.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    try:
        return mapping(json.loads(document))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:  # an integer with more digits than Python converts, which is not a count
        return mapping(json.loads(document, parse_int=float))


def json_body(body: object) -> Json:
    """The JSON object that is sent, from its text or as a value.

    Raises:
        ValueError: The text is not JSON.
        RecursionError: It is nested too deeply.
        NotJsonError: The value is not JSON.
    """
    return decoded(body) if isinstance(body, (str, bytes)) else mapping(body)


def mapping(value: object) -> Json:
    """The value itself if it is a JSON object, an empty one if it is another JSON value.

    Raises:
        NotJsonError: It is neither, such as a model of pydantic in a request.
    """
    if type(value) is dict or isinstance(value, Mapping):  # the second takes three times as long
        return cast("Json", value)
    if value is None or isinstance(value, (str, list, int, float, tuple)):
        return {}
    raise NotJsonError(type(value).__name__)


def sequence(value: object) -> Sequence[Any]:
    """The value itself if it is a JSON array, else an empty one."""
    return cast("Sequence[Any]", value) if isinstance(value, (list, tuple)) else ()


def string(value: object, max_chars: int = MAX_STRING_CHARS) -> str | None:
    """The value cut to a length if it is a non-empty string, else None."""
    return str.__str__(value)[:max_chars] if isinstance(value, str) and value else None


def word(value: object) -> str | None:
    """The value itself if it is a short identifier such as `rate_limit_exceeded`, else None: free text says nothing."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
