"""A process that makes some calls, exports once when it ends, and prints how many input tokens they had.

Run as `python -m tests.stack.short_lived RECEIVER PROVIDER CALLS`; OpenTelemetry's own variables set the temporality.
"""

from __future__ import annotations

import sys

from openai import DefaultHttpxClient, OpenAI

from otel_promptcache import prefix
from otel_promptcache.sim import filler_text
from tests.stack.telemetry import instrumented, otlp_reader

TEMPLATE = "batch-job"
_EXPORTS_SECONDS = 3_600.0


def main(receiver_url: str, provider_url: str, calls: int) -> None:
    """Make the calls."""
    tokens = 0
    with (
        instrumented(otlp_reader(receiver_url, seconds=_EXPORTS_SECONDS), instance=None),
        prefix(TEMPLATE),
        OpenAI(
            base_url=provider_url, api_key="any", http_client=DefaultHttpxClient(trust_env=False)
        ) as client,
    ):
        for number in range(calls):
            answer = client.chat.completions.create(
                model="gpt-4.1",
                messages=[
                    {"role": "system", "content": filler_text(1_500, TEMPLATE)},
                    {"role": "user", "content": f"Question {number}"},
                ],
            )
            assert answer.usage is not None  # the simulator reports it
            tokens += answer.usage.prompt_tokens
    print(tokens)  # noqa: T201  # read by the test


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
