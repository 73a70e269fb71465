"""A fault of our own in one seam, for the tests in this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import otel_promptcache
from otel_promptcache.guard import guarded
from tests.faults.seams import raises_first, raises_last


@pytest.fixture(params=[raises_first, raises_last], ids=["before", "after"])
def inject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[type, str], None]:
    """Make one seam raise before or after it does its work."""

    def inject(owner: type, name: str) -> None:
        method = vars(owner)[name].__wrapped__
        faulty = request.param(method)
        faulty.__qualname__ = method.__qualname__
        monkeypatch.setattr(owner, name, guarded(faulty))

    return inject


@pytest.fixture(autouse=True)
def pass_through_afterwards() -> Iterator[None]:
    yield
    if otel_promptcache.PromptCacheInstrumentor().is_instrumented_by_opentelemetry:
        otel_promptcache.uninstrument()
