"""A virtual environment for each instrumentation, with the SDK versions of this process."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.instrumentations import Instrumentation, by_name

ROOT = Path(__file__).parents[1]
_CACHE = ROOT / ".bench"
_UV = Path(sys.executable).with_name("uv")
_SDKS = ("openai", "opentelemetry-sdk")


class NotInstalledError(Exception):
    """An instrumentation cannot be installed; the message says why."""


def interpreter(instrumentation: Instrumentation) -> Path:
    """The Python of an instrumentation's environment, which is created if it does not exist.

    Raises:
        NotInstalledError: Its requirements conflict with the SDKs.
    """
    if reason := _reason_against(instrumentation.name):
        raise NotInstalledError(reason)
    return _folder(instrumentation) / "bin/python"


def _folder(instrumentation: Instrumentation) -> Path:
    return _CACHE / instrumentation.name.replace(" ", "-")


@functools.cache
def _reason_against(name: str) -> str:
    """Create the environment unless it is up to date; return why that failed, or an empty string."""
    instrumentation = by_name(name)
    folder = _folder(instrumentation)
    installed = folder / "installed.txt"
    wanted = "\n".join([*_pinned_sdks(), instrumentation.requirement or instrumentation.distribution])
    if installed.exists() and installed.read_text("utf-8") == wanted:
        return ""
    _CACHE.mkdir(exist_ok=True)
    (_CACHE / ".gitignore").write_text("*\n", "utf-8")
    try:
        _uv("venv", "--clear", "--python", sys.executable, str(folder))
        # Compiled, as pip does it: a process that may not write bytecode would otherwise measure the compiler.
        install = ("pip", "install", "--compile-bytecode", "--python", str(folder / "bin/python"))
        _uv(*install, "--requirement", "-", given=wanted)
    except subprocess.CalledProcessError as error:
        return " ".join(error.stderr.split()) or str(error)
    installed.write_text(wanted, "utf-8")
    return ""


def environment(instrumentation: Instrumentation) -> dict[str, str]:
    """Environment variables of a process that measures the instrumentation; none configures OpenTelemetry."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPATH": str(ROOT), **instrumentation.environment}


def _pinned_sdks() -> list[str]:
    return [f"{name}=={version(name)}" for name in _SDKS]


def _uv(*arguments: str, given: str = "") -> None:
    command = [_UV, "--quiet", "--no-progress", *arguments]
    subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=True)  # noqa: S603
