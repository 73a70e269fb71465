"""A real Redis or Valkey that can be started, suspended, killed and restarted."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, final

import redis

from tests.stack.parts import PartMissingError, cache_directory, fetch_unless_there, unpack

_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Product:
    """A server that speaks Redis' protocol, and the Debian packages that have it."""

    program: str
    packages: tuple[str, ...]
    suites: tuple[str, ...]
    """Suffixes to the name of the running Debian release: a server of another would need another C library."""

    def __str__(self) -> str:
        return self.program


_LIBRARIES = ("libjemalloc2", "liblzf1")
REDIS = Product("redis-server", ("redis-server", "redis-tools", *_LIBRARIES), ("",))
VALKEY = Product("valkey-server", ("valkey-server", "valkey-tools", *_LIBRARIES), ("", "-backports"))


@cache
def server_program(product: Product) -> tuple[Path, dict[str, str]]:
    """Return the server and the environment that it needs, fetching it if necessary.

    Raises:
        PartMissingError: It is not there and cannot be fetched.
    """
    installed = shutil.which(product.program)
    if installed is not None:
        return Path(installed), dict(os.environ)
    home = cache_directory() / product.program
    program = home / "root" / "usr" / "bin" / product.program

    def fetch() -> None:
        codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        unpack(home, [f"{codename}{ending}" for ending in product.suites], product.packages)

    fetch_unless_there(program, home, fetch)
    if not program.exists():
        raise PartMissingError(f"{product.program} is in none of the packages {', '.join(product.packages)}")
    libraries = ":".join(str(folder) for folder in (home / "root" / "usr" / "lib").glob("*-linux-*"))
    return program, {**os.environ, "LD_LIBRARY_PATH": libraries}


@final
class RedisServer:
    """A server process for as long as the block runs; its data is lost when it ends.

    Args:
        folder: Where it keeps its socket and its log.
        options: Further options of its command line.
        product: Which server it is.
    """

    def __init__(self, folder: Path, *options: str, product: Product = REDIS) -> None:
        self._folder, self._options, self._product = folder, options, product
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
        program, environment = server_program(self._product)
        command = [
            str(program),
            *("--port", "0"),
            *("--unixsocket", str(self.socket)),
            *("--save", ""),
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
        """End it immediately."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def hold(self) -> None:
        """Suspend it: connections are accepted, but not answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Resume it."""
        self._signal(signal.SIGCONT)

    def client(self, **options: Any) -> redis.Redis:
        """Return a client of it, which must be closed."""
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
