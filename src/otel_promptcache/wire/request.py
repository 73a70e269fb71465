"""Reads a request once, into one value that everything else uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from otel_promptcache.core.prompt.segments import (
    Block,
    CacheOptions,
    CacheScope,
    HashValue,
    Segment,
    Settings,
    without_items,
)
from otel_promptcache.wire.format import NO_PATH_CONTENT, Json, WireFormat, mapping, string

MAX_PATH_CHARS = 2_048
"""Characters of a path that are looked at; a longer one is not an inference."""

_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")


@dataclass(frozen=True, slots=True)
class RequestContent:
    """What a request says. Its prompt is read when it is hashed, and never kept."""

    model: str | None
    """None if neither the body nor the path names one."""
    is_deployment: bool
    """The path names a deployment of Azure OpenAI, which may have any name."""
    service_tier: str | None
    """The tier that was asked for."""
    is_stream: bool
    is_background: bool
    """The application does not wait for the answer but fetches it with separate requests."""
    has_list_price: bool
    """The provider's price list applies; if not, only the user's own prices do."""
    asks_for_another_price: bool
    """It asks for something that is not billed at the standard prices, if the answer says that it got it."""
    scope: CacheScope
    """What partitions the cache, as far as the body tells: everything but the provider, host, model and settings."""
    settings: Settings
    """Those in the body that are part of the rendered prompt, or separate caches."""
    options: CacheOptions
    read_blocks: Callable[[], Iterable[Block]]
    """Reads the prompt; of a continued one, only the parts whose place in the prompt is known."""
    read_segments: Callable[[], Iterator[Segment]]
    """Reads all segments of the request, which name its template."""


def read_request(wire: WireFormat, request: Json, path: str, hash_value: HashValue) -> RequestContent:
    """Read a request.

    Args:
        wire: The format that it is written in.
        request: Its body.
        path: Its path: at Azure it names the deployment, which stands for the model, and on other platforms the model
            itself.
        hash_value: Makes the hashes of settings.
    """
    options, read_blocks = wire.options(request), partial(wire.blocks, request)
    deployment = azure_deployment(path) if "/deployments/" in path else None
    target = NO_PATH_CONTENT if wire.read_path is None else wire.read_path(path[:MAX_PATH_CHARS])
    asks = wire.asks_for_another_price
    has_list_price = wire.has_list_price and target.has_list_price
    return RequestContent(
        model=string(request.get("model")) or deployment or target.model,
        is_deployment=deployment is not None,
        service_tier=string(request.get("service_tier")) if wire.has_openai_tiers else None,
        is_stream=request.get("stream") is True or target.is_stream,
        is_background=request.get("background") is True,
        has_list_price=has_list_price and not _has_unpublished_discount(request),
        asks_for_another_price=asks is not None and asks(request),
        scope=wire.scope(request),
        settings=wire.settings(request, hash_value),
        options=options,
        read_blocks=partial(without_items, read_blocks) if options.is_continued else read_blocks,
        read_segments=partial(wire.segments, request),
    )


def _has_unpublished_discount(request: Json) -> bool:
    """Whether the request lets the provider take its time, for a discount that no price list has.

    Source: openai 3.57.0, BackgroundOptions in `types/responses/response_create_params.py` (checked 2026-11-25).
    """
    window = mapping(request.get("background_options")).get("completion_window")
    return window is not None and window != "soonest"


def azure_deployment(path: str) -> str | None:
    """The deployment that an Azure path names: there it stands for the model, which the body may lack."""
    match = _DEPLOYMENT.search(path[:MAX_PATH_CHARS])
    return string(match[1]) if match else None
