"""Under `opentelemetry-instrument`, whose `sitecustomize` hides ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from otel_promptcache.report.observing.launcher import observe_run
from tests.report.programs import ASK, Programs

LAUNCHER = Path(sys.executable).with_name("opentelemetry-instrument")


def test_the_launcher_calls_our_entry_point(programs: Programs) -> None:
    done = programs.run(
        LAUNCHER,
        sys.executable,
        programs.write(f"{ASK}\nask()\nask()"),
        OTEL_TRACES_EXPORTER="console",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai,openai_v2,genai_openai",
    )
    assert done.code == 0
    assert done.requests == 2
    assert done.out.count(b'"promptcache.result"') == 2  # the program's own telemetry is there, too


def test_outside_of_a_run_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_PROMPTCACHE_RUN_DIRECTORY", raising=False)
    before = list(sys.meta_path)
    observe_run()
    assert sys.meta_path == before


def test_start_up_code_and_launcher_together_observe_once(programs: Programs) -> None:
    program = programs.write(
        f"from otel_promptcache.report.observing.launcher import observe_run\nobserve_run()\n{ASK}\nask()"
    )
    done = programs.run(sys.executable, program)
    assert done.code == 0
    assert done.requests == 1
