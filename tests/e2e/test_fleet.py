"""Real clients whose processes share a file: what is reported, what is stored, and what happens if the store fails."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import InternalServerError, OpenAI
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import otel_promptcache
from otel_promptcache import PromptCacheInstrumentor
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.fleet.store import StoreError
from otel_promptcache.fleet.stores.sqlite_store import SqliteStore
from otel_promptcache.sim import Simulator, filler_text
from tests.conftest import Telemetry

RULES = {"role": "system", "content": filler_text(1_500)}
SECRETS = (
    "SECRETSYSTEM", "SECRETQUESTION", "SECRETTOOL", "SECRETDESCRIPTION", "SECRETCACHEKEY", "SECRETAPIKEY",
    "SECRETHEADER", "SECRETUSER", "SECRETFLEETKEY",
)  # fmt: skip


def fleet() -> Fleet:
    found = PromptCacheInstrumentor()._fleet
    assert found is not None
    return found


class Processes:
    """Applications that run one after another, each with its own memory, and share a file."""

    def __init__(self, telemetry: Telemetry, simulator: Simulator, file: Path) -> None:
        self.telemetry, self.simulator, self.file = telemetry, simulator, file
        self._is_running = False

    def begin(self, **settings: Any) -> None:
        """End the running application, if any, and start another."""
        if self._is_running:
            otel_promptcache.uninstrument()
        self._is_running = True
        settings.setdefault("fleet", f"file:{self.file}")
        self.telemetry.instrument(**settings)

    def flush(self) -> None:
        """Wait for the store, if there is one."""
        if PromptCacheInstrumentor()._fleet is not None:
            fleet().flush()

    def client(self, api_key: str = "key") -> OpenAI:
        """A client that sends requests once the store has answered, as if the model took a while."""

        def wait(_: object) -> None:
            self.flush()

        http_client = httpx2.Client(event_hooks={"request": [wait]})
        return OpenAI(
            base_url=self.simulator.base_url, api_key=api_key, http_client=http_client, max_retries=0
        )

    def ask(self, question: str = "Hi", api_key: str = "key", **members: Any) -> dict[str, Any]:
        """Send a request and return the attributes of its span."""
        messages: Any = [RULES, {"role": "user", "content": question}]
        with self.client(api_key) as client:
            client.chat.completions.create(model="gpt-4.1", messages=messages, **members)
        self.flush()
        return dict(self.telemetry.spans[-1].attributes or {})


@pytest.fixture
def processes(telemetry: Telemetry, simulator: Simulator, tmp_path: Path) -> Processes:
    return Processes(telemetry, simulator, tmp_path / "fleet.db")


def test_a_new_process_knows_what_another_one_sent(processes: Processes, telemetry: Telemetry) -> None:
    processes.begin()
    assert processes.ask()["promptcache.miss.reason"] == "cold_start"
    processes.begin()
    attributes = processes.ask("Another question")
    assert attributes["promptcache.history"] == "fleet"
    assert (
        telemetry.total("promptcache.verdicts", promptcache__history="fleet")
        == telemetry.total("promptcache.requests")
        == 2
    )
    assert (attributes["promptcache.result"], attributes["promptcache.expected_tokens"]) == ("hit", 1_408)
    assert telemetry.total("promptcache.fleet.operations") == 4
    assert telemetry.total("promptcache.fleet.operations", promptcache__fleet__outcome="ok") == 4


def test_what_one_process_cannot_say_it_says_with_the_memory(processes: Processes) -> None:
    told: list[tuple[Any, ...]] = []
    for fleet_of in (None, f"file:{processes.file}"):
        processes.simulator.reset()
        processes.begin(fleet=fleet_of)
        processes.ask("One")
        processes.begin(fleet=fleet_of)
        assert processes.ask("Two")["promptcache.result"] == "hit"
        processes.simulator.inject("miss")
        attributes = processes.ask("Three")
        names = ("promptcache.history", "promptcache.miss.reason", "promptcache.miss.tokens")
        told.append(tuple(attributes[name] for name in names))
    assert told == [("process", "unseen", 1_408), ("fleet", "provider", 1_408)]


def test_a_stream_is_told_of_at_its_first_token_and_its_length_later(
    processes: Processes, telemetry: Telemetry
) -> None:
    processes.begin()
    messages: Any = [RULES, {"role": "user", "content": "Hi"}]
    with processes.client() as client:
        stream = client.chat.completions.create(
            model="gpt-4.1", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
        fleet().flush()
        assert telemetry.total("promptcache.fleet.operations") == 2
        list(stream)
    fleet().flush()
    assert telemetry.total("promptcache.fleet.operations") == 3


def test_a_variant_is_counted_where_it_is_new_to_the_fleet(
    processes: Processes, telemetry: Telemetry
) -> None:
    processes.begin()
    processes.ask()
    processes.begin()
    processes.ask()
    assert telemetry.total("promptcache.prefix.variants") == 1


def test_the_provider_can_be_asked_before_the_first_answer_in_a_process(
    processes: Processes, simulator: Simulator
) -> None:
    def respond(client: OpenAI, **members: Any) -> Any:
        return client.responses.create(
            model="gpt-5.6-sol", instructions=filler_text(1_500), input="Hi", **members
        )

    def asked() -> Any:
        return (simulator.requests[-1].body or {}).get("prompt_cache_options")

    processes.begin(request_diagnostics=1.0)
    with processes.client("one") as client:
        first = respond(client)
    fleet().flush()
    for api_key, told in (("two", None), ("one", {"comparison_response_id": first.id})):
        processes.begin(request_diagnostics=1.0)
        with processes.client(api_key) as client:
            failed = respond(client, stream=True, extra_headers={"x-sim-fault": "error_event"})
            assert asked() in (None, told)  # usually, the store has not answered when it is built
            failed.close()
            respond(client)
        assert asked() == told


def test_nothing_of_the_request_is_in_the_file(processes: Processes) -> None:
    processes.begin(fleet_key="SECRETFLEETKEY", request_diagnostics=1.0)
    tools = [
        {"type": "function", "function": {"name": "SECRETTOOL", "description": "SECRETDESCRIPTION. " * 9}},
        {"type": "function", "function": {"name": "other", "parameters": {"SECRETSYSTEM": "SECRETSYSTEM"}}},
    ]
    for order in (tools, tools[::-1]):
        processes.ask(
            "SECRETQUESTION",
            "SECRETAPIKEY",
            tools=order,
            user="SECRETUSER",
            extra_headers={"x-session-id": "SECRETHEADER"},
            extra_body={"prompt_cache_key": "SECRETCACHEKEY"},
        )
    content = b"".join(file.read_bytes() for file in processes.file.parent.iterdir())
    assert len(content) > 1_000
    for secret in SECRETS:
        assert secret.encode() not in content
        assert secret.lower().encode() not in content.lower()


@pytest.mark.parametrize("namespace", [None, "second"])
def test_the_namespace_is_that_of_the_service(
    namespace: str | None, simulator: Simulator, telemetry: Telemetry, tmp_path: Path
) -> None:
    telemetry.tracer_provider.shutdown()
    telemetry.tracer_provider = TracerProvider(resource=Resource({"service.namespace": "shop"}))
    telemetry.instrument(fleet=f"file:{tmp_path / 'fleet.db'}", fleet_namespace=namespace)
    assert fleet()._memory.namespace == (namespace or "shop")


@pytest.mark.parametrize(
    ("attributes", "namespace"), [("a=b,service.namespace=my%20shop", "my_shop"), ("a=b", "default")]
)
def test_without_a_provider_the_environment_names_it(
    attributes: str, namespace: str, telemetry: Telemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", attributes)
    otel_promptcache.instrument(
        meter_provider=telemetry.meter_provider, fleet=f"file:{tmp_path / 'fleet.db'}"
    )
    assert fleet()._memory.namespace == namespace


def test_a_bad_address_is_an_error_as_an_argument_and_left_out_of_the_environment(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=r'fleet is "http:…": expected a URL that begins with "redis://"'):
        telemetry.instrument(fleet="http://:pa55@h")
    monkeypatch.setenv("OTEL_PYTHON_PROMPTCACHE_FLEET", "http://:pa55@h")
    with caplog.at_level(logging.WARNING):
        telemetry.instrument()
    assert PromptCacheInstrumentor()._fleet is None
    assert "the setting fleet is ignored" in caplog.text
    assert "pa55" not in caplog.text


class Broken:
    """A store's method that fails in some way."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, *_: object) -> Any:
        if self.kind == "store error":
            raise StoreError("away")
        if self.kind == "another error":
            raise MemoryError
        return None  # nonsense


@pytest.mark.parametrize("kind", ["store error", "another error", "nonsense"])
def test_with_a_store_that_fails_the_process_judges_alone(
    kind: str,
    processes: Processes,
    telemetry: Telemetry,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SqliteStore, "run", Broken(kind))
    processes.begin(strict=False)
    with caplog.at_level(logging.WARNING):
        assert processes.ask()["promptcache.miss.reason"] == "cold_start"
        assert processes.ask()["promptcache.result"] == "hit"
    assert len([line for line in caplog.messages if "The fleet's memory" in line]) == 1
    assert telemetry.total("promptcache.fleet.operations", promptcache__fleet__outcome="ok") == 0


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Fleet, "sent"),
        (FleetCall, "answered"),
        (FleetCall, "learned"),
        (FleetCall, "closed"),
        (Fleet, "newest_answer"),
    ],
)
def test_a_fault_of_ours_costs_no_call_and_no_verdict_of_the_process(
    owner: type, name: str, processes: Processes, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LookupError

    monkeypatch.setattr(owner, name, fail)
    processes.begin(strict=False, request_diagnostics=1.0)
    assert processes.ask()["promptcache.miss.reason"] == "cold_start"
    assert processes.ask()["promptcache.result"] == "hit"
    with pytest.raises(InternalServerError):
        processes.ask(extra_headers={"x-sim-fault": "server_error"})
    assert telemetry.total("promptcache.internal.errors") > 0


def test_a_flush_of_the_provider_tells_what_is_still_to_be_told(
    processes: Processes, telemetry: Telemetry
) -> None:
    processes.begin()
    messages: Any = [RULES, {"role": "user", "content": "Hi"}]
    with OpenAI(base_url=processes.simulator.base_url, api_key="key") as client:
        client.chat.completions.create(model="gpt-4.1", messages=messages)
    telemetry.tracer_provider.force_flush()
    assert telemetry.total("promptcache.fleet.operations") >= 1
    assert not fleet()._runner._queue  # type: ignore[attr-defined]
