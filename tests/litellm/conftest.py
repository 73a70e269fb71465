"""LiteLLM without a network, its clients closed after each test."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.litellm.surfaces import litellm


@pytest.fixture(autouse=True)
async def close_clients() -> AsyncIterator[None]:
    """Close the clients that LiteLLM keeps for each event loop."""
    yield
    kept = litellm.in_memory_llm_clients_cache.cache_dict
    for client in list(kept.values()):
        closing = client.close()
        if asyncio.iscoroutine(closing):
            await closing
    kept.clear()


@pytest.fixture(autouse=True, scope="module")
def collect_connections() -> Iterator[None]:
    """Collect the connections that LiteLLM leaves open here, not later in a test of something else."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore warnings by LiteLLM, and by pydantic about its types: as errors they would change what is tested."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:::litellm", "ignore:::pydantic"))
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))
