"""Real parts for the tests; without them the tests fail, and say what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stack.parts import PartMissingError, program

_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests to whoever asks for them by their folder: they need more than Python."""
    asked_for = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(_HERE in (path, *path.parents) for path in asked_for) else True


@pytest.fixture(scope="session")
def promtool() -> str:
    try:
        return str(program("promtool"))
    except PartMissingError as error:
        pytest.fail(str(error), pytrace=False)
