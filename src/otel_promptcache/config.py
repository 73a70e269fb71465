"""Every setting: argument, then environment variable, then default; resolved and validated in one place."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, cast

from otel_promptcache.core.quoting import quoted

ENVIRONMENT_PREFIX = "OTEL_PYTHON_PROMPTCACHE_"

_logger = logging.getLogger("otel_promptcache")

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which values a setting allows, and how they are parsed."""

    allowed: str
    parse: Callable[[str], object]
    """Parses an environment variable. May raise ValueError or RecursionError."""
    accepts: Callable[[object], bool]


def _one_of(*values: str) -> _Kind:
    return _Kind(" or ".join(f'"{value}"' for value in values), str, lambda value: value in values)


def _parse_flag(text: str) -> object:
    return {"true": True, "false": False, "1": True, "0": False}.get(text.strip().lower(), text)


def _count(low: int, high: int) -> _Kind:
    return _Kind(
        f"an integer from {low} to {high}", int, lambda value: type(value) is int and low <= value <= high
    )


_SHARE = _Kind(
    "a number from 0 to 1",
    float,
    lambda value: type(value) in (int, float) and 0 <= cast("float", value) <= 1,
)
_FLAG = _Kind("true or false", _parse_flag, lambda value: isinstance(value, bool))
_SECRET = _Kind("a non-empty string", str, lambda value: isinstance(value, str) and bool(value))
_ADDRESS = _Kind('a URL that begins with "redis://", "rediss://", "unix://" or "file:"', str, _SECRET.accepts)
_HIDDEN = (_SECRET, _ADDRESS)
"""Kinds whose values are never shown, as they may contain a secret."""
_NAMESPACE = _Kind(
    "1 to 64 letters, digits or any of . _ : / @ -",
    str,
    lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._:/@-]{1,64}", value) is not None,
)
_PRICES = _Kind(
    "the path of a .json or .toml file, or a mapping of prices by model",
    str,
    lambda value: isinstance(value, (os.PathLike, Mapping)) or (isinstance(value, str) and value != ""),
)


_POLICIES = _Kind(
    "a mapping of rules by model (JSON in the environment)",
    json.loads,
    lambda value: (
        isinstance(value, Mapping)
        and all(isinstance(rules, Mapping) for rules in cast("Mapping[str, object]", value).values())
    ),
)


_MAX_HOSTS = 1_000
_MAX_HOST_CHARS = 300
_HOSTS = _Kind(
    "a mapping of provider names by host (JSON in the environment)",
    json.loads,
    lambda value: (
        isinstance(value, Mapping)
        and len(cast("Mapping[object, object]", value)) <= _MAX_HOSTS
        and all(
            isinstance(each, str) and 0 < len(each) <= _MAX_HOST_CHARS
            for item in cast("Mapping[object, object]", value).items()
            for each in item
        )
    ),
)


def _setting(default: Any, kind: _Kind, meaning: str) -> Any:
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of the instrumentation; an instance is always valid.

    Raises:
        ValueError: A value is not allowed; the message names the setting, the value and what is allowed.
    """

    stream_usage: bool = _setting(
        False,  # noqa: FBT003  # the default of a setting
        _FLAG,
        "Request the usage of chat streams if the application does not, and hide the extra event from it. "
        "Changes what is sent: also `Accept-Encoding: identity`, because an encoded body cannot be cut. "
        "If the server encodes the body nevertheless, the event is not hidden",
    )
    request_diagnostics: float = _setting(
        0.0,
        _SHARE,
        "Share of requests that also ask the provider why a prompt was not read from its cache: Responses requests "
        "from gpt-5.6 on (`prompt_cache_options.comparison_response_id`), and requests to Anthropic's own API "
        "(`diagnostics`). Changes what is sent",
    )
    prices: Mapping[str, Any] | str | os.PathLike[str] | None = _setting(
        None,
        _PRICES,
        "Your own prices: a mapping, or a .json or .toml file of USD per million tokens by model. They take "
        "precedence over the bundled price list",
    )
    policies: Mapping[str, Mapping[str, Any]] | None = _setting(
        None,
        _POLICIES,
        "Overrides of what is assumed about a model's cache, by model or `*`: `minimum_tokens`, `step_tokens`, "
        "`lifetime_seconds`, `has_exact_boundaries`, `has_cache`, `max_requests_per_minute`",
    )
    semconv: str = _setting(
        "released",
        _one_of("released", "latest", "off"),
        "Which generation of OpenTelemetry's own GenAI metrics to emit in addition to `promptcache.*`",
    )
    histograms: str = _setting(
        "buckets",
        _one_of("buckets", "exponential", "off"),
        "Kind of the `promptcache.*` histograms: explicit buckets by model, exponential by template (one native "
        "histogram each, if the receiver supports them), or none",
    )
    fingerprint_key: str | None = _setting(
        None,
        _SECRET,
        "Secret that turns fingerprint and digest into keyed hashes, so that nobody without it can confirm "
        "a guess at a prompt",
    )
    max_fingerprints: int = _setting(
        100,
        _count(1, 400),
        "How many fingerprints, and how many names, get their own metric series from the first request on. Half as "
        "many more get their own if they recur; the rest become `other`",
    )
    path_names: bool = _setting(
        False,  # noqa: FBT003  # the default of a setting
        _FLAG,
        "Keep the application's JSON property names in `promptcache.divergence.path`, which otherwise shows "
        "`properties[3]`",
    )
    hosts: Mapping[str, str] | None = _setting(
        None,
        _HOSTS,
        "Provider names of unknown hosts, by host or `host:port`. Any name is allowed, but requests to a provider "
        "without a price list are unpriced",
    )
    fleet: str | None = _setting(
        None,
        _ADDRESS,
        "Store in which processes share what they know about prompts, as hashes, lengths, token counts, times and "
        "paths, without any prompt text: Redis or Valkey, or a file for the workers of one host. No call ever waits "
        "for it",
    )
    fleet_key: str | None = _setting(
        None,
        _SECRET,
        "Secret key for all hashes in the `fleet` store; it must be the same in all processes. Without one, anyone "
        "who can read the store can confirm a guess at a prompt",
    )
    fleet_namespace: str | None = _setting(
        None,
        _NAMESPACE,
        "Namespace in the `fleet` store, shared by the processes of one organisation at the provider. Defaults to "
        "the resource's `service.namespace`",
    )
    strict: bool = _setting(
        False,  # noqa: FBT003  # the default of a setting
        _FLAG,
        "Raise this package's own errors in the application instead of swallowing them. For tests only",
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            _require_allowed(setting, setting.name, getattr(self, setting.name))

    @classmethod
    def resolve(cls, arguments: Settings, environ: Mapping[str, str] = os.environ) -> Config:
        """Build the configuration from keyword arguments and the environment.

        An argument that is None counts as not given. A bad environment variable is logged and replaced by
        the default, because nobody can catch an exception in an auto-instrumented application.

        Raises:
            ValueError: An argument is unknown or its value is not allowed.
        """
        known = {setting.name for setting in fields(cls)}
        if unknown := sorted(arguments.keys() - known):
            raise ValueError(f"{unknown[0]} is not a setting; the settings are {', '.join(sorted(known))}")
        values = {setting.name: _from_environment(setting, environ) for setting in fields(cls)}
        values |= {name: value for name, value in arguments.items() if value is not None}
        return cls(**values)


def environment_variable(setting: Field[Any]) -> str:
    """The name of the environment variable of a setting."""
    return ENVIRONMENT_PREFIX + setting.name.upper()


def environment_variables() -> list[str]:
    """The names of all environment variables."""
    return [environment_variable(setting) for setting in fields(Config)]


def describe_settings() -> list[tuple[str, str, str, str, str]]:
    """One row per setting for the documentation: name, variable, default, allowed values, meaning."""
    return [
        (
            setting.name,
            environment_variable(setting),
            "none" if setting.default is None else str(setting.default).lower(),
            setting.metadata["kind"].allowed,
            setting.metadata["meaning"],
        )
        for setting in fields(Config)
    ]


def _from_environment(setting: Field[Any], environ: Mapping[str, str]) -> Any:
    variable = environment_variable(setting)
    text = environ.get(variable, "").strip()
    if not text:
        return setting.default
    kind: _Kind = setting.metadata["kind"]
    try:
        value = kind.parse(text)
        _require_allowed(setting, variable, value)
    except (ValueError, RecursionError):  # RecursionError if JSON is nested too deeply
        shown = "(not shown)" if kind in _HIDDEN else quoted(text)
        _logger.warning(
            "%s is %s: expected %s; using the default, %r", variable, shown, kind.allowed, setting.default
        )
        return setting.default
    return value


def _require_allowed(setting: Field[Any], name: str, value: Any) -> None:
    kind: _Kind = setting.metadata["kind"]
    if value is None and setting.default is None:
        return
    if not kind.accepts(value):
        shown = type(value).__name__ if kind in _HIDDEN else quoted(value)
        raise ValueError(f"{name} is {shown}: expected {kind.allowed}")
