"""Runs the Python in the documentation against the local provider, and spares all tests repeated work."""

from __future__ import annotations

import gc
import importlib.metadata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import pytest
from openai import OpenAI
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

import otel_promptcache
from otel_promptcache.sim import Simulator

_read_metadata = importlib.metadata.Distribution.metadata.fget


@cache
def _metadata_at(path: Path) -> Any:
    return _read_metadata(importlib.metadata.PathDistribution(path))


importlib.metadata.PathDistribution.metadata = property(lambda self: _metadata_at(self._path))
"""Parsed once for each package: `instrument()` asks for versions, which took half the time of a test."""


def hide_from_collections() -> None:
    """Keep long-lived objects, such as imported modules, out of later garbage collections."""
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """Exclude what all test modules import from collections, before the first test."""
    hide_from_collections()


@pytest.fixture(scope="module", autouse=True)
def collections_are_short() -> Iterator[None]:
    """Exclude what a test module has imported from collections during the next ones."""
    yield
    hide_from_collections()


@pytest.fixture(scope="session", autouse=True)
def one_certificate_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust one authority instead of all: no request uses TLS, and each client takes 40 ms to read them."""
    first, end, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
    file = tmp_path_factory.mktemp("authorities") / "one.pem"
    file.write_text(first + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture
def documented_application(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Provide what a reader would have, an API to talk to, and remove the instrumentation afterwards."""
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
