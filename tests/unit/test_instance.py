from __future__ import annotations

import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest
from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource

from otel_promptcache.telemetry.metrics import instance
from otel_promptcache.telemetry.metrics.instance import Instance

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has names of sockets without files"
)

WARNING = "Another process on this host reports under the same service.instance.id"


def provider(instance_id: str | None, service: str = "shop") -> MeterProvider:
    attributes = {"service.name": service}
    if instance_id is not None:
        attributes["service.instance.id"] = instance_id
    return MeterProvider(resource=Resource(attributes), shutdown_on_exit=False)


def claims_of_another_process(instance_id: str) -> subprocess.Popen[str]:
    """Start a process that claims an id, says so, and ends when its input does."""
    code = f"""
import sys
from tests.unit.test_instance import Instance, provider
Instance(provider({instance_id!r})).claim()
print("claimed", flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "claimed\n"
    return other


def stop(other: subprocess.Popen[str]) -> str:
    """End it and return what it logged."""
    return other.communicate("")[1]


def test_the_second_process_with_an_id_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    shared = str(uuid.uuid4())
    other = claims_of_another_process(shared)
    mine = Instance(provider(shared))
    mine.claim()
    mine.claim()
    assert stop(other) == ""
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert WARNING in caplog.text
    assert shared not in caplog.text


def test_an_id_is_free_again_when_its_process_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    shared = str(uuid.uuid4())
    stop(claims_of_another_process(shared))
    Instance(provider(shared)).claim()
    assert caplog.text == ""


def test_one_process_may_claim_an_id_for_many_providers(caplog: pytest.LogCaptureFixture) -> None:
    shared = str(uuid.uuid4())
    for _ in range(3):
        Instance(provider(shared)).claim()
    assert caplog.text == ""


@pytest.mark.parametrize(
    "silent",
    [
        lambda: provider(None),
        lambda: provider(""),
        NoOpMeterProvider,
    ],
    ids=["no id", "empty id", "no SDK"],
)
def test_who_has_no_id_claims_nothing(
    silent: Callable[[], AnyMeterProvider], caplog: pytest.LogCaptureFixture
) -> None:
    before = dict(instance._claims._descriptors)
    Instance(silent()).claim()
    assert instance._claims._descriptors == before
    assert caplog.text == ""


def test_two_services_may_have_the_same_id(caplog: pytest.LogCaptureFixture) -> None:
    shared = str(uuid.uuid4())
    other = claims_of_another_process(shared)
    Instance(provider(shared, service="another")).claim()
    stop(other)
    assert caplog.text == ""


def in_child(act: Callable[[], None]) -> bool:
    """Act in a forked child and return whether it warned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        records: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("otel_promptcache").addHandler(handler)
        act()
        os.write(writing, b"1" if any(WARNING in one for one in records) else b"0")
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    try:
        return os.read(reading, 1) == b"1"
    finally:
        os.close(reading)


def test_a_forked_child_that_reports_beside_its_parent_says_so() -> None:
    # As with an SDK that gives a child no id of its own; the newest SDK changes the provider's resource.
    mine = Instance(FixedProvider(str(uuid.uuid4())))  # type: ignore[arg-type]
    mine.claim()
    assert in_child(mine.claim)


def test_a_forked_child_of_a_parent_that_reports_nothing_does_not() -> None:
    mine = Instance(FixedProvider(str(uuid.uuid4())))  # type: ignore[arg-type]
    assert not in_child(mine.claim)


def test_a_lock_that_another_thread_held_does_not_stop_a_child() -> None:
    mine = Instance(FixedProvider(str(uuid.uuid4())))  # type: ignore[arg-type]
    with instance._claims._lock:
        assert not in_child(mine.claim)


class FixedProvider:
    """A provider whose resource a fork does not change."""

    def __init__(self, instance_id: str) -> None:
        self._sdk_config = self
        self.resource = Resource({"service.instance.id": instance_id})


def test_a_sandbox_without_sockets_is_no_other_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> object:
        raise PermissionError

    monkeypatch.setattr("socket.socket", refused)
    Instance(provider(str(uuid.uuid4()))).claim()
    assert caplog.text == ""


def test_the_number_of_claims_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "_MAX_CLAIMS", len(instance._claims._descriptors))
    assert instance._claims.take(b"otel-promptcache-test-" + uuid.uuid4().hex.encode())
    assert len(instance._claims._descriptors) == instance._MAX_CLAIMS
