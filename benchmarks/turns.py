"""Measures how the cost of a call grows with the length of the conversation it resends.

Run it with `python -m benchmarks.turns [--quick]`.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Sequence
from contextlib import closing

from benchmarks.display import print_section, print_table, progress
from benchmarks.options import Options, parse
from benchmarks.ours import switched
from benchmarks.sampling import Comparison
from benchmarks.switch import Switch
from benchmarks.telemetry import Telemetry
from benchmarks.transport import sync_client
from benchmarks.workloads import AGENT_TURNS, MESSAGES_PER_TURN, Workload, agent_turn

_TURNS = (5, 10, 20, 30, 40, 50)
_WINDOW = 5
_ROUNDS, _QUICK_ROUNDS = 12, 3


def main() -> None:
    """Measure and print one table."""
    report(parse(__doc__))


def report(options: Options) -> None:
    """Print the CPU time added to selected turns of an agent loop."""
    with closing(Telemetry()) as telemetry, switched(telemetry) as switch, progress(1) as advance:
        advance("growth over the turns of an agent")
        turns = measure(agent_turn(), switch, _QUICK_ROUNDS if options.is_quick else _ROUNDS)
    print_section(
        "CPU time added to a turn of an agent",
        "The system prompt and the tools are the same in every conversation; the messages differ. "
        f"Each row is the mean of {_WINDOW} neighbouring turns, as the median over the conversations.",
    )
    rows = [_row(turn, turns) for turn in _TURNS]
    print_table(("Turn", "messages", "off µs", "added µs", "quartiles", "on/off"), rows)


def measure(workload: Workload, switch: Switch, rounds: int) -> Sequence[Comparison]:
    """In each round, run one conversation with the instrumentation and one without; compare turn by turn."""
    off: list[list[float]] = []
    on: list[list[float]] = []
    with sync_client(workload.answer) as client:

        def converse() -> list[float]:
            workload.begin()
            gc.collect()
            moments = [time.process_time()]
            for turn in range(AGENT_TURNS):
                workload.call(client, turn)
                moments.append(time.process_time())
            return [later - earlier for earlier, later in itertools.pairwise(moments)]

        for turn in range(rounds):
            sides = ((switch.off, off), (switch.on, on))
            for turn_to, conversations in sides if turn % 2 else reversed(sides):
                turn_to()
                if turn == 0:
                    converse()  # warms up
                for _ in range(workload.warm_up_calls):
                    workload.call(client)
                conversations.append(converse())
    return [
        Comparison(without, with_it, spans=1)
        for without, with_it in zip(zip(*off, strict=True), zip(*on, strict=True), strict=True)
    ]


def _row(turn: int, turns: Sequence[Comparison]) -> tuple[str, ...]:
    first = min(turn - 1 - _WINDOW // 2, len(turns) - _WINDOW)
    around = turns[first : first + _WINDOW]
    mean = Comparison(_means([each.off for each in around]), _means([each.on for each in around]), spans=1)
    added = mean.added()
    return (
        f"{turn}",
        f"{2 + MESSAGES_PER_TURN * (turn - 1)}",
        f"{sorted(mean.off)[len(mean.off) // 2] * 1e6:,.0f}",
        f"{added.median * 1e6:,.0f}",
        f"{added.low * 1e6:,.0f} - {added.high * 1e6:,.0f}",
        f"{mean.ratio().median:.2f}",
    )


def _means(samples: Sequence[Sequence[float]]) -> list[float]:
    return [sum(each) / len(each) for each in zip(*samples, strict=True)]


if __name__ == "__main__":
    main()
