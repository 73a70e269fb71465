"""Every system and every Python: versions that are too old are told so, and nothing depends on POSIX."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_promptcache import __version__
from otel_promptcache.report.observing.program import BOOTSTRAP
from tests.first_hour import without_posix
from tests.report.programs import ASK, Programs
from tests.report.test_command import start_up

START_UP = BOOTSTRAP / "sitecustomize.py"
STARTED = "Half an hour of traffic, sent in about 1 s; the table follows."
NOT_IN_PYTHON_2 = (
    ast.AnnAssign, ast.AsyncFunctionDef, ast.JoinedStr, ast.Match, ast.NamedExpr, ast.Nonlocal, ast.YieldFrom,
)  # fmt: skip


def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=180, check=False
    )


# Systems.


def as_if_on_windows(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return python(without_posix.__file__, *arguments)


def test_the_demo_needs_no_posix() -> None:
    done = as_if_on_windows("demo", "--seconds", "1", "--no-live")
    assert (done.returncode, done.stderr.splitlines()) == (0, [STARTED])
    assert "support-bot" in done.stdout


def test_a_run_and_its_report_need_no_posix(programs: Programs) -> None:
    report = programs.directory / "report.html"
    program = programs.write(f"{ASK}\nask()\nraise SystemExit(3)")
    done = subprocess.run(
        [sys.executable, without_posix.__file__, "run", "--html", report, "--", sys.executable, program],
        env=programs.environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 3
    assert "Prompt caching by template" in done.stderr
    assert report.stat().st_size > 0


def test_what_is_observed_needs_no_posix(programs: Programs) -> None:
    windows = f"import sys; sys.path.append({str(Path(__file__).parents[2])!r})\n"
    windows += "from tests.first_hour.without_posix import become_windows; become_windows()\n"
    done = programs.reported(f"{windows}{ASK}\nask()\nask()")
    assert (done.code, done.requests) == (0, 2)
    assert done.report["run"]["notes"] == []


def test_a_fleet_in_a_file_needs_no_posix(programs: Programs) -> None:
    source = f"""
import sys; sys.path.append({str(Path(__file__).parents[2])!r})
from tests.first_hour.without_posix import become_windows; become_windows()
import otel_promptcache
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
reader = InMemoryMetricReader()
meters = MeterProvider([reader], resource=Resource({{"service.instance.id": "one"}}))
otel_promptcache.instrument(meter_provider=meters, strict=True)
{ASK}
ask(); ask()
otel_promptcache.uninstrument()
(points,) = [
    metric.data.data_points
    for resource in reader.get_metrics_data().resource_metrics
    for scope in resource.scope_metrics
    for metric in scope.metrics
    if metric.name == "promptcache.fleet.operations"
]
outcomes = {{dict(point.attributes)["promptcache.fleet.outcome"] for point in points}}
print("ok" in outcomes and "failed" not in outcomes)
"""
    done = programs.plain(source, OTEL_PYTHON_PROMPTCACHE_FLEET=f"file:{programs.directory / 'fleet'}")
    assert (done.code, done.out, done.err) == (0, b"True\n", b"")


def test_a_console_that_sends_its_own_interrupts_gets_none_from_us(monkeypatch: pytest.MonkeyPatch) -> None:
    # Sending SIGINT to a process is an error on Windows.
    from otel_promptcache.report.observing import program  # noqa: PLC0415

    monkeypatch.setattr(sys, "platform", "win32")
    assert program._is_in_foreground()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_demo_prints_in_every_encoding(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "otel_promptcache", "demo", "--seconds", "1", "--no-live"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert (done.returncode, done.stderr.decode().splitlines()) == (0, [STARTED])
    assert "support-bot" in done.stdout.decode(encoding)


# Pythons.


def test_the_package_can_be_executed() -> None:
    done = python("-m", "otel_promptcache", "--version")
    assert (done.returncode, done.stdout) == (0, f"otel-promptcache, version {__version__}\n")
    assert python("-m", "otel_promptcache", "nonsense").returncode == 2


def test_what_is_too_old_is_told_what_is_needed() -> None:
    as_if_old = "import sys; sys.version_info = (3, 9, 18); import otel_promptcache"
    done = python("-c", as_if_old)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"ImportError: otel-promptcache needs Python 3.10 or newer; {sys.executable} is Python 3.9"
    )


def test_a_run_of_what_is_too_old_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = start_up(tmp_path, monkeypatch)
    before = list(sys.meta_path)
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    module.watch()
    assert sys.meta_path == before
    assert (tmp_path / f"{os.getpid()}.notes").read_text(encoding="utf-8") == (
        f"not observed: {sys.executable} is Python 3.9, and otel-promptcache needs 3.10 or newer\n"
    )


def test_pythons_of_any_age_can_read_the_start_up_code() -> None:
    tree = ast.parse(START_UP.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    assert not [node for node in nodes if isinstance(node, NOT_IN_PYTHON_2)]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:
        arguments = function.args
        assert not arguments.kwonlyargs + arguments.posonlyargs
        assert function.returns is None
        assert all(argument.annotation is None for argument in arguments.args)
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert not [node for node in nodes if isinstance(node, ast.Raise) and node.cause is not None]


OLDER = [
    path
    for version in ("2.7", "3.6", "3.7", "3.8", "3.9")
    for path in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
]


@pytest.mark.parametrize("interpreter", OLDER, ids=str)
def test_an_older_python_runs_undisturbed(interpreter: Path, programs: Programs) -> None:
    hidden = programs.write("print('hidden')", "site/sitecustomize.py").parent
    source = "import sitecustomize, sys; print(sitecustomize.__file__, [each for each in sys.path if 'bootstrap' in each])"
    program = programs.write(source)
    plain = subprocess.run(
        [interpreter, program],
        capture_output=True,
        timeout=180,
        check=True,
        env={**programs.environment, "PYTHONPATH": str(hidden), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    # Through `env`, because the report's own Python would execute the hidden start-up code, too.
    done = programs.run(
        "env",
        f"PYTHONPATH={BOOTSTRAP}{os.pathsep}{hidden}",
        "PYTHONDONTWRITEBYTECODE=1",
        interpreter,
        program,
    )
    assert (done.code, done.out) == (0, plain.stdout)
    version = interpreter.parents[1].name.rpartition(".")[0]
    assert done.err.decode() == (
        f"otel-promptcache: not observed: {interpreter} is Python {version}, and otel-promptcache needs 3.10 or newer\n"
    )
