"""Runs the simulated provider in a thread alongside a test, or in the foreground."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from types import TracebackType
from typing import final

import uvicorn
from starlette.applications import Starlette

from otel_promptcache.sim.cache.clock import Clock, SystemClock
from otel_promptcache.sim.config import SimConfig
from otel_promptcache.sim.engine import Engine
from otel_promptcache.sim.faults import Fault, check_faults
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.server import build_app, create_app

_START_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 30.0


@final
class Simulator:
    """The simulated provider on its own port, for as long as the `with` block runs.

    ```python
    with Simulator() as sim:
        client = OpenAI(base_url=sim.base_url, api_key="any")
    ```

    Several can run side by side, each with its own cache. Entering starts a thread; leaving stops it and
    cancels requests still in flight.

    Args:
        config: Its settings; None for the defaults.
        clock: Its clock; None for real time.
        host: Where it listens.
        port: 0 picks a free one.
    """

    def __init__(
        self,
        config: SimConfig | None = None,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.config = config or SimConfig()
        self.clock = clock or SystemClock()
        self._host = host
        self._port = port
        self._engine = Engine(self.config, self.clock)
        self._running: _ServerThread | None = None

    def __enter__(self) -> Simulator:
        if self._running is not None:
            raise RuntimeError("this Simulator is already running")
        running = _ServerThread(build_app(self._engine), self._host, self._port)
        running.start()
        self._running = running
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    @property
    def url(self) -> str:
        """Scheme, host and port: the endpoint for an Azure client.

        Raises:
            RuntimeError: It is not running.
        """
        if self._running is None:
            raise RuntimeError("the Simulator is not running: use it in a with block")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._running.port}"

    @property
    def base_url(self) -> str:
        """The `base_url` for an OpenAI client; RuntimeError if it is not running."""
        return f"{self.url}/v1"

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The latest requests that arrived, oldest first; at most `max_requests`."""
        return self._engine.requests

    def evict(self) -> int:
        """Empty the cache, as a deployment by the provider does, and return how many entries were removed."""
        return self._engine.evict()

    def reset(self) -> None:
        """Clear the cache, stored responses, recorded requests and injected faults."""
        self._engine.reset()

    def inject(self, *faults: Fault) -> None:
        """Apply these faults together to the next request; further calls queue up for later ones.

        Raises:
            ValueError: A fault is unknown.
        """
        self._engine.inject(check_faults(faults))


def serve(config: SimConfig | None = None, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Run the simulated provider in the foreground until it is interrupted.

    Args:
        config: Its settings; None for the defaults.
        host: Where it listens.
        port: The port; 0 picks a free one.
    """
    uvicorn.run(create_app(config), host=host, port=port, log_level="info")


class _PromptServer(uvicorn.Server):
    """A server that stops as soon as it is asked to, not at the next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await self._stop.wait()
        for task in self.server_state.tasks:
            task.cancel()

    def stop(self) -> None:
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)


class _ServerThread:
    """A server, its socket and its thread."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        self._socket = _listening_socket(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            # Leave the host application's logging alone; dropped connections are expected here.
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _PromptServer(config)
        self._thread = threading.Thread(target=self._run, name=f"simulator-{self.port}", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()
        if not self._server.ready.wait(_START_TIMEOUT_SECONDS) or self._failure is not None:
            self._socket.close()
            raise RuntimeError("the simulator did not start") from self._failure

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.stop()
        self._thread.join(_STOP_TIMEOUT_SECONDS)
        if self._thread.is_alive():
            raise RuntimeError("the simulator did not stop")

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except BaseException as failure:  # noqa: BLE001  # handed to the thread that waits
            self._failure = failure
        finally:
            self._server.ready.set()


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's algorithm only for sockets that name their protocol. With Nagle, headers and
    # body in separate writes take 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening
