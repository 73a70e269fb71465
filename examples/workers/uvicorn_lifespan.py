"""Uvicorn spawns its workers and ends them with a signal, on which Python runs no exit handlers.

So telemetry starts and stops with the application's lifespan, which frameworks accept as `lifespan=`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import telemetry


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Run in each worker around all that it serves."""
    del app
    provider = telemetry.start()
    try:
        yield
    finally:
        provider.shutdown()  # which exports what was counted since the last export
