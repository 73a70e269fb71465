"""What code leaves to the garbage collector, which may finalise it at any time and in any thread."""

from __future__ import annotations

import gc
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

Left = list[Counter[str]]
"""For each run, how many objects of a type only a collection frees."""

_EXECUTION = ("builtins.generator", "builtins.async_generator", "builtins.coroutine", "builtins.frame")
_HOST = ("openai.", "anthropic.", "httpx", "httpcore", "asyncio.")


def left_to_the_collector(runs: Iterable[Callable[[], object]]) -> Left:
    """Run each, and count what only a collection frees."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # whether everything is closed is not the question
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
    left = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.garbage)
    gc.garbage.clear()
    return left


def left_because_of_us(left: Left, without: Left) -> Left:
    """What each run leaves more than without us.

    Some versions leave a whole call of the SDK. Then what we attach to it is left, too, and only objects of the SDK count.
    """
    return [_more(*both) for both in zip(left, without, strict=True)]


def nothing(runs: Sequence[object]) -> Left:
    """What runs leave that leave nothing."""
    return [Counter() for _ in runs]


def _more(left: Counter[str], without: Counter[str]) -> Counter[str]:
    more = left - without
    if not without:
        return more
    return Counter({name: more[name] for name in more if name in _EXECUTION or name.startswith(_HOST)})
