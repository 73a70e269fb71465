"""Gets the real parts, unpacked outside the system: Prometheus, Alertmanager, an OTLP receiver and gunicorn.

They come from a newer Debian suite, through apt and the mirror that the system itself uses. Nothing is
installed. Run as a script, it fetches them and prints their paths.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

SUITE = "forky"
PACKAGES = ("prometheus", "promtool", "prometheus-alertmanager", "victoria-metrics", "python3-gunicorn")
PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool", "vmagent")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TIMEOUT_SECONDS = 300


class PartMissingError(RuntimeError):
    """A real part is not available; the message says which and why."""


def cache_directory() -> Path:
    """Return where parts are kept: `STACK_CACHE`, or a folder in the user's cache."""
    named = os.environ.get("STACK_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "otel-promptcache" / "stack"


@cache
def program(name: str) -> Path:
    """Return a program of the parts, fetching all of them if necessary.

    Raises:
        PartMissingError: It is not there and cannot be fetched.
    """
    return _part(Path("usr", "bin", name))


@cache
def python_packages() -> Path:
    """Return the folder of Python packages among the parts, which has gunicorn.

    Raises:
        PartMissingError: It is not there and cannot be fetched.
    """
    return _part(Path("usr", "lib", "python3", "dist-packages", "gunicorn")).parent


def _part(path: Path) -> Path:
    file = cache_directory() / "root" / path
    fetch_unless_there(file, cache_directory(), fetch)
    if not file.exists():
        raise PartMissingError(f"{path.name} is in none of the packages {', '.join(PACKAGES)} of {SUITE}")
    return file


def fetch_unless_there(file: Path, home: Path, fetch: Callable[[], None]) -> None:
    """Fetch a file into a folder of parts; if another test process is already doing so, wait for it instead."""
    if file.exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            fetch()


def fetch() -> None:
    """Download and unpack all packages.

    Raises:
        PartMissingError: There is no apt, no mirror, or the mirror does not have them.
    """
    unpack(cache_directory(), [SUITE], PACKAGES)


def unpack(home: Path, suites: Sequence[str], packages: Sequence[str]) -> None:
    """Download packages of Debian's suites, and unpack them below a folder's `root`.

    Raises:
        PartMissingError: There is no apt, no mirror, or the mirror does not have them.
    """
    downloads, lists = home / "packages", home / "lists" / "partial"
    for folder in (downloads, lists):
        folder.mkdir(parents=True, exist_ok=True)
    sources, mirror = home / "sources.list", _mirror()
    lines = [f"deb [signed-by={_KEYRING}] {mirror} {suite} main\n" for suite in suites]
    sources.write_text("".join(lines), encoding="utf-8")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::Lists": home / "lists",
        "Dir::Cache": home / "cache",
        "APT::Sandbox::User": "",
    }
    options = [f"-o={key}={value}" for key, value in settings.items()]
    run_tool(["apt-get", *options, "update", "-qq"], home)
    run_tool(["apt-get", *options, "download", "-qq", *packages], downloads)
    for package in sorted(downloads.glob("*.deb")):
        run_tool(["dpkg", "-x", str(package), str(home / "root")], home)


def _mirror() -> str:
    """Return the Debian mirror that apt is configured to use."""
    if not _KEYRING.exists():
        raise PartMissingError(f"{_KEYRING} is missing: this is not a Debian system. {_otherwise()}")
    targets = run_tool(["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)"], Path.cwd())
    mirrors = [
        uri for label, _, uri in (line.partition("|") for line in targets.splitlines()) if label == "Debian"
    ]
    if not mirrors:
        raise PartMissingError(
            f"apt knows no mirror of Debian, perhaps for want of `apt-get update`. {_otherwise()}"
        )
    return mirrors[0]


def _otherwise() -> str:
    return f"Put {', '.join(PROGRAMS)} into {cache_directory() / 'root' / 'usr' / 'bin'} by other means."


def run_tool(command: list[str], folder: Path) -> str:
    """Run a system program and return what it prints.

    Raises:
        PartMissingError: It is not there, or it fails.
    """
    if shutil.which(command[0]) is None:
        raise PartMissingError(f"{command[0]} is missing: this is not a Debian system. {_otherwise()}")
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        raise PartMissingError(
            f"{' '.join(command[:1] + command[-2:])} failed: {done.stderr.strip()}. {_otherwise()}"
        )
    return done.stdout


if __name__ == "__main__":
    for name in PROGRAMS:
        print(program(name))  # noqa: T201
    print(python_packages())  # noqa: T201
