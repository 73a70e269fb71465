"""AWS Lambda, or any platform that freezes the process between calls: flush before returning the answer.

Handler: lambda_handler.handler
"""

from __future__ import annotations

from typing import Any

import telemetry
from openai import OpenAI

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

running = telemetry.start()  # once per instance, at its cold start
client = OpenAI()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one question."""
    del context
    try:
        with prefix("order-questions"):
            response = client.responses.create(
                model="gpt-5.4", instructions=INSTRUCTIONS, input=event["question"]
            )
        return {"statusCode": 200, "body": response.output_text}
    finally:
        running.flush()  # the instance may now be frozen, and never resume
