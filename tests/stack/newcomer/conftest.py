"""What a newcomer has: the package, and environments with different extras, each made on first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.stack.newcomer.package import Environment, build, install

Environments = Callable[..., Environment]


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution and the wheel."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def environment(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """Returns the environment with the given extras."""

    @cache
    def of(*extras: str) -> Environment:
        return install(tmp_path_factory.mktemp("-".join(extras) or "bare"), distributions[1], *extras)

    return of
