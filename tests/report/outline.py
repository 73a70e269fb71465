"""A page as text: its content and markup, one line per block, without styles, scripts and titles."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

_LEFT_OUT = frozenset({"style", "script", "title"})
_INLINE = frozenset({"span", "code", "small", "strong", "a", "label", "wbr", "html", "head", "body", "text"})
_CELLS = frozenset({"th", "td"})
_SHAPES = frozenset({"rect", "line"})
_SHOWN = ("id", "aria-sort", "role", "aria-label", "hidden", "type", "href", "data-for")


class Outline(HTMLParser):
    """Reads a page into `lines`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._path: list[str] = []
        self._shapes: Counter[str] = Counter()
        self._is_broken = self._is_meter = False
        self.feed(page)
        self.close()
        self.lines = [line.rstrip() for line in self.lines]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, {name: value or "" for name, value in attrs})
        if tag != "meta":
            self._path.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        assert self._path.pop() == tag
        if tag == "svg" and self._is_meter:
            self._is_meter = False
        elif tag == "svg":
            self.lines[-1] += " ".join(f" {count}×{name}" for name, count in sorted(self._shapes.items()))
            self._shapes.clear()

    def handle_data(self, data: str) -> None:
        if _LEFT_OUT.isdisjoint(self._path) and data.strip():
            lines = data.split("\n")
            text = data.strip() if len(lines) == 1 else " ⏎ ".join(lines)
            self.lines[-1] += text if self._is_broken else f" {text}"
            self._is_broken = False

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "wbr":
            self._is_broken = True
        if attributes.get("class") == "meter" or self._is_meter:
            self._is_meter = True
            return
        if tag in _SHAPES:
            self._shapes[attributes.get("class", tag)] += 1
            return
        told = " ".join(f"{name}={attributes[name]}" for name in _SHOWN if attributes.get(name) is not None)
        if tag in _CELLS:
            self.lines[-1] += f" | {told}".rstrip()
        elif tag not in _LEFT_OUT | _INLINE | {"meta"}:
            depth = sum(each not in _INLINE for each in self._path)
            name = ".".join((tag, *attributes.get("class", "").split()))
            self.lines.append(f"{'  ' * depth}{name}{f'[{told}]' if told else ''}:")
        elif told and tag != "meta":
            self.lines[-1] += f" [{told}]"
