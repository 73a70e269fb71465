"""APIs of which only the usage is read, and not the prompt: they tell what a request spent, but not why it missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from otel_promptcache.core.money.usage import InvalidUsageError, TokenUsage
from otel_promptcache.core.prompt.segments import Block, CacheOptions, CacheScope, HashValue, Settings
from otel_promptcache.wire.counts import usage_object, whole_count
from otel_promptcache.wire.format import Json, WireFormat


def _no_blocks(_: Json) -> Iterator[Block]:
    return iter(())


def _no_scope(_: Json) -> CacheScope:
    return CacheScope()


def _no_settings(_: Json, __: HashValue) -> Settings:
    return ()


def _no_options(_: Json) -> CacheOptions:
    return CacheOptions()


usage_alone = partial(
    WireFormat,
    api_type=None,
    blocks=_no_blocks,
    scope=_no_scope,
    settings=_no_settings,
    options=_no_options,
    has_openai_tiers=False,
    reads_prompt=False,
)
"""Makes the format of such an API."""


def reported(
    message: Json, name: str, read: Callable[[Json], TokenUsage]
) -> tuple[TokenUsage | None, InvalidUsageError | None]:
    """The usage that a member of a message reports, or what is impossible about it; neither if there is none."""
    raw = message.get(name)
    if raw is None:
        return None, None
    try:
        return read(usage_object(raw, name)), None
    except InvalidUsageError as error:
        return None, error


def counted(usage: Json, *names: str) -> int | None:
    """The sum of counts that are reported separately; None if none of them is present.

    Raises:
        InvalidUsageError: One is not an integer.
    """
    counts: list[Any] = [whole_count(usage[name]) for name in names if usage.get(name) is not None]
    if any(type(count) is not int for count in counts):
        raise InvalidUsageError(f"{' + '.join(names)}: expected integers, or null")
    return sum(counts) if counts else None
