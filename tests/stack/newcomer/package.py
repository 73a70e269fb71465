"""The package as published, and clean environments to install it into."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
_TIMEOUT_SECONDS = 300


def build(folder: Path) -> tuple[Path, Path]:
    """Build into a folder and return the source distribution and the wheel made from it."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_SECONDS)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return source, wheel


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Environment:
    """A virtual environment and an unused home directory."""

    path: Path
    home: Path

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.path.rglob("*") if not file.is_symlink())

    def run(self, *command: str | Path, **variables: str) -> Done:
        """Run a command with nothing in its environment but its path, its home and these variables."""
        clean = {"PATH": f"{self.path / 'bin'}{os.pathsep}{os.defpath}", "HOME": str(self.home), **variables}
        done = subprocess.run(
            command,
            env=clean,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


def install(folder: Path, wheel: Path, *extras: str) -> Environment:
    """Make an environment and install the wheel with these extras into it, at the locked versions."""
    environment = Environment(folder / "venv", folder / "home")
    environment.home.mkdir(parents=True)
    # One pip for all environments, because installing it into each takes seconds.
    venv = [sys.executable, "-m", "venv", "--without-pip", environment.path]
    subprocess.run(venv, check=True, timeout=_TIMEOUT_SECONDS)
    required = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment.python,
        "--quiet",
        "--disable-pip-version-check",
    ]
    locked = ["--constraint", ROOT / "requirements-dev.txt"]
    subprocess.run([*pip, "install", *locked, required], check=True, timeout=_TIMEOUT_SECONDS)
    return environment
