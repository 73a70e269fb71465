"""The same experiment with Anthropic's API: two requests that begin alike, and what each marker does.

python two_messages.py               a local simulator answers; no key, no network
python two_messages.py --stream      the same as a stream, which shows the time to first token
python two_messages.py --no-marker   nothing is cached without cache_control
python two_messages.py --timestamp   a marker after what changes finds nothing

With ANTHROPIC_API_KEY set, the real API answers (for about two cents), unless --sim is given.
"""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any

from anthropic import Anthropic
from two_requests import PREFIX, QUESTIONS, instrument, print_table

from otel_promptcache.sim import SimConfig, Simulator


def main() -> None:
    """Ask both questions and print what the spans say about them."""
    options = parse_arguments()
    exporter = instrument()  # the same line for both SDKs

    with ExitStack() as stack:
        if options.sim:
            simulator = stack.enter_context(Simulator(SimConfig(prefill_seconds_per_1k_tokens=0.3)))
            client = Anthropic(base_url=simulator.url, api_key="any")
        else:
            client = Anthropic()
        stack.enter_context(client)
        for question in QUESTIONS:
            ask(client, question, options)

    print(f"{options.model}, {'the simulator' if options.sim else client.base_url}")
    print_table(exporter.get_finished_spans())


def ask(client: Anthropic, question: str, options: argparse.Namespace) -> None:
    """Send the long prefix and a question."""
    system: list[Any] = [{"type": "text", "text": PREFIX}]
    if options.timestamp:
        system.append({"type": "text", "text": f"It is {datetime.now(timezone.utc)}."})
    if options.marker:
        system[-1]["cache_control"] = {"type": "ephemeral"}
    message: Any = {"role": "user", "content": question}
    reply = client.messages.create(
        model=options.model, max_tokens=64, system=system, messages=[message], stream=options.stream
    )
    if options.stream:
        for _ in reply:
            pass


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Two messages that begin alike.")
    has_no_key = not os.environ.get("ANTHROPIC_API_KEY")
    parser.add_argument("--sim", action="store_true", default=has_no_key, help="ask the local simulator")
    parser.add_argument("--stream", action="store_true", help="stream the answers")
    parser.add_argument("--timestamp", action="store_true", help="put the current time after the prefix")
    parser.add_argument("--no-marker", dest="marker", action="store_false", help="mark nothing")
    parser.add_argument(
        "--model", default="claude-opus-5", help="such as claude-haiku-4-5 (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
