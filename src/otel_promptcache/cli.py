"""The command `otel-promptcache`; without the `demo` extra it says what to install."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_EXTRA = {"click", "openai", "opentelemetry", "rich", "starlette", "uvicorn"}
"""Packages that the `demo` extra installs."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code: 2 if it was called wrongly or a package is missing.

    Args:
        arguments: What follows the command's name; None means the process's own arguments.
    """
    try:
        # Click and everything that the commands import come with the extra, which may be missing.
        from otel_promptcache.demo.commands import commands  # noqa: PLC0415

        commands(arguments, prog_name="otel-promptcache")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(
            f"otel-promptcache: the package {error.name} is missing; install the command line with\n\n"
            "    pip install 'otel-promptcache[demo]'\n"
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
