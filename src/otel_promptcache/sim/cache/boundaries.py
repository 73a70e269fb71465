"""The positions at which a prompt is read from and written to the cache, under both generations of rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otel_promptcache.sim.cache.policies import (
    BlockPolicy,
    BreakpointPolicy,
    CachePolicy,
    Lifetime,
    Retention,
    Ttl,
)
from otel_promptcache.sim.cache.prompt import TokenStream

Mode = Literal["implicit", "explicit"]


@dataclass(frozen=True, slots=True)
class CachingOptions:
    """What a request asks of the cache.

    Attributes:
        mode: Whether an implicit breakpoint is set. No effect on block policies.
        ttl: Lifetime of breakpoints that name none.
        retention: Retention of block policies; None means the model's default.
    """

    mode: Mode = "implicit"
    ttl: Ttl = "30m"
    retention: Retention | None = None


@dataclass(frozen=True, slots=True)
class Boundary:
    """A place where the cache can cut a prompt.

    Attributes:
        position_tokens: Tokens before it, hidden ones included.
        reported_tokens: What the usage reports if the cache is read up to here.
        lifetime: Lifetime of an entry written here.
        ttl: The TTL that sets the lifetime; None for block policies.
    """

    position_tokens: int
    reported_tokens: int
    lifetime: Lifetime
    ttl: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Boundaries:
    """The boundaries of one prompt, both tuples in ascending order.

    Attributes:
        readable: Where earlier entries are looked up.
        writable: Where entries are written for later requests.
        charged: Whether newly written tokens are reported, and so billed.
    """

    readable: tuple[Boundary, ...] = ()
    writable: tuple[Boundary, ...] = ()
    charged: bool = False


def find_boundaries(
    stream: TokenStream, policy: CachePolicy, options: CachingOptions, *, zero_data_retention: bool = False
) -> Boundaries:
    """Return where a prompt is looked up and written under a model's rules.

    Args:
        stream: The rendered prompt.
        policy: The model's rules.
        options: What the request asks for. A retention the model does not support raises KeyError, so validate
            requests first.
        zero_data_retention: Changes the default retention of older models.
    """
    if isinstance(policy, BreakpointPolicy):
        return _exact(stream, policy, options)
    if isinstance(policy, BlockPolicy):
        retention = options.retention or policy.retention(zero_data_retention=zero_data_retention)
        blocks = _blocks(stream, policy, policy.lifetimes[retention])
        return Boundaries(readable=blocks, writable=blocks)
    return Boundaries()


def _blocks(stream: TokenStream, policy: BlockPolicy, lifetime: Lifetime) -> tuple[Boundary, ...]:
    blocks: list[Boundary] = []
    start = 0 if policy.counts_hidden_tokens else stream.hidden_tokens
    for position in range(start + policy.block_tokens, len(stream.tokens) + 1, policy.block_tokens):
        visible = stream.visible(position)
        reported = visible - visible % policy.report_step_tokens
        if reported >= policy.minimum_tokens:
            blocks.append(Boundary(position, reported, lifetime))
    return tuple(blocks)


def _exact(stream: TokenStream, policy: BreakpointPolicy, options: CachingOptions) -> Boundaries:
    explicit: dict[int, Ttl] = {mark.position_tokens: mark.ttl or options.ttl for mark in stream.explicit}
    marked = sorted(explicit)
    implicit = stream.eligible_ends[-1:] if options.mode == "implicit" else ()

    explicit_writes = policy.max_writes - (options.mode == "implicit")
    writable = {*marked[-explicit_writes:], *implicit}
    readable = {
        *marked[: policy.first_explicit_lookups],
        *marked[-policy.latest_explicit_lookups :],
        *implicit,
    }
    if options.mode == "implicit":
        readable.update(stream.eligible_ends[:-1][-policy.earlier_message_lookups :])
        if stream.developer_end is not None:
            readable.add(stream.developer_end)

    def boundaries(positions: set[int]) -> tuple[Boundary, ...]:
        kept: list[Boundary] = []
        for position in sorted(positions):
            ttl = explicit.get(position, options.ttl)
            if stream.visible(position) >= policy.minimum_tokens:
                kept.append(Boundary(position, stream.visible(position), policy.lifetimes[ttl], ttl))
        return tuple(kept)

    return Boundaries(boundaries(readable), boundaries(writable), charged=True)
