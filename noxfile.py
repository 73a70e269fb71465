"""The tests on every interpreter that is here, with the newest and with the lowest dependencies."""

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
# The local provider's tests ask for what the newest SDK can ask for; dashboards need packages with floors of their own.
NEEDS_NEWEST = ("sim", "mixin", "reliability", "servers", "e2e/test_fleet.py")
# Growth of time and memory, applications over many requests, runs of many processes: long, and the same everywhere.
NOT_THE_INTERPRETERS = (
    "unit/test_growth.py",
    "findings",
    "e2e/test_diagnosis_corpus.py",
    "report/test_run_of_many.py",
)
# What a provider may answer, and the local provider itself: of the SDK's versions, not of Python's.
NOT_OF_PYTHON = ("faults/test_provider_faults.py", "faults/test_faults_with_claude.py", "servers", "sim")
OLDEST_OPENAI = "openai==1.66.0"


def interpreter(version: str) -> str | None:
    """The path of an interpreter that is here and really starts; None otherwise."""
    candidates = [shutil.which(f"python{version}")]
    candidates += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in filter(None, candidates):
        started = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        if started.returncode == 0 and f" {version}." in started.stdout:
            return str(candidate)
    return None


FOUND = {version: path for version in SUPPORTED if (path := interpreter(version))}
MISSING = sorted(set(SUPPORTED) - set(FOUND))


def install(session: nox.Session, *arguments: str) -> None:
    """Install into the session's environment with uv, which can resolve the lowest versions."""
    uv = shutil.which("uv", path=f"{Path(session.bin).parent.parent.parent}/.venv/bin") or "uv"
    python = f"{session.virtualenv.location}/bin/python"
    session.run(uv, "pip", "install", "--quiet", "--python", python, *arguments, external=True)


def run_tests(session: nox.Session, *, left_out: tuple[str, ...] = ()) -> None:
    """All tests but those that need packages with floors of their own: neighbours and launchers.

    Benchmarks are left out, too: their transport is that of the newest SDK.
    """
    ignored = [f"--ignore=tests/{name}" for name in ("peers", "auto", *NOT_THE_INTERPRETERS, *left_out)]
    parallel = ("--numprocesses", "2", "--dist", "loadfile")
    session.run(
        "python", "-m", "pytest", "-q", *parallel, "tests", "README.md", "docs", *ignored, *session.posargs
    )


@nox.session(python=[path for version, path in FOUND.items() if version != RUNNING])
def newest(session: nox.Session) -> None:
    """The newest versions of everything, but for the Python that `make test` has run on."""
    install(session, "--editable", ".[demo,mixin]", "--group", "test")
    run_tests(session, left_out=NOT_OF_PYTHON)


@nox.session(python=FOUND.get("3.10"))
def oldest_openai(session: nox.Session) -> None:
    """The oldest SDK on the oldest Python, everything else new."""
    install(session, "--editable", ".[demo]", "--group", "test", OLDEST_OPENAI)
    run_tests(session, left_out=NEEDS_NEWEST)


@nox.session(python=FOUND.get("3.11"))
def lowest(session: nox.Session) -> None:
    """The lowest version of everything that the package asks for: its floors are true."""
    install(session, "--resolution", "lowest-direct", "--editable", ".[demo]", "--group", "test")
    run_tests(session, left_out=NEEDS_NEWEST)


@nox.session(python=False)
def interpreters(session: nox.Session) -> None:
    """Say which interpreters are here, and which are not, so that nothing is left out in silence."""
    session.log(f"tested on: {', '.join(FOUND)}; not here: {', '.join(MISSING) or 'none'}")
