"""A request's prompt as the model sees it: one token stream with the places where a cache can cut it.

The order is: hidden system message (it carries the settings), tools, then the messages, leading developer
messages first. `tool_choice`, sampling parameters and metadata are not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otel_promptcache.sim.cache.policies import Ttl
from otel_promptcache.sim.cache.tokens import prefix_digests, special_token, tokenize

Role = Literal["developer", "user", "assistant", "tool", "context"]
"""`system` counts as developer. `context` is anything else in a conversation, such as a compaction item."""

HIDDEN_BASE_TOKENS = 32
"""Length of the hidden system message before the settings. An assumption: it is not published."""


@dataclass(frozen=True, slots=True)
class Marker:
    """An explicit breakpoint at the end of a content block.

    Attributes:
        ttl: Its lifetime; None means that of the request.
    """

    ttl: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A content block of a message, as tokens."""

    tokens: tuple[str, ...]
    marker: Marker | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message, or another item of the conversation."""

    role: Role
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Request settings that are rendered into the hidden system message: a change misses the whole cache.

    Attributes:
        model: The resolved model name.
        text_format: Canonical JSON of the output format; the empty string is plain text.
        effort: Reasoning effort; the empty string is the model's default.
        verbosity: Verbosity of the answer; `medium` is the default.
        parallel_tool_calls: Whether several tool calls may be made at once.
    """

    model: str
    text_format: str = ""
    effort: str = ""
    verbosity: str = "medium"
    parallel_tool_calls: bool = True

    def hidden_tokens(self) -> list[str]:
        """Return the hidden system message."""
        names = (
            f"model={self.model}",
            f"effort={self.effort}",
            f"verbosity={self.verbosity}",
            f"parallel_tool_calls={self.parallel_tool_calls}",
        )
        base = [special_token(f"hidden:{index}") for index in range(HIDDEN_BASE_TOKENS)]
        return [*base, *map(special_token, names), *tokenize(self.text_format), special_token("/hidden")]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The parts of a request that affect caching.

    Attributes:
        settings: The part that becomes the hidden system message.
        tools: JSON text of each tool, keys in the order they arrived.
        messages: The conversation, leading developer messages first.
    """

    settings: Settings
    tools: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplicitBreakpoint:
    """Where a marker is in the stream, in tokens from its start."""

    position_tokens: int
    ttl: Ttl | None


@dataclass(frozen=True, slots=True)
class TokenStream:
    """A rendered prompt. Positions count tokens from the start of the stream, hidden ones included.

    Attributes:
        tokens: Hidden tokens first.
        hidden_tokens: How many of them are hidden, and so not part of `input_tokens`.
        explicit: The marked block ends, in order.
        eligible_ends: Ends of messages where an implicit breakpoint can be, in order: user messages, the
            last of consecutive tool responses, the last message of the initial developer block.
        developer_end: End of the initial developer block; None without one.
    """

    tokens: tuple[str, ...]
    hidden_tokens: int
    explicit: tuple[ExplicitBreakpoint, ...]
    eligible_ends: tuple[int, ...]
    developer_end: int | None

    @property
    def input_tokens(self) -> int:
        """Visible tokens, which is what the API reports as the request's input."""
        return len(self.tokens) - self.hidden_tokens

    def visible(self, position_tokens: int) -> int:
        """Return how many visible tokens are before a position."""
        return max(0, position_tokens - self.hidden_tokens)

    def digest(self, position_tokens: int) -> bytes | None:
        """Return the digest of the prefix that ends at a position, None if the stream is shorter."""
        return prefix_digests(self.tokens, [position_tokens]).get(position_tokens)


def render(prompt: Prompt) -> TokenStream:
    """Lay a prompt out as the model sees it, and find the places where the cache can cut it."""
    tokens = prompt.settings.hidden_tokens()
    hidden_tokens = len(tokens)
    for tool in prompt.tools:
        tokens += [special_token("tool"), *tokenize(tool)]

    explicit: list[ExplicitBreakpoint] = []
    ends: list[int] = []
    for message in prompt.messages:
        tokens += [special_token("start"), special_token(message.role)]
        for block in message.blocks:
            tokens += block.tokens
            if block.marker is not None:
                explicit.append(ExplicitBreakpoint(len(tokens), block.marker.ttl))
        # The closing token distinguishes a message's end from a marker on its last block, so that a switch
        # from implicit to explicit breakpoints misses, as the provider documents.
        tokens.append(special_token("end"))
        ends.append(len(tokens))

    roles: list[Role] = [message.role for message in prompt.messages]
    developer_messages = next((i for i, role in enumerate(roles) if role != "developer"), len(roles))
    return TokenStream(
        tokens=tuple(tokens),
        hidden_tokens=hidden_tokens,
        explicit=tuple(explicit),
        eligible_ends=tuple(
            end
            for index, end in enumerate(ends)
            if _is_eligible(roles, index, developer_messages=developer_messages)
        ),
        developer_end=ends[developer_messages - 1] if developer_messages else None,
    )


def _is_eligible(roles: list[Role], index: int, *, developer_messages: int) -> bool:
    role = roles[index]
    following = roles[index + 1] if index + 1 < len(roles) else None
    return (
        role == "user"
        or (role == "tool" and following != "tool")
        or (role == "developer" and index == developer_messages - 1)
    )
