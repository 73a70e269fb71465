"""Starts recipes with the environment that a reader would give them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from otel_promptcache.sim import Simulator

from .receiver import Receiver

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "recipes"
BIN = ROOT / ".venv" / "recipes" / "bin"
PYTHON = BIN / "python"
_SECONDS = 60.0
_direct = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Recipes:
    """The recipes, the provider that answers them and the endpoint that they report to."""

    provider: Simulator
    receiver: Receiver
    folder: Path

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join((str(BIN), os.environ["PATH"])),
            "HOME": str(self.folder),
            "NO_PROXY": "127.0.0.1",
            "OPENAI_BASE_URL": self.provider.base_url,
            "OPENAI_API_KEY": "key",
            "OTEL_SERVICE_NAME": "recipe",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.receiver.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            **variables,
        }

    def run(self, *command: str, **variables: str) -> str:
        """Run a program to its end and return its standard output."""
        done = subprocess.run(
            command,
            cwd=FOLDER,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def running(self, *command: str, **variables: str) -> Iterator[None]:
        """Keep a program running inside the block, and end it as a service manager does."""
        with (self.folder / "log.txt").open("w") as log:
            process = subprocess.Popen(
                command, cwd=FOLDER, env=self.environment(**variables), stdout=log, stderr=log
            )
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetched(url: str) -> str:
    """Return a server's answer, waiting until the server is up."""
    give_up = time.monotonic() + _SECONDS
    while True:
        try:
            with _direct.open(url, timeout=_SECONDS) as response:
                return str(response.read().decode())
        except URLError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
