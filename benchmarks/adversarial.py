"""Measures worst-case requests: CPU time by request size, memory while they are read, and memory that is kept.

Run it with `python -m benchmarks.adversarial [--quick]`.
"""

from __future__ import annotations

import gc
import itertools
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from benchmarks.adversaries import ADVERSARIES, Adversary, Body, size_bytes
from benchmarks.display import Advance, print_section, print_table, progress
from benchmarks.options import parse
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.core.prompt.segments import without_items
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.openai.content import cache_options, settings
from otel_promptcache.wire.routes import wire_format

SMALL_BYTES, LARGE_BYTES, QUICK_BYTES = 100_000, 10_000_000, 3_000_000
FLOOD_BYTES = 60_000
SITUATIONS = ("first", "front", "end", "again")
"""Never sent before; with a different beginning; with a different end; unchanged."""


class Observed:
    """An application whose requests are read, compared, answered and judged, without network or telemetry."""

    def __init__(self) -> None:
        self.hasher, self.fingerprinter, self.index = PromptHasher(), Fingerprinter(), PrefixIndex()
        wire = wire_format("POST", "/chat/completions")
        assert wire is not None  # noqa: S101  # for the type
        self._wire = wire

    def send(self, body: Body, now_seconds: float = 1_000.0) -> Diagnosis | None:
        """Send a request and answer it immediately; None if it is not compared."""
        options, read = cache_options(body), partial(self._wire.blocks, body)
        prompt, segments = self.hasher.hash(partial(without_items, read) if options.is_continued else read)
        identity = self.fingerprinter.recall(prompt.leading) or self.fingerprinter.identify(
            self._wire.segments(body), prompt.leading
        )
        if not prompt.is_whole:
            return None
        policy = policy_for("openai", body["model"])
        scope = self._wire.scope(body)._replace(
            provider="openai", model=body["model"], settings=settings(body, hash)
        )
        sent = SentPrompt(prompt, scope, options, identity.fingerprint)
        examination = Examination(self.index, sent, segments, now_seconds)
        examination.answered(Reply(response_id="chatcmpl-1"), policy, now_seconds)
        return examination.judge(TokenUsage(input_tokens=100_000, cache_read_tokens=0), None, policy)


def situations(adversary: Adversary, size: int) -> Iterator[Body]:
    """The requests of the situations, in order, each built anew."""
    yield adversary(size, "front", "end")
    yield adversary(size, "Front", "end")
    yield adversary(size, "Front", "End")
    yield adversary(size, "Front", "End")


def seconds(adversary: Adversary, size: int, rounds: int) -> Mapping[str, float]:
    """CPU seconds of each situation: the minimum over the rounds."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        observed = Observed()
        for situation, body in zip(SITUATIONS, situations(adversary, size), strict=True):
            gc.collect()
            started = time.process_time()
            observed.send(body)
            best[situation] = min(best.get(situation, float("inf")), time.process_time() - started)
    return best


def growth(adversary: Adversary, small: int, large: int, rounds: int) -> Mapping[str, float]:
    """Factor by which the time per byte grows from a small request to a large one, in each situation."""
    of_small, of_large = seconds(adversary, small, 2 * rounds), seconds(adversary, large, rounds)
    scale = size_bytes(adversary(small, "", "")) / size_bytes(adversary(large, "", ""))
    return {each: of_large[each] / of_small[each] * scale for each in SITUATIONS}


class Memory(NamedTuple):
    """Bytes of Python objects."""

    peak: int
    """Peak memory of a request, in addition to the request itself."""
    kept: int
    """Memory still in use after all requests."""


def memory(bodies: Iterator[Body] | list[Body], observed: Observed) -> Memory:
    """Send requests in sequence and trace their memory."""
    gc.collect()
    tracemalloc.start()
    try:
        peak, start = 0, tracemalloc.get_traced_memory()[0]
        for body in bodies:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            observed.send(body)
            peak = max(peak, tracemalloc.get_traced_memory()[1] - before)
            del body
        gc.collect()
        return Memory(peak, tracemalloc.get_traced_memory()[0] - start)
    finally:
        tracemalloc.stop()


def flood(adversary: Adversary, requests: int, size: int = FLOOD_BYTES) -> Iterator[Body]:
    """Requests whose beginnings and ends are all different."""
    for number in range(requests):
        yield adversary(size, f"front {number}", f"end {number}")


def mixed_flood(requests: int, size: int = FLOOD_BYTES) -> Iterator[Body]:
    """All kinds of requests in turn, each in its own scope."""
    floods = [flood(adversary, requests, size) for adversary in ADVERSARIES.values()]
    for number, body in zip(range(requests), itertools.chain(*zip(*floods, strict=True)), strict=False):
        yield {**body, "prompt_cache_key": f"user {number}", "user": f"user {number}"}


def _rows(large: int, rounds: int, advance: Advance) -> Iterator[tuple[str, ...]]:
    for name, adversary in ADVERSARIES.items():
        advance(name)
        grown = growth(adversary, SMALL_BYTES, large, rounds)
        taken = seconds(adversary, large, 1)
        bodies = list(situations(adversary, large))
        size = size_bytes(bodies[0])
        peak, kept = memory(bodies, Observed())
        yield (
            name,
            *(f"{1e9 * taken[each] / size:.1f} ({grown[each]:.2f})" for each in SITUATIONS),
            f"{peak / size:.1f}",
            _mib(max(0, peak - 4 * size)),
            _mib(kept),
        )


def _mib(size: float) -> str:
    return f"{size / 2**20:.1f}"


def main() -> None:
    """Print what each kind of request costs, and what a flood of them leaves in memory."""
    options = parse(__doc__)
    large, rounds = (QUICK_BYTES, 1) if options.is_quick else (LARGE_BYTES, 3)
    requests: Callable[[int], int] = lambda number: number // 5 if options.is_quick else number  # noqa: E731
    with progress(len(ADVERSARIES) + 1) as advance:
        rows = list(_rows(large, rounds, advance))
        advance("flood")
        flooded = memory(mixed_flood(requests(6_000)), Observed())
    print_section(
        f"Requests that are meant to be expensive, of {large / 1e6:.0f} MB",
        f"CPU ns per byte, and in brackets the ratio to that at {SMALL_BYTES / 1e3:.0f} kB: sent for the first time, "
        "with a different start, with a different end, and again. Peak as a multiple of the request's size, what "
        "exceeds four times that size, and what the process keeps of all four.",
    )
    print_table(("Request", *SITUATIONS, "peak, times", "beyond 4, MiB", "kept MiB"), rows)
    print_section(
        "A flood of all of them", f"{_mib(flooded.kept)} MiB are kept after {requests(6_000):,} requests."
    )


if __name__ == "__main__":
    main()
