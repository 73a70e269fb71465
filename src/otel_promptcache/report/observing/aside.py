"""Observes the SDK in a process of a run, independently of what the program itself does with OpenTelemetry."""

from __future__ import annotations

import inspect
import logging
import re
import sys
from functools import partial
from typing import Any

from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider

from otel_promptcache import PromptCacheInstrumentor
from otel_promptcache.core.exchange import RequestFacts
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity
from otel_promptcache.report.observing.run_key import RunFingerprinter, RunKey
from otel_promptcache.report.observing.spans import SpoolTracerProvider
from otel_promptcache.report.observing.spool import Spool
from otel_promptcache.telemetry.emitter import Emitter
from otel_promptcache.telemetry.spans import CallSpan

_LOGGER = "otel_promptcache"
_ONCE = re.compile(r"(?<=\.) [^.]*\b(?:said|logged) once\b[^.]*\.$", re.IGNORECASE)
"""The last sentence of a warning that is logged only once: it says so, which is out of place in a report."""


def start(directory: str, module: str) -> None:
    """Observe the SDK once it is imported, and write its calls to a directory.

    The program's own instrumentation, even with this package, is not disturbed: nothing here is global, and no
    span of ours is ever the current one.

    Args:
        directory: Where the processes of the run write.
        module: What has just been imported: an SDK or `otel_promptcache`.
    """
    instrumentor = AsideInstrumentor.of(Spool(directory))
    is_sdk = module != "otel_promptcache"
    if is_sdk and not _is_half_imported() and not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.observe()


def _is_half_imported() -> bool:
    """Whether the program's own instrumentation is importing an SDK; ours starts after it."""
    patches = sys.modules.get("otel_promptcache.sdk.patches")
    return patches is not None and not hasattr(patches, "Patches")


class AsideEmitter(Emitter):
    """Opens spans in an empty context, and does not leave them current.

    They are not children of the program's spans, its samplers do not apply to them, and spans that the program
    creates during the call keep the parent that they would have had.
    """

    def open(
        self,
        request: RequestFacts,
        prefix: PrefixIdentity | None,
        prefix_name: str | None,
        start_ns: int,
        *,
        is_measured_by_another: bool = True,
    ) -> CallSpan:
        """Open the span of a call, outside the program's context."""
        token = context.attach(Context())
        try:
            span = super().open(
                request, prefix, prefix_name, start_ns, is_measured_by_another=is_measured_by_another
            )
            span.detach()
            return span
        finally:
            context.detach(token)


class AsideInstrumentor(PromptCacheInstrumentor):
    """A second instrumentor, in addition to the one that the program may use."""

    make_emitter = AsideEmitter
    _instance = None  # of its own: the class is a singleton
    spool: Spool | None = None
    """Where calls are written; None until it is known."""

    @classmethod
    def of(cls, spool: Spool) -> AsideInstrumentor:
        """Return the instance of this process; the first call makes it follow the program's own."""
        instrumentor = cls()
        if instrumentor.spool is None:
            instrumentor.spool = spool
            instrumentor._follow(PromptCacheInstrumentor())
            logging.getLogger(_LOGGER).addFilter(instrumentor._is_the_programs_own)
        return instrumentor

    def observe(self, **settings: Any) -> None:
        """Put our hooks on top of all others, with these settings instead of the environment's."""
        spool = self.spool
        if spool is None:
            return
        if (conflict := self._check_dependency_conflicts()) is not None:
            spool.note(f"not observed: {conflict}")
            return
        if self.is_instrumented_by_opentelemetry:
            self.uninstrument()
        self.run = key = RunKey(spool.directory)
        self.make_fingerprinter = partial(RunFingerprinter, run_key=key)
        self.instrument(
            skip_dep_check=True,
            tracer_provider=SpoolTracerProvider(spool),
            meter_provider=NoOpMeterProvider(),
            semconv="off",
            histograms="off",
            strict=False,
            **settings,
        )
        spool.observes()

    def _follow(self, program: PromptCacheInstrumentor) -> None:
        """Instrument again after the program's own instrumentation whenever that starts.

        Hooks that are installed last see a response first. The program's hooks may remove an event that they asked
        for themselves, and only the program's settings may change what is sent.
        """
        aside, instrument = self, program._instrument  # noqa: SLF001  # of the class that this one extends

        def instrument_and_follow(**kwargs: Any) -> None:
            instrument(**kwargs)
            aside._observe_after_the_program()

        program._instrument = instrument_and_follow  # noqa: SLF001  # likewise

    def _observe_after_the_program(self) -> None:
        try:
            self.observe(stream_usage=False, request_diagnostics=0.0)
        except Exception as error:  # noqa: BLE001  # our failure must not become the program's
            if self.spool is not None:
                self.spool.note(f"not observed: {type(error).__name__}: {error}")

    def _is_the_programs_own(self, record: logging.LogRecord) -> bool:
        """Filter our logger: messages of this instrumentor become notes; the program's output does not change."""
        # Messages are rare enough to walk the stack for their origin.
        frame = inspect.currentframe()
        frame = frame and frame.f_back
        while frame is not None and not self._is_part(frame.f_locals.get("self")):
            frame = frame.f_back
        if frame is None:
            return True
        if self.spool is not None and record.module != "observer":  # that usage is missing is a finding
            self.spool.note(_ONCE.sub("", record.getMessage()))
        return False

    def _is_part(self, each: object) -> bool:
        """Tell whether an object is this instrumentor or works for it: what observes a call shares its guard."""
        guard = getattr(getattr(self, "_observer", None), "guard", None)
        if each is self or guard is None or not type(each).__module__.startswith(f"{_LOGGER}."):
            return each is self
        return each is guard or getattr(each, "guard", None) is guard
