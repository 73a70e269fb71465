"""The recipes run as a reader would run them: in an environment with the frameworks, against the local provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_promptcache.sim import SimConfig, Simulator

from .receiver import Receiver
from .running import PYTHON, Recipes

_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect these tests only if their folder is named, as by `make recipes`, which installs the frameworks."""
    asked_for = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(_HERE in (path, *path.parents) for path in asked_for) else True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def config() -> SimConfig:
    return SimConfig(overflow_requests_per_minute=None)


@pytest.fixture
def recipes(receiver: Receiver, config: SimConfig, tmp_path: Path) -> Iterator[Recipes]:
    assert PYTHON.exists(), "the frameworks are not installed: make recipes"
    with Simulator(config) as provider:
        yield Recipes(provider, receiver, tmp_path)
