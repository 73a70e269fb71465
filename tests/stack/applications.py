"""Applications that share a store, each in its own process, and how to send them requests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, final

import pytest

from otel_promptcache.sim import filler_text

ROOT = Path(__file__).parents[2]
MOST_BYTES = 65_536
"""The largest size of a message to the fork server."""
RULES = {"role": "system", "content": filler_text(1_500)}


@final
class ForkServer:
    """Forks processes that need not import everything again, for as long as the block runs."""

    def __enter__(self) -> ForkServer:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.stack.fork_server", str(other.fileno())],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
                pass_fds=[other.fileno()],
            )
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.wait()

    def fork(self, arguments: list[str], streams: list[int]) -> int:
        """Start an application with these streams and return its process id."""
        socket.send_fds(self._socket, [json.dumps(arguments).encode()], streams)
        return self._answer()

    def wait(self, process: int) -> int:
        """Wait for a process to end and return its exit code."""
        self._socket.send(json.dumps(process).encode())
        return self._answer()

    def _answer(self) -> int:
        return json.loads(self._socket.recv(MOST_BYTES))


@final
class Application:
    """An application in its own process.

    Args:
        fork_server: Forks its process.
        arguments: The arguments of `fleet_program`.
        log: Where its standard error goes.
    """

    def __init__(self, fork_server: ForkServer, arguments: list[str], log: Path) -> None:
        self.log = log
        self._fork_server = fork_server
        (its_input, to_it), (from_it, its_output) = os.pipe(), os.pipe()
        with log.open("wb") as errors:
            self._process: int | None = fork_server.fork(arguments, [its_input, its_output, errors.fileno()])
        os.close(its_input)
        os.close(its_output)
        self._to, self._from = os.fdopen(to_it, "w"), os.fdopen(from_it)

    def tell(self, line: str) -> None:
        self._to.write(line + "\n")
        self._to.flush()

    def hear(self) -> Any:
        line = self._from.readline()
        assert line, self.log.read_text()
        return json.loads(line)

    def ask(self, question: str = "Hi", **members: Any) -> dict[str, Any]:
        """Send a request and wait for the attributes of its span."""
        self.send(question, **members)
        return self.hear()

    def send(self, question: str = "Hi", **members: Any) -> None:
        messages = [RULES, {"role": "user", "content": question}]
        self.tell(json.dumps({"model": "gpt-4.1", "messages": messages, **members}))

    def outcomes(self) -> dict[str, int]:
        self.tell("metrics")
        return self.hear()

    def end(self) -> int:
        """Let it end on its own and return its exit code."""
        self._to.close()
        self._from.close()
        return self._wait()

    def kill(self) -> None:
        if self._process is not None:
            os.kill(self._process, signal.SIGKILL)
            self._wait()
        self._to.close()
        self._from.close()

    def _wait(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        return self._fork_server.wait(process)


def what(attributes: dict[str, Any]) -> tuple[str, str | None]:
    return attributes["promptcache.result"], attributes.get("promptcache.miss.reason")


Begin = Callable[..., Application]
"""Starts an application that uses the store at an address."""


def connected(application: Application) -> Application:
    """Return an application once it is connected: its first answers may come before that."""
    until_shared(application, messages=[{"role": "user", "content": "Be ready"}])
    return application


def until_shared(application: Application, **members: Any) -> None:
    """Send requests until the store is used."""
    for number in range(100):
        before = application.outcomes().get("ok", 0)
        application.ask(f"Question {number}", **members)
        if application.outcomes().get("ok", 0) > before:
            return
    pytest.fail(f"the store was not used again: {application.outcomes()}")
