"""The composition root: builds the observer and patches it into the SDKs."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from opentelemetry.instrumentation.dependencies import DependencyConflict, get_dependency_conflicts
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.metrics import Meter, MeterProvider, get_meter_provider
from opentelemetry.trace import TracerProvider, get_tracer

from otel_promptcache.calls.endings import Endings
from otel_promptcache.calls.observer import WIRE_FAULTS, Observer
from otel_promptcache.calls.shared import ObservedRun
from otel_promptcache.config import Config
from otel_promptcache.core.policy import check_policies
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.core.quoting import cut, printable
from otel_promptcache.fleet.address import namespace_of, parse_address
from otel_promptcache.fleet.fleet import Fleet, open_fleet
from otel_promptcache.guard import Guard
from otel_promptcache.own_prices import load_prices
from otel_promptcache.prices import Prices
from otel_promptcache.sdk.patches import Patches
from otel_promptcache.sdk.sdks import SDKS, Sdk
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.emitter import Emitter, Instruments
from otel_promptcache.telemetry.flushes import Flushes
from otel_promptcache.telemetry.metrics.counters import Counters
from otel_promptcache.telemetry.metrics.distribution import Distribution
from otel_promptcache.telemetry.metrics.instance import Instance
from otel_promptcache.telemetry.metrics.minhash import MinHashes
from otel_promptcache.telemetry.metrics.semconv import semconv_metrics
from otel_promptcache.telemetry.resource import service_namespace
from otel_promptcache.telemetry.silence import Silence
from otel_promptcache.unknown_variables import warn_of_unknown_variables
from otel_promptcache.version import __version__

_T = TypeVar("_T")

_logger = logging.getLogger("otel_promptcache")

_MAX_MESSAGE_CHARS = 1_000
"""Characters of the log message about a bad setting."""


_NO_SETTINGS = frozenset(
    {"tracer_provider", "meter_provider", "skip_dep_check", "raise_exception_on_conflict"}
)
"""Arguments that are for OpenTelemetry."""


class PromptCacheInstrumentor(BaseInstrumentor):
    """Instruments the OpenAI, Anthropic and LiteLLM SDKs; a singleton, like every OpenTelemetry instrumentor.

    `instrument(tracer_provider=None, meter_provider=None, **settings)` starts observing, `uninstrument()`
    stops; the settings are those of `Config`.
    """

    configuration = Config
    """What OpenTelemetry's declarative configuration validates the options against."""

    make_emitter: Callable[..., Emitter] = Emitter
    """Makes the object that writes the telemetry."""
    make_fingerprinter: Callable[[str | None], Fingerprinter] = Fingerprinter
    """Makes the object that identifies templates, from the fingerprint key."""
    run: ObservedRun | None = None
    """The run that a report is written about; None if there is none."""

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "_observed"):  # the class is a singleton whose __init__ runs on every use
            # An observable instrument can neither be removed from a meter nor registered twice, so what it
            # reads is kept as long as its provider and is reused by a second `instrument()`.
            self._observed: weakref.WeakKeyDictionary[MeterProvider, tuple[Counters, MinHashes]] = (
                weakref.WeakKeyDictionary()
            )
            self._silence = Silence()
            self._knows_variables = False

    def instrumentation_dependencies(self) -> Collection[str]:
        """The requirements of the SDKs installed in a supported version; of all if none is, as one is needed."""
        requirements = [sdk.requirement for sdk in SDKS]
        return [each for each in requirements if get_dependency_conflicts([each]) is None] or requirements

    def _check_dependency_conflicts(self) -> DependencyConflict | None:
        conflict = super()._check_dependency_conflicts()
        if conflict is None:
            return None
        try:
            return get_dependency_conflicts(
                [], [sdk.requirement for sdk in SDKS]
            )  # its message says that one is enough
        except TypeError:  # older releases take no second argument
            return conflict

    def _instrument(self, **kwargs: Any) -> None:
        tracer_provider: TracerProvider | None = kwargs.get("tracer_provider")
        given_meter_provider: MeterProvider | None = kwargs.get("meter_provider")
        meter_provider = given_meter_provider or get_meter_provider()
        config = check_settings(kwargs)
        if not self._knows_variables:
            self._knows_variables = True
            warn_of_unknown_variables()
        prices = _or_default(
            "prices",
            lambda: Prices(load_prices(config.prices)),
            Prices(),
            is_argument=kwargs.get("prices") is not None,
        )
        policies = _or_default(
            "policies",
            lambda: check_policies(config.policies or {}),
            {},
            is_argument=kwargs.get("policies") is not None,
        )
        meter = meter_provider.get_meter(names.SCOPE_NAME, __version__)
        counters, minhashes = self._observed_of(meter_provider, meter)
        instruments = Instruments(
            counters,
            minhashes,
            _time_to_first_token(config.histograms, meter_provider, meter),
            semconv_metrics(config.semconv, meter, counters),
            Instance(meter_provider, partial(self._silence.tell, tracer_provider, given_meter_provider)),
        )
        emitter = self.make_emitter(
            get_tracer(names.SCOPE_NAME, __version__, tracer_provider), instruments, config.max_fingerprints
        )
        fleet = self._fleet = _or_default(
            "fleet",
            lambda: _open_fleet(config, emitter, tracer_provider),
            None,
            is_argument=kwargs.get("fleet") is not None,
        )
        self._flushes = Flushes(tracer_provider, meter_provider)
        self._endings = Endings(lambda end_left: self._flushes.follow(_before_flush(end_left, fleet)))
        if fleet is not None:
            self._flushes.follow(_before_flush(self._endings.end_left, fleet))
        self._observer = Observer(
            guard=Guard(emitter.count_internal_error, strict=config.strict, wire_faults=WIRE_FAULTS),
            emitter=emitter,
            prices=prices,
            fingerprinter=self.make_fingerprinter(config.fingerprint_key),
            policies=policies,
            hosts=config.hosts or {},
            stream_usage=config.stream_usage,
            request_diagnostics=config.request_diagnostics,
            endings=self._endings,
            path_names=config.path_names,
            run=self.run,
            fleet=fleet,
        )
        counters.before_reading = self._endings.run_pending
        self._endings.start()
        self._patches = Patches(self._observer, [sdk for sdk in SDKS if _is_supported(sdk)])
        self._patches.apply()

    def _uninstrument(self, **_: Any) -> None:
        self._patches.remove()
        self._endings.stop()
        if self._fleet is not None:
            self._fleet.stop()
        self._flushes.restore()

    def _observed_of(self, meter_provider: MeterProvider, meter: Meter) -> tuple[Counters, MinHashes]:
        observed = self._observed.get(meter_provider)
        if observed is None:
            observed = self._observed[meter_provider] = (Counters(meter, names.COUNTERS), MinHashes(meter))
        return observed


def _time_to_first_token(histograms: str, meter_provider: MeterProvider, meter: Meter) -> Distribution | None:
    """Our only histogram, as the setting `histograms` specifies it."""
    if histograms == "off":
        return None
    distribution = Distribution(meter, names.TIME_TO_FIRST_TOKEN_DISTRIBUTION)
    if histograms == "exponential" and (obstacle := distribution.make_exponential(meter_provider)):
        _logger.warning("histograms is set to 'exponential', but %s; using explicit buckets", obstacle)
    return distribution


def _is_supported(sdk: Sdk) -> bool:
    """Whether the installed version of an SDK is supported, or not known."""
    conflict = get_dependency_conflicts([sdk.requirement])
    if conflict is None or not conflict.found:
        return True
    _logger.warning(
        "%s is not supported, so it is not instrumented; supported: %s", conflict.found, sdk.requirement
    )
    return False


def _open_fleet(config: Config, emitter: Emitter, tracer_provider: TracerProvider | None) -> Fleet | None:
    if config.fleet is None:
        return None
    return open_fleet(
        parse_address(config.fleet),
        config.fleet_namespace or namespace_of(service_namespace(tracer_provider)),
        config.fleet_key,
        emitter.count_fleet_operations,
        emitter.count_internal_error,
        shares_answers=config.request_diagnostics > 0,
    )


def _before_flush(end_left: Callable[[], None], fleet: Fleet | None) -> Callable[[], None]:
    if fleet is None:
        return end_left

    def before() -> None:
        end_left()
        fleet.flush()

    return before


def _or_default(setting: str, read: Callable[[], _T], default: _T, *, is_argument: bool) -> _T:
    """The value of a setting; a bad one from the environment is logged, and the default is used instead."""
    try:
        return read()
    except Exception as error:
        if is_argument:
            raise
        # Whatever was raised: nobody could catch it, as the setting came from the environment.
        _logger.warning(
            "%s; the setting %s is ignored", cut(printable(str(error)), _MAX_MESSAGE_CHARS), setting
        )
        return default


def check_settings(settings: Mapping[str, Any]) -> Config:
    """The settings, those of the environment included.

    Raises:
        ValueError: One is unknown, or its value is not allowed.
    """
    return Config.resolve({name: value for name, value in settings.items() if name not in _NO_SETTINGS})
