"""For launchers with a `sitecustomize` of their own, which hides ours: they call this instead."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location

from otel_promptcache.report.observing.program import BOOTSTRAP


def observe_run() -> None:
    """Observe this process if it belongs to a run, as our start-up code would have; otherwise do nothing.

    An entry point of the group `opentelemetry_pre_instrument`, which `opentelemetry-instrument` calls before it
    loads any instrumentation.
    """
    spec = spec_from_file_location("otel_promptcache_run", BOOTSTRAP / "sitecustomize.py")
    if spec is not None and spec.loader is not None:
        start_up = module_from_spec(spec)
        spec.loader.exec_module(start_up)
        start_up.watch()
