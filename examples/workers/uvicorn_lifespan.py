"""Uvicorn starts its workers anew and ends them by a signal, at which Python runs no exit handlers.

So what reports starts and ends with the application's lifespan, which frameworks take as `lifespan=`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import telemetry


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Run by each worker around all that it serves."""
    del app
    provider = telemetry.start()
    try:
        yield
    finally:
        provider.shutdown()  # which exports what was counted since the last export
