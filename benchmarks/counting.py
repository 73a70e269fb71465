"""Counts the operations of a call instead of timing it, so that the same code gives the same figures on any machine."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.trace import Span

import otel_promptcache

_PACKAGE = str(Path(otel_promptcache.__file__).parent)
_JSON = str(Path(json.__file__).parent)
_JSON_PARSERS = frozenset({"_json", "jiter", "jiter.jiter", "orjson", "pydantic_core._pydantic_core"})
_RECORD = Histogram.record.__code__
_SPAN_WRITES = frozenset({Span.set_attribute.__code__, Span.set_attributes.__code__})


@dataclass(frozen=True, slots=True)
class Counts:
    """What ran in this package, or because of it."""

    functions: float = 0
    """Calls of the package's Python functions; a generator counts each time it resumes."""
    instructions: float = 0
    """Bytecode instructions of the package. Differs between versions of Python."""
    parses: float = 0
    """JSON documents that the package parsed or wrote."""
    histogram_records: float = 0
    span_writes: float = 0
    """Calls that set span attributes."""

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))

    def __truediv__(self, pieces: float) -> Counts:
        return Counts(*(getattr(self, each.name) / pieces for each in fields(self)))


def count(work: Callable[[], object]) -> Counts:
    """Run the work once and count what it does."""
    counter = _Counter()
    profile, trace = sys.getprofile(), sys.gettrace()
    gc.collect()
    gc.disable()  # no finalizers while counting
    sys.setprofile(counter.profile)
    sys.settrace(counter.trace)
    try:
        work()
    finally:
        sys.settrace(trace)
        sys.setprofile(profile)
        gc.enable()
    return Counts(
        functions=counter.functions,
        instructions=counter.instructions,
        parses=counter.parses,
        histogram_records=counter.histogram_records,
        span_writes=counter.span_writes,
    )


class _Counter:
    """A profile function and a trace function; what one of them runs is not reported to the other."""

    def __init__(self) -> None:
        self.functions = self.instructions = self.parses = self.histogram_records = self.span_writes = 0

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        """Count the call of a function."""
        code = frame.f_code
        if event == "c_call":
            is_parser = getattr(argument, "__module__", None) in _JSON_PARSERS
            self.parses += is_parser and _is_own(code)
        elif event == "call":
            caller = frame.f_back.f_code if frame.f_back else None
            if _is_own(code):
                self.functions += 1
            elif code is _RECORD:
                self.histogram_records += 1
            elif code in _SPAN_WRITES:
                self.span_writes += caller not in _SPAN_WRITES  # one of the two calls the other
            elif code.co_filename.startswith(_JSON):
                self.parses += caller is not None and _is_own(caller)

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        """Trace the opcodes of a function if it is the package's."""
        if event != "call" or not _is_own(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._step

    def _step(self, _: FrameType, event: str, __: Any) -> Any:
        self.instructions += event == "opcode"
        return self._step


def _is_own(code: CodeType) -> bool:
    return code.co_filename.startswith(_PACKAGE)
