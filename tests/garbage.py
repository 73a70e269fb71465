"""What code leaves to the garbage collector, which may finalise it at any time and in any thread."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable


def left_to_the_collector(runs: Iterable[Callable[[], object]]) -> list[Counter[str]]:
    """Run each, and count the objects by type that only a collection frees."""
    gc.collect()
    gc.freeze()  # so that the collections are fast, however much the tests have in memory
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        return [_left_by(run) for run in runs]
    finally:
        gc.set_debug(0)
        gc.enable()
        gc.unfreeze()


def _left_by(run: Callable[[], object]) -> Counter[str]:
    run()
    gc.collect()
    left = Counter(type(each).__qualname__ for each in gc.garbage)
    gc.garbage.clear()
    return left
