"""A server whose answers are scripted, and an application that calls it under the names of real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Telemetry
from tests.servers.application import Application
from tests.servers.loopback import Scripted, scripted_server


@pytest.fixture(scope="session")
def session_scripted() -> Iterator[Scripted]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def application(
    telemetry: Telemetry, session_scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Application]:
    session_scripted.requests.clear()
    application = Application(telemetry, session_scripted, monkeypatch)
    yield application
    application.close()
