"""Real parts for the tests. Without them the tests fail and say what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_promptcache.sim import SimConfig, Simulator
from tests.stack.applications import Application, Begin, ForkServer
from tests.stack.parts import PartMissingError, program
from tests.stack.redis import REDIS, VALKEY, Product, server_program

_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect these tests only if their folder is named: they need more than Python."""
    asked_for = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(_HERE in (path, *path.parents) for path in asked_for) else True


@pytest.fixture(scope="session", autouse=True)
def one_certificate_authority() -> None:
    """Trust what the system trusts, because packages are fetched here."""


@pytest.fixture(scope="session")
def promtool() -> str:
    try:
        return str(program("promtool"))
    except PartMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module", params=[REDIS, VALKEY], ids=str)
def product(request: pytest.FixtureRequest) -> Product:
    try:
        server_program(request.param)
    except PartMissingError as error:
        pytest.fail(str(error), pytrace=False)
    return request.param


@pytest.fixture
def provider() -> Iterator[Simulator]:
    """A provider whose models take a while, as real ones do."""
    config = SimConfig(prefill_seconds_per_1k_tokens=0.1, overflow_requests_per_minute=None)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    with ForkServer() as fork_server:
        yield fork_server


@pytest.fixture
def begin_at(fork_server: ForkServer, provider: Simulator, tmp_path: Path) -> Iterator[Begin]:
    """Starts processes, and kills those that still run at the end."""
    running: list[Application] = []

    def begin(fleet: str, namespace: str = "test", fleet_key: str = "", api_key: str = "key") -> Application:
        arguments = [provider.base_url, api_key, fleet, namespace, fleet_key]
        running.append(Application(fork_server, arguments, tmp_path / f"{len(running)}.log"))
        return running[-1]

    yield begin
    for application in running:
        application.kill()
