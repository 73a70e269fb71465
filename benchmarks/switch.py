"""Takes an instrumentation out of the SDK and puts it back, as often as needed.

Most instrumentations cannot uninstall themselves: some leave their wrappers in place, some offer no way at all.
And one that is installed anew would have lost the state that it has in a long-running service. So each is
installed once, and what it has replaced in the SDK is swapped with the originals.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

_PACKAGES = frozenset({"openai", "anthropic", "httpx", "httpx2"})
_MISSING: Any = object()
_PYDANTICS_OWN = ("__pydantic", "_abc", "__annotations__", "__signature__", "__class_vars__", "__private")
"""What a model class adds to itself on first use."""

Place = tuple[Any, str]


class Switch:
    """An instrumentation in the packages of the SDKs; initially off.

    Args:
        install: Instruments the SDK. Even its imports may replace something.
    """

    def __init__(self, install: Callable[[], object]) -> None:
        before = dict(_attributes())
        install()
        after = dict(_attributes())
        self._changed = [
            (owner, name, before.get((owner, name), _MISSING), value)
            for (owner, name), value in after.items()
            if before.get((owner, name), _MISSING) is not value and _is_worth_it(owner, name, before)
        ]
        self.off()

    @property
    def places(self) -> list[str]:
        """Names of what the instrumentation has replaced."""
        return [f"{owner.__name__}.{name}" for owner, name, _, _ in self._changed]

    def on(self) -> None:
        """Put the instrumentation in place."""
        for owner, name, _, replacement in self._changed:
            setattr(owner, name, replacement)

    def off(self) -> None:
        """Restore the SDK."""
        for owner, name, original, _ in reversed(self._changed):
            if original is not _MISSING:
                setattr(owner, name, original)
            elif name in vars(owner):
                delattr(owner, name)


def _attributes() -> Iterator[tuple[Place, Any]]:
    """Everything defined in the modules of the SDK, and in their classes."""
    for module in [each for name, each in sys.modules.items() if name.partition(".")[0] in _PACKAGES]:
        for name, value in list(vars(module).items()):
            if isinstance(value, ModuleType):
                continue
            yield (module, name), value
            if isinstance(value, type) and value.__module__.partition(".")[0] in _PACKAGES:
                yield from (((value, member), found) for member, found in list(vars(value).items()))


def _is_worth_it(owner: Any, name: str, before: Mapping[Place, Any]) -> bool:
    """Whether it was replaced, rather than new because a module was imported or a model was completed."""
    if isinstance(owner, ModuleType):
        return (owner, name) in before and not name.startswith("__")
    is_known = (owner, "__module__") in before
    return is_known and not name.startswith(_PYDANTICS_OWN)
