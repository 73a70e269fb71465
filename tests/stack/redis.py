"""A real Redis on a socket of its own: started, held, killed and started again by its id."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, final

import redis

from tests.stack.parts import PartMissingError, cache_directory, run_tool

PACKAGES = ("redis-server", "redis-tools", "libjemalloc2", "liblzf1")
"""Of the Debian that the tests run on: another one's would need another C library."""
_START_SECONDS = 30.0


@cache
def redis_program() -> tuple[Path, dict[str, str]]:
    """Return the server and the environment that it needs, after fetching it if need be.

    Raises:
        PartMissingError: It is not there and cannot be fetched.
    """
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    if installed is not None:
        return Path(installed), dict(os.environ)
    home = cache_directory() / "redis"
    program = home / "root" / "usr" / "bin" / "redis-server"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        run_tool(["apt-get", "-o=APT::Sandbox::User=", "download", "-qq", *PACKAGES], home)
        for package in sorted(home.glob("*.deb")):
            run_tool(["dpkg", "-x", str(package), str(home / "root")], home)
    if not program.exists():
        raise PartMissingError(f"redis-server is in none of the packages {', '.join(PACKAGES)}")
    libraries = ":".join(str(folder) for folder in (home / "root" / "usr" / "lib").glob("*-linux-*"))
    return program, {**os.environ, "LD_LIBRARY_PATH": libraries}


@final
class RedisServer:
    """A server process for as long as the block runs; what it holds is lost when it ends.

    Args:
        folder: Where it keeps its socket and its log.
        options: More of its command line.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program, environment = redis_program()
        command = [
            str(program),
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            *self._options,
        ]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=log, stderr=log
            )
        give_up = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise RuntimeError(
                    f"{program} did not start:\n{(self._folder / 'redis.log').read_text()[-2000:]}"
                )
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def hold(self) -> None:
        """Stop it: connections are taken, but nobody answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def client(self, **options: Any) -> redis.Redis:
        """Return a client of it, which has to be closed."""
        return redis.Redis(unix_socket_path=str(self.socket), **options)

    def contents(self) -> Iterator[bytes]:
        """All keys and values."""
        with self.client() as client:
            for key in client.scan_iter():
                yield key
                kind = client.type(key)
                if kind == b"hash":
                    for pair in client.hgetall(key).items():
                        yield from pair
                elif kind == b"set":
                    yield from client.smembers(key)
                else:
                    yield client.get(key) or b""

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False
