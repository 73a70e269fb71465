"""A newcomer's first hour: every way to start, in a clean environment, how it ends and what it prints first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from otel_promptcache import __version__
from otel_promptcache.sim import Simulator
from tests.first_hour.otlp import receiving
from tests.stack.newcomer.package import Done, Environment

Environments = Callable[..., Environment]

MAX_DEMO_BYTES = 150_000_000

ASK = """
from openai import OpenAI
client = OpenAI()
for _ in range(2):
    reply = client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Help. " * 2000}])
print(reply.choices[0].message.role)
"""
INSTRUMENT = "import otel_promptcache\notel_promptcache.instrument()\n"
TO_OTLP = """
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
tracers = TracerProvider()
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(tracers)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
"""
CLAUDE = """
from anthropic import Anthropic
message = {"role": "user", "content": "Hi"}
print(Anthropic().messages.create(model="claude-haiku-4-5", max_tokens=9, messages=[message]).role)
"""


@pytest.fixture
def ask(simulator: Simulator, tmp_path: Path) -> Callable[..., Done]:
    """Runs a program that talks to the local provider, under a launcher if one is given."""

    def run(environment: Environment, source: str, *launcher: str, **variables: str) -> Done:
        program = tmp_path / "app.py"
        program.write_text(source, encoding="utf-8")
        provider = {
            "OPENAI_BASE_URL": simulator.base_url, "OPENAI_API_KEY": "key",
            "ANTHROPIC_BASE_URL": simulator.url, "ANTHROPIC_API_KEY": "key",
        }  # fmt: skip
        return environment.run(*launcher, "python", program, **provider, **variables)

    return run


Ask = Callable[..., Done]


def test_the_demo_is_one_extra_away(environment: Environments) -> None:
    demo = environment("demo")
    done = demo.run("otel-promptcache", "demo", "--seconds", "2")
    assert (done.code, done.err) == (0, "Half an hour of traffic, sent in about 2 s; the table follows.\n")
    assert "Prompt caching by template" in done.out
    assert [line.split()[0] for line in done.out.splitlines() if line.startswith("total")] == ["total"]
    assert demo.size_bytes < MAX_DEMO_BYTES


def test_the_command_line_is_a_module_too(environment: Environments) -> None:
    done = environment("demo").run("python", "-m", "otel_promptcache", "--version")
    assert done == Done(0, f"otel-promptcache, version {__version__}\n", "")


def test_a_program_is_run_and_reported(environment: Environments, ask: Ask) -> None:
    done = ask(environment("demo"), ASK, "otel-promptcache", "run", "--")
    assert (done.code, done.out) == (0, "assistant\n")
    assert done.err.splitlines()[1].startswith("Prompt caching by template")


def test_a_program_of_an_environment_without_the_package_is_told_what_to_install(
    environment: Environments, tmp_path: Path
) -> None:
    # The program's own environment has the SDK, or something that looks like it, but not this package.
    (tmp_path / "openai.py").write_text("", encoding="utf-8")
    bare = tmp_path / "venv"
    assert environment("demo").run("python", "-m", "venv", "--without-pip", bare).code == 0
    done = environment("demo").run(
        "otel-promptcache",
        "run",
        "--",
        bare / "bin" / "python",
        "-c",
        "import openai; print('ran')",
        PYTHONPATH=str(tmp_path),
    )
    assert (done.code, done.out) == (0, "ran\n")
    (line,) = done.err.splitlines()
    assert line.startswith(f"otel-promptcache: not observed: {bare}/bin/python cannot import this package")
    assert line.endswith(f"install it: {bare}/bin/python -m pip install otel-promptcache")


def test_one_line_of_code_without_an_sdk_of_opentelemetry_says_what_is_missing(
    environment: Environments, ask: Ask
) -> None:
    done = ask(environment("openai"), f"{INSTRUMENT}{ASK}")
    assert (done.code, done.out) == (0, "assistant\n")
    (line,) = done.err.splitlines()
    assert line.startswith("No OpenTelemetry SDK is set up in this process")


def test_one_line_of_code_with_claude(environment: Environments, ask: Ask) -> None:
    done = ask(environment("anthropic", "fleet"), f"{INSTRUMENT}{CLAUDE}")
    assert (done.code, done.out) == (0, "assistant\n")
    assert len(done.err.splitlines()) == 1


def test_one_line_of_code_with_an_exporter(environment: Environments, ask: Ask) -> None:
    with receiving("http/protobuf") as (endpoint, received):
        done = ask(
            environment("openai", "otlp"), f"{TO_OTLP}{INSTRUMENT}{ASK}", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint
        )
        assert done == Done(0, "assistant\n", "")
        assert received.span_names == ["chat gpt-4.1"] * 2
        assert "promptcache.tokens" in received.metric_names


def test_no_line_of_code(environment: Environments, ask: Ask) -> None:
    with receiving("http/protobuf") as (endpoint, received):
        done = ask(
            environment("openai", "auto"),
            ASK,
            "opentelemetry-instrument",
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        )
        assert done == Done(0, "assistant\n", "")
        assert received.span_names == ["chat gpt-4.1"] * 2
        assert "promptcache.tokens" in received.metric_names


def test_dashboards_and_alerts_are_written(environment: Environments, tmp_path: Path) -> None:
    done = environment("mixin").run("otel-promptcache", "mixin", "--out", tmp_path / "mixin")
    assert (done.code, done.err) == (0, "")
    assert {file.suffix for file in (tmp_path / "mixin").rglob("*") if file.is_file()} == {".json", ".yaml"}


def test_the_memory_of_a_fleet_can_be_in_redis(environment: Environments) -> None:
    opened = "import redis; from otel_promptcache.fleet.stores import redis_store; print('ok')"
    assert environment("anthropic", "fleet").run("python", "-c", opened) == Done(0, "ok\n", "")


@pytest.mark.parametrize(
    "command", [["demo"], ["--help"], ["run", "--", "python"], ["sim"], ["mixin"]], ids=" ".join
)
def test_without_an_extra_each_command_names_it(environment: Environments, command: list[str]) -> None:
    done = environment().run("otel-promptcache", *command)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "otel-promptcache: the package click is missing; install the command line with",
        "",
        "    pip install 'otel-promptcache[demo]'",
    ]


def test_without_any_sdk_one_line_says_which_there_are(environment: Environments) -> None:
    done = environment().run("python", "-c", INSTRUMENT)
    assert (done.code, done.out) == (0, "")
    (line,) = done.err.splitlines()
    assert "openai >= " in line
    assert "anthropic >= " in line
