"""The place in the application that made a call, which only the local report contains."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openai import OpenAI

from otel_promptcache.report.observing import spans
from otel_promptcache.report.observing.call_site import MAX_FRAMES, call_site
from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry
from tests.report.programs import Programs

IMPORTS = """
import asyncio, contextlib, functools, os
from concurrent.futures import ThreadPoolExecutor
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI
PROMPT = "Hi"
"""
CLIENTS = """
HERE = {"base_url": os.environ["OPENAI_BASE_URL"].removesuffix("/v1"), "api_key": "key"}
client, later, claude, claude_later = OpenAI(), AsyncOpenAI(), Anthropic(**HERE), AsyncAnthropic(**HERE)
CHAT = {"model": "gpt-4.1", "messages": [{"role": "user", "content": PROMPT}]}
CLAUDE = {**CHAT, "model": "claude-haiku-4-5", "max_tokens": 8}
"""
BEGINNING = IMPORTS + CLIENTS

SITES = {
    "a call": "client.chat.completions.create(**CHAT)  # here",
    "the Responses API": "client.responses.create(model='gpt-4.1', input=PROMPT)  # here",
    "a stream": "list(client.chat.completions.create(stream=True, **CHAT))  # here",
    "Anthropic": "claude.messages.create(**CLAUDE)  # here",
    "a stream manager of Anthropic": "with claude.messages.stream(**CLAUDE) as stream: list(stream)  # here",
    "another file of the application, by way of the standard library": (
        "functools.reduce(lambda _, f: f(), [functools.partial(client.chat.completions.create, **CHAT)], 0)  # here"
    ),
    "a generator": "def asked():\n    yield client.chat.completions.create(**CHAT)  # here\nlist(asked())",
    "a coroutine": (
        "async def main():\n    await later.chat.completions.create(**CHAT)  # here\nasyncio.run(main())"
    ),
    "a coroutine of Anthropic": (
        "async def main():\n    await claude_later.messages.create(**CLAUDE)  # here\nasyncio.run(main())"
    ),
    "an asynchronous generator": (
        "async def asked():\n    yield await later.chat.completions.create(**CHAT)  # here\n"
        "async def main():\n    async for _ in asked(): pass\nasyncio.run(main())"
    ),
    "a task": (
        "async def ask():\n    await later.chat.completions.create(**CHAT)  # here\n"
        "async def main():\n    await asyncio.gather(ask())\nasyncio.run(main())"
    ),
    "a thread": "def ask(_):\n    client.chat.completions.create(**CHAT)  # here\nlist(ThreadPoolExecutor().map(ask, [1]))",
}

NOWHERE = {
    "a coroutine that is itself a task": (
        "async def main():\n    await asyncio.gather(later.chat.completions.create(**CHAT))\nasyncio.run(main())"
    ),
    "a method that is what a thread does": (
        "ThreadPoolExecutor().submit(client.chat.completions.create, **CHAT).result()"
    ),
}
"""The caller is an event loop or a thread, and where that was started is not where the call was made."""


class Told(NamedTuple):
    """The report on a program that calls in all these ways, each with its own prompt."""

    lines: dict[str, int]
    """The line of each call, by its name in `SITES`."""
    places: list[list[str]]
    """The call sites of each prompt."""


@pytest.fixture(scope="module")
def told(session_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Told:
    source, lines = IMPORTS, {}
    for name, body in {**SITES, **NOWHERE}.items():
        source += f"PROMPT = {name!r}\n{CLIENTS}"
        for line in body.splitlines():
            source += f"{line}\n"
            if line.endswith("# here"):
                lines[name] = source.count("\n")
    done = Programs(tmp_path_factory.mktemp("sites"), session_simulator).reported(source)
    assert done.code == 0, done.err.decode()
    return Told(lines, [row["call_sites"] for row in done.report["templates"]])


@pytest.mark.parametrize("name", SITES)
def test_the_innermost_place_in_the_application_is_told(told: Told, name: str) -> None:
    assert [f"program.py:{told.lines[name]}"] in told.places


def test_what_is_not_known_is_not_told(told: Told) -> None:
    assert told.places.count([]) == len(NOWHERE)
    assert len(told.places) == len(SITES) + len(NOWHERE)


def test_a_framework_is_not_the_application(programs: Programs) -> None:
    framework = programs.write(
        "def complete(client, **arguments):\n    return client.chat.completions.create(**arguments)\n",
        "site-packages/framework.py",
    )
    source = f"{BEGINNING}\nimport framework\nframework.complete(client, **CHAT)\n"
    done = programs.reported(source, PYTHONPATH=str(framework.parent))
    assert done.code == 0, done.err.decode()
    assert [row["call_sites"] for row in done.report["templates"]] == [
        [f"program.py:{len(source.splitlines())}"]
    ]


def test_a_program_on_the_command_line_has_no_file(programs: Programs) -> None:
    source = f"{BEGINNING}\nclient.chat.completions.create(**CHAT)"
    done = programs.run(sys.executable, "-c", source)
    assert done.report["templates"][0]["call_sites"] == [f"<string>:{len(source.splitlines())}"]


def test_a_template_without_a_name_is_told_by_its_call_sites(programs: Programs) -> None:
    source = f"{BEGINNING}\nfor _ in range(2): client.chat.completions.create(**CHAT)\nclient.chat.completions.create(**CHAT)"
    last = len(source.splitlines())
    done = programs.reported(source, COLUMNS="80")
    assert done.report["templates"][0]["call_sites"] == [f"program.py:{last - 1}", f"program.py:{last}"]
    assert f"gpt-4.1-2025-04-14 · Chat Completions · program.py:{last - 1} +1".encode() in done.err


def test_only_the_report_looks_for_it(
    telemetry: Telemetry, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(spans, "call_site", lambda: looked.append(None))
    telemetry.instrument()
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Hi"}])
    assert telemetry.span["promptcache.result"] == "ineligible"
    assert looked == []
    here = Path(__file__).name
    assert not any(here in str(value) for value in (*telemetry.span.items(), *telemetry.metrics().items()))


def test_the_search_is_bounded() -> None:
    installed: dict[str, Any] = {"call_site": call_site, "__name__": "deep"}
    path = str(Path(os.sep, "x", "site-packages", "deep.py"))
    source = "def down(n):\n    return down(n - 1) if n else call_site()"
    exec(compile(source, path, "exec"), installed)  # noqa: S102  # code that is not in a file
    assert installed["down"](MAX_FRAMES // 2).startswith(f"{Path(__file__).name}:")
    assert installed["down"](MAX_FRAMES) is None
