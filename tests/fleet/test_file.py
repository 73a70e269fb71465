"""Processes of one host that share a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.fleets import SharedStore, in_a_file
from tests.fleet.verdicts import FleetVerdicts


@pytest.fixture
def shared(tmp_path: Path) -> SharedStore:
    return in_a_file(tmp_path)


class TestFile(FleetVerdicts):
    """The verdicts, with a file as the store."""
