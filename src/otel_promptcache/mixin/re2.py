"""Says what is wrong with a regular expression in RE2's syntax, which Prometheus uses and Python lacks."""

from __future__ import annotations

import re

_MAX_REPEAT = 1_000
_MAX_DEPTH = 1_000
_MAX_CHARACTER = 0x10FFFF
_PARENTHESES = "its parentheses do not match"
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(?:,(\d*))?\})\??", re.ASCII)
_GROUP = re.compile(r"\((?:\?(?:P?<([^>]*)>|(?:[imsU]+(?:-[imsU]+)?|-[imsU]+)?([:)])))?")
_GROUP_NAME = re.compile(r"\w+", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:[pP](?:[A-Z]|\{\^?[A-Za-z_]+\})|x[0-9A-Fa-f]{2}|x\{([0-9A-Fa-f]{1,6})\}|[0-7]{3}|0|[AbBdDsSwWzafnrtv]"
    r"|[ -/:-@\[-`{-~])"
)
_NOT_IN_CLASS = re.compile(r"\\[AbBz]")
_NAMED_CLASS = re.compile(
    r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]"
)
_RANGE = re.compile(r"([^\\\]])-(?:([^\\\]])|\\[dDsSwWpP])")


def check(pattern: str) -> None:
    """Raise a ValueError that says why RE2 would reject a pattern.

    Names of Unicode classes are not looked up, and ranges that end in an escape are not compared.
    """
    _Reader(pattern).read()


class _Reader:
    """Goes through a pattern once."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at, self._can_repeat = pattern, 0, False
        self._names: set[str] = set()
        # How often the innermost part is repeated: in each open group, and in what was read last.
        self._open_groups, self._unit = [1], 1

    def read(self) -> None:
        while self._at < len(self._pattern):
            self._step()
            if not self._open_groups:
                raise ValueError(_PARENTHESES)
            self._open_groups[-1] = max(self._open_groups[-1], self._unit)
        if len(self._open_groups) > 1:
            raise ValueError(_PARENTHESES)

    def _step(self) -> None:
        pattern, at, before = self._pattern, self._at, self._unit
        sign = pattern[at]
        self._unit = 1
        if pattern.startswith(r"\Q", at):
            end = pattern.find(r"\E", at + 2)
            self._go(len(pattern) if end < 0 else end + 2)
        elif sign == "\\":
            self._go(_end_of_escape(pattern, at))
        elif sign == "[":
            self._go(_end_of_class(pattern, at))
        elif sign == "(":
            self._open()
        elif sign == ")":
            self._unit = self._open_groups.pop()
            self._go(at + 1)
        elif quantifier := _QUANTIFIER.match(pattern, at):
            self._repeat(quantifier, before)
        else:
            self._go(at + 1, can_repeat=sign != "|")

    def _go(self, at: int, *, can_repeat: bool = True) -> None:
        self._at, self._can_repeat = at, can_repeat

    def _open(self) -> None:
        pattern, at = self._pattern, self._at
        found = _GROUP.match(pattern, at)
        if found is None or (pattern.startswith("(?", at) and found.end() == at + 1):
            raise ValueError(
                f"{pattern[at : at + 4]!r} does not begin a group that RE2 supports (it has no look-around)"
            )
        name, sets_flags = found[1], found[2] == ")"
        if name is not None and (not _GROUP_NAME.fullmatch(name) or name in self._names):
            raise ValueError(f"the group name {name!r} is not valid here")
        self._names.add(name or "")
        if not sets_flags:
            self._open_groups.append(1)
        if len(self._open_groups) > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        self._go(found.end(), can_repeat=False)

    def _repeat(self, quantifier: re.Match[str], before: int) -> None:
        counts = [int(count) for count in quantifier.groups() if count]
        if not self._can_repeat:
            raise ValueError(f"{quantifier[0]!r} has nothing to repeat")
        self._unit = before * max(counts, default=1)
        if self._unit > _MAX_REPEAT or counts != sorted(counts):
            raise ValueError(
                f"{quantifier[0]!r} is not a valid repetition; RE2 allows up to {_MAX_REPEAT} in total"
            )
        self._go(quantifier.end(), can_repeat=False)


def _end_of_escape(pattern: str, at: int) -> int:
    found = _ESCAPE.match(pattern, at)
    if found is None or int(found[1] or "0", 16) > _MAX_CHARACTER:
        raise ValueError(f"{pattern[at : at + 2]!r} is not an RE2 escape")
    return found.end()


def _end_of_class(pattern: str, start: int) -> int:
    at = start + (2 if pattern.startswith("[^", start) else 1)
    first = at
    while at < len(pattern):
        if pattern[at] == "]" and at > first:
            return at + 1
        if found := _NAMED_CLASS.match(pattern, at):
            at = found.end()
        elif pattern.startswith("[:", at) and pattern.find(":]", at) > 0:
            raise ValueError(f"{pattern[at : at + 9]!r} does not begin a character class that RE2 knows")
        elif pattern[at] == "\\":
            if _NOT_IN_CLASS.match(pattern, at):
                raise ValueError(f"{pattern[at : at + 2]!r} is not an RE2 escape within a character class")
            at = _end_of_escape(pattern, at)
        elif found := _RANGE.match(pattern, at):
            if found[2] is None or found[1] > found[2]:
                raise ValueError(f"{found[0]!r} is not a valid range")
            at = found.end()
        else:
            at += 1
    raise ValueError(f"{pattern[start:]!r} is not closed")
