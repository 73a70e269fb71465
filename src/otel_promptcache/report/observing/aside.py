"""Observes the SDK in a process of a run, aside from whatever the program itself does with OpenTelemetry."""

from __future__ import annotations

import inspect
import logging
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


def start(directory: str, module: str) -> None:
    """Observe the SDK once it is there, and write its calls to a directory.

    The program's own instrumentation, ours included, goes on undisturbed: nothing here is global, and no span
    of ours is ever the current one.

    Args:
        directory: Where the processes of the run write.
        module: What has just been imported: an SDK or `otel_promptcache`.
    """
    instrumentor = AsideInstrumentor.of(Spool(directory))
    is_sdk = module != "otel_promptcache"
    if is_sdk and not _is_half_imported() and not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.observe()


def _is_half_imported() -> bool:
    """Whether it is the program's own instrumentation that imports openai; we come after it."""
    patches = sys.modules.get("otel_promptcache.sdk.patches")
    return patches is not None and not hasattr(patches, "Patches")


class AsideEmitter(Emitter):
    """Opens spans in an empty context, and does not leave them current.

    They join no span of the program, no sampler of it decides about them, and what the program creates during
    the call has the parent that it would have had.
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
        """Open the span of a call, aside."""
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
    """A second instrumentor, beside the one that the program may use."""

    make_emitter = AsideEmitter
    _instance = None  # of its own: the class is a singleton
    spool: Spool | None = None
    """Where calls are written; None until it is known."""

    @classmethod
    def of(cls, spool: Spool) -> AsideInstrumentor:
        """Return the one of this process; the first time it begins to follow the program's."""
        instrumentor = cls()
        if instrumentor.spool is None:
            instrumentor.spool = spool
            instrumentor._follow(PromptCacheInstrumentor())
            logging.getLogger(_LOGGER).addFilter(instrumentor._is_the_programs_own)
        return instrumentor

    def observe(self, **settings: Any) -> None:
        """Put our hooks on top of all others, with these settings instead of those of the environment."""
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
        """Come after the program's own instrumentation whenever it starts.

        Hooks that are put in place last see a response first. The program's may take an event out that it asked
        for itself; and what is sent is for the program's settings alone to change.
        """
        aside, instrument = self, program._instrument  # noqa: SLF001  # of the class that this one extends

        def instrument_and_follow(**kwargs: Any) -> None:
            instrument(**kwargs)
            aside._observe_after_the_program()

        program._instrument = instrument_and_follow  # noqa: SLF001  # likewise

    def _observe_after_the_program(self) -> None:
        try:
            self.observe(stream_usage=False, request_diagnostics=0.0)
        except Exception as error:  # noqa: BLE001  # a fault of ours is not the program's
            if self.spool is not None:
                self.spool.note(f"not observed: {type(error).__name__}: {error}")

    def _is_the_programs_own(self, record: logging.LogRecord) -> bool:
        """Filter our logger: what is said on our behalf becomes a note; the program's output stays what it is."""
        observer = getattr(self, "_observer", None)
        ours = (self, observer, getattr(observer, "guard", None))
        # What is said seldom may take the time to look who says it.
        frame = inspect.currentframe()
        frame = frame and frame.f_back
        while frame is not None and not any(frame.f_locals.get("self") is each for each in ours if each):
            frame = frame.f_back
        if frame is None:
            return True
        if self.spool is not None and record.module != "observer":  # that usage is missing is a finding
            self.spool.note(record.getMessage())
        return False
