"""An exception in any of our seams: the caller sees what it would see without us."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from openai import AsyncOpenAI, OpenAI

from otel_promptcache.calls.call import Call
from otel_promptcache.calls.fleet_call import GuardedFleetCall
from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry
from tests.faults.outcome import BODIES, Outcome, acall, call
from tests.faults.seams import SEAMS


def test_the_seams_are_all_there() -> None:
    names = {owner.__name__ for owner, _ in SEAMS}
    assert names == {
        "Seam", "Observer", "Call", "Inference", "GuardedFleetCall", "Amendments", "Answer", "Fetch",
    }  # fmt: skip
    assert len(SEAMS) >= 40


@pytest.fixture(scope="module")
def expected(session_simulator: Simulator) -> dict[tuple[str, bool], list[Outcome]]:
    """The outcomes of an application that is not instrumented."""
    outcomes: dict[tuple[str, bool], list[Outcome]] = {}
    for kind in BODIES:
        for is_failing in (False, True):
            session_simulator.reset()
            outcomes[kind, is_failing] = run(session_simulator, kind, is_failing=is_failing)
    return outcomes


def run(simulator: Simulator, kind: str, *, is_failing: bool) -> list[Outcome]:
    headers = {"x-sim-fault": "server_error"} if is_failing else {}
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
        # In its own context, because the faulty seam may be the one that detaches the span.
        context = contextvars.copy_context()
        return context.run(lambda: [call(client, kind, extra_headers=headers) for _ in range(2)])


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize(("owner", "name"), SEAMS, ids=[f"{owner.__name__}.{name}" for owner, name in SEAMS])
def test_caller_does_not_notice(
    owner: type,
    name: str,
    kind: str,
    inject: Callable[[type, str], None],
    expected: dict[tuple[str, bool], list[Outcome]],
    simulator: Simulator,
    telemetry: Telemetry,
) -> None:
    inject(owner, name)
    telemetry.instrument(strict=False)
    assert run(simulator, kind, is_failing=False) == expected[kind, False]
    simulator.reset()
    assert run(simulator, kind, is_failing=True) == expected[kind, True]


@pytest.mark.parametrize(("owner", "name"), SEAMS, ids=[f"{owner.__name__}.{name}" for owner, name in SEAMS])
def test_caller_does_not_notice_while_the_usage_event_is_hidden(
    owner: type,
    name: str,
    inject: Callable[[type, str], None],
    expected: dict[tuple[str, bool], list[Outcome]],
    simulator: Simulator,
    telemetry: Telemetry,
) -> None:
    """The event that we asked for may show up if the seam that hides it is the faulty one; nothing may be missing."""
    inject(owner, name)
    telemetry.instrument(strict=False, stream_usage=True)
    outcomes = run(simulator, "chat stream without usage", is_failing=False)
    without_usage_events = [
        ([v for v in values if "'choices': []" not in v], error) for values, error in outcomes
    ]
    assert without_usage_events == expected["chat stream without usage", False]


@pytest.mark.parametrize(("owner", "name"), SEAMS, ids=[f"{owner.__name__}.{name}" for owner, name in SEAMS])
async def test_async_caller_does_not_notice(
    owner: type,
    name: str,
    inject: Callable[[type, str], None],
    expected: dict[tuple[str, bool], list[Outcome]],
    simulator: Simulator,
    telemetry: Telemetry,
) -> None:
    inject(owner, name)
    telemetry.instrument(strict=False)
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
        for kind in ("chat", "responses stream"):
            assert [await acall(client, kind) for _ in range(2)] == expected[kind, False]
            simulator.reset()


@pytest.mark.parametrize("name", [name for owner, name in SEAMS if owner is GuardedFleetCall])
def test_a_fault_in_the_fleets_memory_costs_only_what_it_knows(
    name: str,
    inject: Callable[[type, str], None],
    expected: dict[tuple[str, bool], list[Outcome]],
    simulator: Simulator,
    telemetry: Telemetry,
    tmp_path: Path,
) -> None:
    inject(GuardedFleetCall, name)
    telemetry.instrument(strict=False, fleet=f"file:{tmp_path}/fleet.db")
    assert run(simulator, "chat", is_failing=False) == expected["chat", False]
    assert telemetry.total("promptcache.internal.errors", error__type="InjectedError") == 2
    assert telemetry.total("promptcache.requests") == 2
    assert telemetry.total("promptcache.requests", promptcache__result="unknown") == 0


def test_our_faults_are_counted_and_logged_once(
    inject: Callable[[type, str], None],
    simulator: Simulator,
    telemetry: Telemetry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inject(Call, "_settle")
    telemetry.instrument(strict=False)
    with caplog.at_level(logging.WARNING):
        run(simulator, "chat", is_failing=False)
    assert telemetry.total("promptcache.internal.errors", error__type="InjectedError") >= 2
    assert [m.partition(":")[0] for m in caplog.messages] == ["InjectedError in Call._settle"]
