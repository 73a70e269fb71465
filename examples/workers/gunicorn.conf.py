"""Gunicorn forks its workers: telemetry must start in each of them, not in their parent."""

from __future__ import annotations

from typing import Any

import telemetry


def post_fork(server: Any, worker: Any) -> None:
    """Called by gunicorn in each worker as it starts."""
    del server, worker
    telemetry.start()
