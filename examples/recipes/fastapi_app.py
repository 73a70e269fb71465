"""FastAPI in uvicorn workers: the telemetry starts and stops with the lifespan of each worker.

uvicorn fastapi_app:app --workers 2
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import telemetry
from fastapi import FastAPI
from openai import AsyncOpenAI

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run in each worker around all that it serves; uvicorn ends workers with a signal, which runs no exit handlers."""
    running = telemetry.start()
    app.state.client = AsyncOpenAI()
    try:
        yield
    finally:
        await app.state.client.close()
        running.stop()


app = FastAPI(lifespan=lifespan)


@app.get("/answer")
async def answer(question: str) -> str:
    """Answer one question."""
    with prefix("order-questions"):
        response = await app.state.client.responses.create(
            model="gpt-5.4", instructions=INSTRUCTIONS, input=question
        )
    return response.output_text
