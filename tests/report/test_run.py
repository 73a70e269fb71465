"""Programs that use the SDK: each call is in the report once, whatever else the program does."""

from __future__ import annotations

import sys

import pytest

from tests.report.programs import ASK, Programs
from tests.report.test_program import assert_same

PRICES = '{"gpt-4.1": {"input": 2.0, "cache_read": 0.5}}'


def test_a_program_is_reported(programs: Programs) -> None:
    source = f"{ASK}\nfor n in range(3): print(ask(f'Question {{n}}').choices[0].message.content)"
    prices = str(programs.write(PRICES, "prices.json"))
    plain = programs.plain(source)
    reported = programs.reported(source, OTEL_PYTHON_PROMPTCACHE_PRICES=prices)
    said = assert_same(plain, reported)
    assert "Prompt caching by template" in said
    assert "No findings." in said or "Requests do not wait" in said
    (row,) = reported.report["templates"]
    assert (row["requests"], row["failed"], row["models"]) == (3, 0, ["gpt-4.1-2025-04-14"])
    assert sum(row["results"].values()) == 3
    assert row["hit_ratio"] > 0.5
    assert row["net_savings_usd"] > 0
    assert reported.report["run"]["processes"] == 1
    assert reported.report["run"]["notes"] == []


def test_what_is_wrong_is_found(programs: Programs) -> None:
    source = f"""{ASK}
import otel_promptcache
with otel_promptcache.prefix("digest"):
    for n in range(6):
        rules = (f"Rule {{k}} of the shop says that its digest is to be short and friendly. " for k in range(150))
        SYSTEM["content"] = f"It is 2026-11-20T09:0{{n}}:00Z. " + "".join(rules)
        ask()
"""
    reported = programs.reported(source)
    (finding,) = (one for one in reported.report["findings"] if one["reason"] == "input_changed")
    assert (finding["id"], finding["template"], finding["kind"]) == ("time-in-front", "digest", "timestamp")
    assert finding["path"] == "messages[0].content"
    assert finding["requests"] >= 4
    assert b"A date or time in the first message changes  digest" in reported.err


def test_all_processes_are_reported(programs: Programs) -> None:
    source = f"""{ASK}
import subprocess, sys
if len(sys.argv) > 1:
    ask()
    sys.exit()
ask()
children = []
for _ in range(2):
    child = os.fork()
    if not child:
        client = OpenAI()
        ask(); ask()
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
subprocess.run([sys.executable, __file__, "child"], check=True)
"""
    reported = programs.reported(source)
    assert (reported.code, reported.err.count(b"Traceback")) == (0, 0)
    assert (reported.requests, reported.report["run"]["processes"]) == (1 + 2 * 2 + 1, 4)


def test_what_a_killed_process_had_seen_counts(programs: Programs) -> None:
    reported = programs.reported(f"{ASK}\nimport signal\nask()\nos.kill(os.getpid(), signal.SIGKILL)")
    assert (reported.code, reported.requests) == (137, 1)


def test_a_program_that_imports_openai_and_makes_no_call(programs: Programs) -> None:
    reported = programs.reported("import openai; print(type(openai.__spec__.loader).__name__)")
    assert reported.out == b"SourceFileLoader\n"
    assert (
        reported.err
        == b"otel-promptcache: no call through the OpenAI, Anthropic or LiteLLM SDK was made, so there is no report\n"
    )


def test_streams_and_coroutines(programs: Programs) -> None:
    source = f"""{ASK}
import asyncio
from openai import AsyncOpenAI
for chunk in ask(stream=True): pass
for chunk in ask(stream=True, stream_options={{"include_usage": True}}): pass
async def main():
    async with AsyncOpenAI() as client:
        await client.responses.create(model="gpt-5.6", instructions="Help. " * 1500, input="Hi")
asyncio.run(main())
"""
    plain, reported = programs.plain(source), programs.reported(source)
    assert "Streams do not report their usage" in assert_same(plain, reported)
    assert reported.requests == 3
    assert reported.report["total"]["results"]["unknown"] == 1


OPENTELEMETRY = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("program")
def show():
    names = {span.context.span_id: span.name for span in exporter.get_finished_spans()}
    for span in exporter.get_finished_spans():
        parent = span.parent and names[span.parent.span_id]
        attributes = {key: value for key, value in (span.attributes or {}).items() if "promptcache" in key or key == "hook"}
        attributes.pop("promptcache.time_to_first_token", None)
        print(span.name, parent, attributes)
"""

HOOKED = """
import httpx2 as httpx
def hook(request):
    trace.get_current_span().set_attribute("hook", "seen")
    with tracer.start_as_current_span("http"):
        pass
client = OpenAI(http_client=httpx.Client(event_hooks={"request": [hook]}))
"""


def with_the_http_library_of_the_sdk(source: str) -> str:
    """The source with the HTTP library that the installed SDK uses: httpx up to 2.x, httpx2 from 3.0 on."""
    found = "import openai._base_client as base; httpx = getattr(base, 'httpx2', None) or base.httpx"
    return source.replace("import httpx2 as httpx", found)


@pytest.mark.parametrize("sampler", ["parentbased_always_on", "always_off"])
def test_the_programs_own_telemetry_is_what_it_would_be(programs: Programs, sampler: str) -> None:
    source = with_the_http_library_of_the_sdk(f"""{OPENTELEMETRY}{ASK}{HOOKED}
with tracer.start_as_current_span("chat", attributes={{"gen_ai.operation.name": "chat"}}):
    ask()
ask()
show()
""")
    plain, reported = (
        run(source, OTEL_TRACES_SAMPLER=sampler) for run in (programs.plain, programs.reported)
    )
    assert_same(plain, reported)
    assert (b"http chat" in plain.out) == (sampler != "always_off")
    assert reported.requests == 2


def test_a_switch_for_the_programs_telemetry_does_not_switch_the_report_off(programs: Programs) -> None:
    reported = programs.reported(
        f"{ASK}\nask()", OTEL_SDK_DISABLED="true", OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="1"
    )
    assert reported.requests == 1
    assert reported.report["total"]["hit_ratio"] == 0


def test_a_program_that_uses_this_package_goes_on_using_it(programs: Programs) -> None:
    source = f"""
import otel_promptcache  # before openai, which its hooks import first
otel_promptcache.instrument()
{OPENTELEMETRY}{ASK}
ask()
for chunk in ask(stream=True): pass
otel_promptcache.uninstrument()
ask()
otel_promptcache.instrument(prices={{"gpt-4.1": {{"input": 2.0, "cache_read": 0.5}}}})
ask()
show()
"""
    plain, reported = programs.plain(source), programs.reported(source)
    assert_same(plain, reported)
    assert plain.out.count(b"promptcache.result") == 3
    assert plain.err.count(b"A chat stream ended without usage") == 1
    assert reported.requests == 4


def test_suppressed_calls_are_not_observed(programs: Programs) -> None:
    source = f"""{ASK}
from opentelemetry.instrumentation.utils import suppress_instrumentation
with suppress_instrumentation():
    ask()
"""
    assert (
        programs.reported(source).err
        == b"otel-promptcache: no call through the OpenAI, Anthropic or LiteLLM SDK was made, so there is no report\n"
    )


def test_a_program_whose_python_lacks_this_package(programs: Programs) -> None:
    source = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("otel_promptcache"):
            raise ModuleNotFoundError("No module named 'otel_promptcache'")
sys.meta_path.insert(0, Blocked())
{ASK}
print(ask().choices[0].message.role)
"""
    plain, reported = programs.plain(source), programs.reported(source)
    said = assert_same(plain, reported)
    assert said == (
        f"otel-promptcache: not observed: {sys.executable} cannot import this package (No module named "
        f"'otel_promptcache'); install it: {sys.executable} -m pip install otel-promptcache\n"
    )


def test_an_sdk_that_is_too_old_is_left_alone(programs: Programs) -> None:
    metadata = "Metadata-Version: 2.1\nName: openai\nVersion: 1.0.0\n"
    path = programs.write(metadata, "old/openai-1.0.0.dist-info/METADATA").parents[1]
    source = f"{ASK}\nprint(ask().choices[0].message.role)"
    plain, reported = (run(source, PYTHONPATH=str(path)) for run in (programs.plain, programs.reported))
    said = assert_same(plain, reported)
    assert (
        said
        == "otel-promptcache: openai 1.0.0 is not supported, so it is not instrumented; supported: openai >= 1.66, < 4\n"
    )
