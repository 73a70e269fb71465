"""All places where our code runs within the host's call, and faults to inject there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_promptcache.calls.amendments import Amendments
from otel_promptcache.calls.answer import Answer
from otel_promptcache.calls.call import Call
from otel_promptcache.calls.fetch import Fetch
from otel_promptcache.calls.inference import Inference
from otel_promptcache.calls.observer import Observer
from otel_promptcache.sdk.seam import Seam

SEAMS = [
    (owner, name)
    for owner in (Seam, Observer, Call, Inference, Amendments, Answer, Fetch)
    for name, member in vars(owner).items()
    if hasattr(member, "__wrapped__")
]


class InjectedError(Exception):
    """A fault of our own."""


def raises_first(method: Callable[..., Any]) -> Callable[..., Any]:
    def inject(*_: Any, **__: Any) -> Any:
        raise InjectedError(method.__name__)

    return inject


def raises_last(method: Callable[..., Any]) -> Callable[..., Any]:
    def inject(*args: Any, **kwargs: Any) -> Any:
        method(*args, **kwargs)
        raise InjectedError(method.__name__)

    return inject
