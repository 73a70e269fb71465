"""The page in a real browser, at the widths of a desk and of a phone, in light and in dark.

Needs Chromium, on Debian and Ubuntu: apt-get install chromium. Without it these tests fail; `-m "not browser"`
leaves them out.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from otel_promptcache.report.rendering.html import render
from otel_promptcache.report.report import build_report
from tests.report.calls import gathered
from tests.report.test_html import EVIL, rich_run

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
TIMEOUT_SECONDS = 120

# Measures the page from a frame around it, and writes what it finds where --dump-dom shows it.
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe id="page" style="width:{width}px;height:800px;border:0"></iframe>
<pre id="found"></pre>
<script>
const requests = [];
const frame = document.getElementById("page");
frame.onload = () => {{
  const inner = frame.contentDocument, root = inner.documentElement;
  const seen = [...inner.querySelectorAll("p, li, h1, h2, h3, dt, dd, svg")].filter(e => e.offsetParent || e.ownerSVGElement === null);
  const tooWide = seen.filter(e => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".wide, details"));
  const fonts = [...inner.querySelectorAll("p, td, span, small")].filter(e => e.textContent).map(e => parseFloat(frame.contentWindow.getComputedStyle(e).fontSize));
  document.getElementById("found").textContent = "FOUND " + JSON.stringify({{
    overflow: root.scrollWidth - root.clientWidth,
    tooWide: tooWide.map(e => e.tagName + ": " + e.textContent.slice(0, 40)),
    smallestFont: Math.min(...fonts),
    scripts: inner.scripts.length,
    resources: frame.contentWindow.performance.getEntriesByType("resource").length,
    flatSvg: [...inner.querySelectorAll("svg")].filter(e => e.getBoundingClientRect().height < 10).length,
    svgs: inner.querySelectorAll("svg").length,
    sections: inner.querySelectorAll("section").length,
  }}) + " END";
}};
frame.srcdoc = {page};
</script>"""


def chromium(tmp_path: Path, *arguments: str) -> str:
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
    return done.stdout


def written(tmp_path: Path) -> Path:
    calls = rich_run()
    file = tmp_path / "report.html"
    file.write_text(render(build_report(calls), gathered(*calls, notes=(EVIL,))), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_everything_has_its_place(tmp_path: Path, width: int) -> None:
    page = json.dumps(written(tmp_path).read_text(encoding="utf-8")).replace("</", "<\\/")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, page=page), encoding="utf-8")
    match = re.search(
        r"FOUND (\{.*?\}) END", chromium(tmp_path, "--dump-dom", "--window-size=1400,900", frame.as_uri())
    )
    assert match is not None
    found = json.loads(match[1])
    assert found["overflow"] == 0
    assert found["tooWide"] == []
    assert found["smallestFont"] >= 12
    assert (found["scripts"], found["resources"], found["flatSvg"]) == (0, 0, 0)
    assert found["svgs"] > 5
    assert found["sections"] == 7


@pytest.mark.parametrize(("scheme", "is_dark"), [(1, False), (0, True)])
def test_light_and_dark(tmp_path: Path, scheme: int, is_dark: bool) -> None:
    picture = tmp_path / "page.png"
    chromium(
        tmp_path, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=600,400",
        f"--screenshot={picture}", written(tmp_path).as_uri(),
    )  # fmt: skip
    red, green, blue = first_pixel(picture.read_bytes())
    assert (max(red, green, blue) < 60) if is_dark else (min(red, green, blue) > 240)


def first_pixel(png: bytes) -> tuple[int, ...]:
    """The colour in the upper left corner, where no filter of the format has anything to refer to."""
    chunks, position = b"", 8
    while position < len(png):
        (length,), kind = struct.unpack(">I", png[position : position + 4]), png[position + 4 : position + 8]
        if kind == b"IDAT":
            chunks += png[position + 8 : position + 8 + length]
        position += length + 12
    return tuple(zlib.decompress(chunks)[1:4])
