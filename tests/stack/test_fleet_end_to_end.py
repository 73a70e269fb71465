"""Real processes, a real receiver and a real Prometheus: nothing that they count is lost or counted twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from openai import DefaultHttpxClient, OpenAI

from otel_promptcache import prefix
from otel_promptcache.mixin.config import MixinConfig, Temporality
from otel_promptcache.mixin.render import render_rules
from otel_promptcache.sim import Simulator, filler_text
from tests.stack.services import Service, get_json, prometheus, receiver
from tests.stack.short_lived import TEMPLATE
from tests.stack.telemetry import instrumented, otlp_reader

ROOT = Path(__file__).parents[2]
EVALUATION_SECONDS, WINDOW = 5, "5m"
CALLS = (1, 2, 5, 1, 3)
"""How many calls each process makes; all of them export once."""


def rule_files(folder: Path, temporality: Temporality) -> list[Path]:
    """Return the paths of the rule files that `write_rules` writes."""
    return [folder / Path(name).name for name in render_rules(config(temporality)) if "prometheus/" in name]


def write_rules(folder: Path, temporality: Temporality) -> None:
    for name, text in render_rules(config(temporality)).items():
        if name.startswith("prometheus/"):
            (folder / Path(name).name).write_text(text, encoding="utf-8")


def config(temporality: Temporality) -> MixinConfig:
    return MixinConfig(
        temporality=temporality,
        evaluation_seconds=EVALUATION_SECONDS,
        fast_window_seconds=2 * EVALUATION_SECONDS,
        slow_window_seconds=300,
    )


def value(server: Service, expr: str) -> float:
    """Return the value of an expression without labels; 0 if there is none."""
    result = get_json(f"{server.url}/api/v1/query", query=expr)["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def settled(server: Service, expr: str, expected: float) -> float:
    """Return the value after it has reached the expected one and could settle, or after a timeout."""
    give_up = time.monotonic() + 12 * EVALUATION_SECONDS
    while value(server, expr) < expected and time.monotonic() < give_up:
        time.sleep(0.5)
    time.sleep(2 * EVALUATION_SECONDS)
    return value(server, expr)


def in_window(what: str) -> str:
    return f'sum(job_template:promptcache_{what}:increase{WINDOW}{{template="{TEMPLATE}"}})'


class Run(NamedTuple):
    server: Service
    tokens: int


@pytest.fixture(scope="module", params=list(Temporality), ids=lambda one: one.value)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp(request.param.value)
    write_rules(folder, request.param)
    with ExitStack() as stack:
        server = stack.enter_context(
            prometheus(
                folder, interval=f"{EVALUATION_SECONDS}s", rule_files=rule_files(folder, request.param)
            )
        )
        agent = stack.enter_context(receiver(folder, server.url))
        provider = stack.enter_context(Simulator())
        preference = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": request.param.value}
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.stack.short_lived", agent.url, provider.base_url, str(calls)],
                cwd=ROOT,
                env={**os.environ, **preference},
                stdout=subprocess.PIPE,
                text=True,
            )
            for calls in CALLS
        ]
        tokens = sum(int(process.communicate(timeout=120)[0]) for process in processes)
        yield Run(server, tokens)


def test_processes_of_one_export_are_counted_in_full(run: Run) -> None:
    assert settled(run.server, in_window("requests"), sum(CALLS)) == sum(CALLS)
    assert settled(run.server, in_window("input_tokens"), run.tokens) == run.tokens


def test_rules_that_come_later_count_nothing_that_was_there_before(tmp_path: Path) -> None:
    with ExitStack() as stack:
        rules = rule_files(tmp_path, Temporality.CUMULATIVE)
        server = stack.enter_context(
            prometheus(tmp_path, interval=f"{EVALUATION_SECONDS}s", rule_files=rules)
        )
        agent = stack.enter_context(receiver(tmp_path, server.url))
        provider = stack.enter_context(Simulator())
        stack.enter_context(instrumented(otlp_reader(agent.url, seconds=0.5)))
        client = stack.enter_context(
            OpenAI(base_url=provider.base_url, api_key="any", http_client=DefaultHttpxClient(trust_env=False))
        )

        def call(times: int) -> None:
            for number in range(times):
                with prefix(TEMPLATE):
                    client.chat.completions.create(
                        model="gpt-4.1",
                        messages=[
                            {"role": "system", "content": filler_text(1_500, TEMPLATE)},
                            {"role": "user", "content": f"Question {number}"},
                        ],
                    )

        call(7)
        emitted = f'sum(promptcache_requests_total{{promptcache_prefix_name="{TEMPLATE}"}})'
        assert settled(server, emitted, 7) == 7
        write_rules(tmp_path, Temporality.CUMULATIVE)
        server.reload()
        assert settled(server, f"count({in_window('requests')})", 1) == 1
        assert value(server, in_window("requests")) == 0
        call(3)
        assert settled(server, in_window("requests"), 3) == 3
