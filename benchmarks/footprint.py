"""Measures the memory in use and the sizes of the package's containers."""

from __future__ import annotations

import gc
import os
import queue
import sys
import tracemalloc
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

import otel_promptcache
from otel_promptcache import PromptCacheInstrumentor

_PACKAGE = "otel_promptcache"
_MAPPINGS = (dict, WeakKeyDictionary, WeakValueDictionary)
_CONTAINERS = (*_MAPPINGS, list, tuple, set, frozenset, deque, WeakSet)
_REFERENCE_BYTES = 8
"""Converts the length of a byte array into a number of references, as the other containers count."""
_FILES = str(Path(otel_promptcache.__file__).parent / "*")


@dataclass(frozen=True, slots=True)
class Footprint:
    """Memory in use at one moment."""

    resident: int
    """Resident bytes of the process; 0 if the system does not report them."""
    own: int
    """Bytes allocated by the code of this package and still in use; 0 unless tracemalloc is on."""
    objects: int
    """Instances of the package's classes."""

    @classmethod
    def now(cls) -> Footprint:
        """Measure, after a garbage collection."""
        gc.collect()
        own = 0
        if tracemalloc.is_tracing():
            snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, _FILES)])  # noqa: FBT003
            own = sum(trace.size for trace in snapshot.traces)
        return cls(_resident_bytes(), own, sum(map(_is_own, gc.get_objects())))


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm")
    return int(pages.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0


def _is_own(value: Any) -> bool:
    return str(type(value).__module__).partition(".")[0] == _PACKAGE


def largest_container() -> tuple[str, int]:
    """Path of the longest container that the instrumentation keeps, and its length."""
    return max(_containers(), key=lambda found: found[1])


def _containers() -> Iterator[tuple[str, int]]:
    """All containers that are reachable from the instrumentor and from the modules of the package."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == _PACKAGE]
    reached: deque[tuple[str, Any]] = deque((module.__name__, module) for module in modules)
    reached.append((PromptCacheInstrumentor.__name__, PromptCacheInstrumentor()))
    seen: set[int] = set()
    while reached:
        place, value = reached.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, queue.SimpleQueue):
            yield place, value.qsize()
        elif isinstance(value, bytearray):
            yield place, len(value) // _REFERENCE_BYTES
        elif isinstance(value, _CONTAINERS):
            yield place, len(value)
        reached.extend((f"{place}{name}", member) for name, member in _members(value))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """The members of a value that is a container or an object of the package."""
    if isinstance(value, ModuleType):
        if value.__name__.partition(".")[0] != _PACKAGE:
            return
        yield from ((f".{name}", member) for name, member in vars(value).items() if not name.startswith("__"))
    elif isinstance(value, _MAPPINGS):
        yield from (("[]", member) for member in list(value.values()))
    elif isinstance(value, (list, tuple, deque)):
        yield from (("[]", member) for member in list(value))
    elif _is_own(value):
        names = {*getattr(value, "__dict__", ()), *getattr(type(value), "__slots__", ())}
        yield from ((f".{name}", getattr(value, name)) for name in sorted(names) if hasattr(value, name))
