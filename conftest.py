"""Executes the Python in the documentation, against the local provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

import otel_promptcache
from otel_promptcache.sim import Simulator


@pytest.fixture
def documented_application(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a reader would have: an API to talk to, and nothing instrumented afterwards."""
    with Simulator() as simulator:
        monkeypatch.setenv("OPENAI_BASE_URL", simulator.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        yield
    if otel_promptcache.PromptCacheInstrumentor().is_instrumented_by_opentelemetry:
        otel_promptcache.uninstrument()


def close_clients(namespace: dict[str, Any]) -> None:
    """Close the clients that an example left open."""
    for value in namespace.values():
        if isinstance(value, OpenAI):
            value.close()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md"],
    fixtures=["documented_application"],
    teardown=close_clients,
).pytest()
