"""Whatever goes wrong, at the provider or in us, the caller of LiteLLM sees what it would see without us."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import pytest

from otel_promptcache.sim import ManualClock, Simulator
from tests.conftest import Telemetry
from tests.faults.conftest import inject  # noqa: F401  # a fixture
from tests.faults.outcome import Outcome, describe
from tests.faults.seams import SEAMS
from tests.litellm.surfaces import OWN, Surface
from tests.litellm.test_surfaces import UNTIMED

BY_NAME = {surface.name: surface for surface in OWN}
KINDS = ["anthropic", "anthropic stream", "deepseek", "deepseek stream", "responses", "responses stream"]
FAULTS = ["rate_limit", "drop_mid_stream", "truncated_stream", "garbage", "error_event", "gzip"]


def without_times(described: Any) -> str:
    """An exception without the port and the times that its text may contain."""
    return repr(described).split("http://")[0]


def call(surface: Surface, url: str, **more: Any) -> Outcome:
    try:
        return list(map(repr, surface.call(url, **more))), ""
    except Exception as error:  # noqa: BLE001  # any is a result
        return [], without_times(describe(error))


async def acall(surface: Surface, url: str, **more: Any) -> Outcome:
    try:
        return list(map(repr, await surface.acall(url, **more))), ""
    except Exception as error:  # noqa: BLE001  # any is a result
        return [], without_times(describe(error))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_caller_sees_the_same_of_a_providers_fault(
    fault: str, kind: str, is_async: bool, telemetry: Telemetry
) -> None:
    surface, faulty = BY_NAME[kind], {"extra_headers": {"x-sim-fault": fault}}

    async def outcome() -> list[Outcome]:
        with Simulator(UNTIMED, clock=ManualClock()) as simulator:
            url = simulator.base_url
            if is_async:
                return [await acall(surface, url), await acall(surface, url, **faulty)]
            return [call(surface, url), call(surface, url, **faulty)]

    without = await outcome()
    telemetry.instrument()
    assert await outcome() == without
    telemetry.tracer_provider.force_flush()  # LiteLLM keeps an exception, and with it the stream that it came from
    assert len(telemetry.spans) == 2
    assert telemetry.total("promptcache.requests") == 2


@pytest.mark.parametrize(
    ("fault", "error_type"), [("rate_limit", "429"), ("server_error", "500"), ("error_event", "500")]
)
def test_a_bad_status_is_named(
    fault: str, error_type: str, simulator: Simulator, telemetry: Telemetry
) -> None:
    """LiteLLM turns it into an exception above its handlers, by rules for each provider."""
    telemetry.instrument()
    call(BY_NAME["deepseek"], simulator.base_url, extra_headers={"x-sim-fault": fault})
    assert telemetry.span["error.type"] == error_type
    assert telemetry.total("promptcache.requests", error__type=error_type) == 1


@pytest.mark.parametrize(("owner", "name"), SEAMS, ids=[f"{owner.__name__}.{name}" for owner, name in SEAMS])
def test_caller_does_not_notice_a_fault_of_ours(
    owner: type,
    name: str,
    inject: Callable[[type, str], None],  # noqa: F811  # the fixture
    telemetry: Telemetry,
) -> None:
    faulty = {"extra_headers": {"x-sim-fault": "server_error"}}
    calls = [("anthropic", {}), ("deepseek stream", {}), ("deepseek stream", {}), ("anthropic", faulty)]

    def outcomes() -> list[Outcome]:
        with Simulator(UNTIMED, clock=ManualClock()) as simulator:
            # In a separate context, because the faulty seam may be the one that detaches the span.
            run = contextvars.copy_context().run
            return [run(call, BY_NAME[kind], simulator.base_url, **more) for kind, more in calls]

    expected = outcomes()
    assert [not error for _, error in expected] == [True, True, True, False]
    inject(owner, name)
    telemetry.instrument(strict=False)
    assert outcomes() == expected
