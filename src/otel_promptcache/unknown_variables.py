"""Warns of environment variables that look like settings but are not: they would silently have no effect."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Mapping

from otel_promptcache.config import ENVIRONMENT_PREFIX, environment_variables
from otel_promptcache.core.quoting import cut, printable

_logger = logging.getLogger("otel_promptcache")

_MAX_NAMED = 10
_MAX_NAME_CHARS = 100
_LIKE_OURS = re.compile(r"OTEL_(?:PYTHON_)?PROMPT_?CACHE_(?!RUN_DIRECTORY$)", re.IGNORECASE)
"""Our prefix or something easily mistaken for it, but not the variable that `otel-promptcache run` sets."""


def warn_of_unknown_variables(environ: Mapping[str, str] = os.environ) -> None:
    """Log one warning for each variable that looks like a setting but is not one; its value is not shown."""
    known = environment_variables()
    unknown = sorted(name for name in environ if name not in known and _LIKE_OURS.match(name))
    for name in unknown[:_MAX_NAMED]:
        _logger.warning(
            "%s is not a setting and has no effect: %s",
            cut(printable(name), _MAX_NAME_CHARS),
            _hint(name, known),
        )
    if len(unknown) > _MAX_NAMED:
        _logger.warning("%d more variables like this are not settings either", len(unknown) - _MAX_NAMED)


def _hint(name: str, known: list[str]) -> str:
    setting = _LIKE_OURS.sub("", name[:_MAX_NAME_CHARS], count=1).upper()
    settings = [one.removeprefix(ENVIRONMENT_PREFIX) for one in known]
    if nearest := difflib.get_close_matches(setting, settings, n=1):
        return f"did you mean {ENVIRONMENT_PREFIX}{nearest[0]}?"
    return f"expected {ENVIRONMENT_PREFIX} followed by one of {', '.join(settings)}"
