"""Runs the tests on every installed interpreter, with the newest and with the lowest dependencies."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True

SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# The local provider's tests use what only the newest SDK has; dashboards need packages with lower bounds of their own.
NEEDS_NEWEST = ("sim", "mixin", "reliability", "servers", "docs", "e2e/test_fleet.py")
# Growth of time and memory, applications over many requests, runs of many processes: slow, and the same everywhere.
NOT_THE_INTERPRETERS = (
    "unit/test_growth.py",
    "findings",
    "claude/test_against_the_model.py",
    "e2e/test_diagnosis_corpus.py",
    "e2e/test_others.py",
    "reliability/test_stream_fuzz.py",
    "report/test_run_of_many.py",
)
# What a provider may answer, and the local provider itself: depends on the SDK's version, not on Python's.
NOT_OF_PYTHON = ("faults/test_provider_faults.py", "faults/test_faults_with_claude.py", "servers", "sim")
# Separate programs, which spend most of their time importing SDKs: only on the oldest and the newest interpreter.
OF_PROCESSES = (
    "first_hour",
    "report/test_call_site.py",
    "report/test_hostile.py",
    "report/test_printing.py",
    "report/test_program.py",
    "report/test_run.py",
    "e2e/test_cli.py",
    "e2e/test_demo.py",
    "e2e/test_tutorial.py",
    "reliability/test_imports.py",
)
# Independent of the version of OpenAI's SDK; `lowest`, which also has the oldest, runs these.
NOT_OF_OPENAI = ("unit", "report", "first_hour", "fleet", "claude")
OLDEST_OPENAI = "openai==1.66.0"


def interpreter(version: str) -> str | None:
    """The path of an installed interpreter that actually starts, or None."""
    candidates = [shutil.which(f"python{version}")]
    candidates += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in filter(None, candidates):
        started = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        if started.returncode == 0 and f" {version}." in started.stdout:
            return str(candidate)
    return None


FOUND = {version: path for version in SUPPORTED if (path := interpreter(version))}
OUTERMOST = [*FOUND.values()][:1] + [*FOUND.values()][-1:]
MISSING = sorted(set(SUPPORTED) - set(FOUND))


def install(session: nox.Session, *arguments: str) -> None:
    """Install into the session's environment with uv, which can resolve the lowest versions."""
    uv = shutil.which("uv", path=f"{Path(session.bin).parent.parent.parent}/.venv/bin") or "uv"
    python = f"{session.virtualenv.location}/bin/python"
    session.run(
        uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *arguments, external=True
    )


def run_tests(session: nox.Session, *, left_out: tuple[str, ...] = ()) -> None:
    """Run all tests except those that need packages with lower bounds of their own: peers and launchers.

    Benchmarks are also left out: their transport is that of the newest SDK.
    """
    ignored = [
        f"--ignore=tests/{name}" for name in ("peers", "auto", "litellm", *NOT_THE_INTERPRETERS, *left_out)
    ]
    parallel = ("--numprocesses", "2", "--dist", "loadfile")
    session.run(
        "python", "-m", "pytest", "-q", *parallel, "tests", "README.md", "docs", *ignored, *session.posargs
    )


@nox.session(python=[path for version, path in FOUND.items() if version != RUNNING])
def newest(session: nox.Session) -> None:
    """The newest versions of everything, except on the Python that `make test` has run on."""
    install(session, "--editable", ".[demo,mixin]", "--group", "test")
    left_out = () if session.python in OUTERMOST else OF_PROCESSES
    run_tests(session, left_out=(*NOT_OF_PYTHON, *left_out))


@nox.session(python=FOUND.get("3.10"))
def oldest_openai(session: nox.Session) -> None:
    """The oldest SDK on the oldest Python, everything else new."""
    install(session, "--editable", ".[demo]", "--group", "test", OLDEST_OPENAI)
    run_tests(session, left_out=(*NEEDS_NEWEST, *OF_PROCESSES, *NOT_OF_OPENAI))


@nox.session(python=FOUND.get("3.11"))
def lowest(session: nox.Session) -> None:
    """The lowest version of everything that the package requires: proves its lower bounds."""
    install(session, "--resolution", "lowest-direct", "--editable", ".[demo]", "--group", "test")
    run_tests(session, left_out=(*NEEDS_NEWEST, *OF_PROCESSES))


@nox.session(python=False)
def interpreters(session: nox.Session) -> None:
    """Log which interpreters are installed and which are not, so that nothing is left out silently."""
    session.log(f"tested on: {', '.join(FOUND)}; not here: {', '.join(MISSING) or 'none'}")
