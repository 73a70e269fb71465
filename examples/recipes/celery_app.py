"""Celery with prefork workers: the telemetry starts in each worker process, and stops with it.

celery --app celery_app worker --concurrency 2
"""

from __future__ import annotations

import os
from functools import cache

import telemetry
from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown
from openai import OpenAI

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

app = Celery(
    "orders",
    broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost"),
    backend=os.environ.get("CELERY_RESULT_BACKEND", "redis://localhost"),
)


@worker_process_init.connect
def _start(**_: object) -> None:
    running = telemetry.start()
    worker_process_shutdown.connect(lambda **_: running.stop(), weak=False)


@cache
def client() -> OpenAI:
    """Return the client of this process, created after the fork."""
    return OpenAI()


@app.task
def answer(question: str) -> str:
    """Answer one question."""
    with prefix("order-questions"):
        response = client().responses.create(model="gpt-5.4", instructions=INSTRUCTIONS, input=question)
    return response.output_text
