"""What the tests of the report share."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_promptcache.sim import Simulator
from tests.report.programs import Programs


@pytest.fixture
def programs(tmp_path: Path, simulator: Simulator) -> Programs:
    """Programs that talk to the local provider."""
    return Programs(tmp_path, simulator)
