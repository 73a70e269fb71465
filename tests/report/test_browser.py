"""The page in a real browser, at desktop and phone widths, in light and dark mode.

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
from typing import Any

import pytest

from otel_promptcache.report.rendering.page.html import render
from otel_promptcache.report.report import build_report
from tests.report.calls import gathered
from tests.report.scenarios import SCENARIOS
from tests.report.test_html import EVIL, rich_run

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
TIMEOUT_SECONDS = 120
LOOKING = Path(__file__).with_name("looking.js").read_text(encoding="utf-8")
WIDTHS = (320, 400, 1400)
PHONE = 400
LEAST_CONTRAST = 4.5
"""For text, by the Web Content Accessibility Guidelines."""


def chromium(tmp_path: Path, *arguments: str) -> str:
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
    return done.stdout


def scheme(*, is_dark: bool) -> str:
    return f"--blink-settings=preferredColorScheme={0 if is_dark else 1}"


def looked_at(tmp_path: Path, page: str, action: str, *arguments: str, width: int = 1400) -> Any:
    """The value of a JavaScript expression in a page of some width. The expression may be a promise."""
    inner = json.dumps(page).replace("</", "<\\/").replace("<!--", "<\\!--")
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">'
        f'<pre id="found"></pre><script>{LOOKING}\nlook({inner}, {width}, async (page, view) => {action});</script>',
        encoding="utf-8",
    )
    shown = chromium(
        tmp_path,
        "--dump-dom",
        "--virtual-time-budget=5000",
        "--window-size=1500,900",
        *arguments,
        frame.as_uri(),
    )
    match = re.search(r"FOUND (.*?) END", shown, re.DOTALL)
    assert match is not None, shown[-2000:]
    found = json.loads(match[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert not (isinstance(found, dict) and "error" in found), found
    return found


def page_of(name: str) -> str:
    if name == "hostile":
        calls = rich_run()
        return render(build_report(calls), gathered(*calls, notes=(EVIL,)))
    scenario = SCENARIOS[name]()
    return render(scenario.report(), scenario.known)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*SCENARIOS, "hostile"])
def test_everything_has_its_place(tmp_path: Path, name: str, width: int) -> None:
    found = looked_at(tmp_path, page_of(name), "geometry(page, view)", width=width)
    assert found["width"] == width
    assert found["overflow"] == 0
    assert found["tooWide"] == []
    assert found["brokenHeaders"] == []
    assert found["headerWords"] >= 4
    assert found["smallestFont"] >= 12
    assert (found["resources"], found["flatSvg"]) == (0, 0)
    assert found["hintIsVisible"] == found["tableScrolls"]
    if width <= PHONE:
        assert found["tableScrolls"]
        assert found["firstColumn"] < width * 0.6
    elif width == max(WIDTHS):
        assert not found["tableScrolls"]


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("name", ["nine-applications", "all-ineligible"])
def test_all_text_can_be_read(tmp_path: Path, name: str, is_dark: bool) -> None:
    found = looked_at(tmp_path, page_of(name), "contrasts(page, view)", scheme(is_dark=is_dark))
    assert len(found) > 20
    assert min(each["ratio"] for each in found) >= LEAST_CONTRAST, min(found, key=lambda each: each["ratio"])


def test_a_header_sorts_the_table(tmp_path: Path) -> None:
    found = looked_at(
        tmp_path,
        page_of("nine-applications"),
        "[state(page), ...['lost $', 'lost $', 'template', 'hit ratio'].map(name => (press(page, name), state(page)))]",
    )
    first, dearest, cheapest, by_name, by_ratio = found
    assert first["sorted"] == {"requests": "descending"}
    assert first["names"][:2] == ["support-bot", "coding-agent"]
    assert dearest["sorted"] == {"lost $": "descending"}
    assert dearest["names"][:3] == ["tenant-mail", "tool-shuffler", "daily-digest"]
    assert dearest["names"][-2:] == ["classifier", "chat-widget"], "what is not known comes last"
    assert cheapest["sorted"] == {"lost $": "ascending"}
    assert cheapest["names"][0] == "support-bot"
    assert cheapest["names"][-2:] == ["classifier", "chat-widget"]
    assert by_name["sorted"] == {"template": "ascending"}
    assert by_name["names"] == sorted(by_name["names"])
    assert by_ratio["names"][0] == "support-bot"
    assert {len(each["names"]) for each in found} == {9}
    assert {each["last"] for each in found} == {"total"}
    assert all(each["buttons"] == each["headers"] for each in found)


def test_a_filter_leaves_what_has_all_its_words(tmp_path: Path) -> None:
    found = looked_at(
        tmp_path,
        page_of("sixty-templates"),
        "['', 'svc.py:8', 'PLANNER step-1', 'nothing', ''].map(text => (type(page, 'templates', text), state(page)))",
    )
    everything, by_site, by_words, nothing, again = found
    assert len(everything["names"]) == len(again["names"]) == 60
    assert again["status"] == ""
    assert len(by_site["names"]) == 1
    assert by_site["status"] == "1 of 60"
    assert len(by_words["names"]) == 5
    assert all("planner.step-1" in name for name in by_words["names"])
    assert (nothing["names"], nothing["status"]) == ([], "0 of 60")


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_a_snippet_is_copied_line_by_line(tmp_path: Path, has_clipboard: bool) -> None:
    found = looked_at(
        tmp_path, page_of("nine-applications"), f"copied(page, view, {json.dumps(has_clipboard)})"
    )
    snippet = next(
        finding.snippet for finding in SCENARIOS["nine-applications"]().report().findings if finding.snippet
    )
    assert found["text"] == snippet
    assert found["status"] == "Copied"
    assert found["wasHidden"] is False


def test_a_link_opens_the_finding_that_it_leads_to(tmp_path: Path) -> None:
    found = looked_at(tmp_path, page_of("hostile"), "followed(page, view, '#finding-8')")
    assert found == {"before": False, "after": True}


@pytest.mark.parametrize("is_dark", [False, True])
def test_light_and_dark(tmp_path: Path, is_dark: bool) -> None:
    file, picture = tmp_path / "report.html", tmp_path / "page.png"
    file.write_text(page_of("hostile"), encoding="utf-8")
    chromium(
        tmp_path, scheme(is_dark=is_dark), "--window-size=600,400", f"--screenshot={picture}", file.as_uri()
    )
    red, green, blue = first_pixel(picture.read_bytes())
    assert (max(red, green, blue) < 60) if is_dark else (min(red, green, blue) > 240)


def first_pixel(png: bytes) -> tuple[int, ...]:
    """The colour of the upper left pixel, which has no neighbours for a PNG filter to refer to."""
    chunks, position = b"", 8
    while position < len(png):
        (length,), kind = struct.unpack(">I", png[position : position + 4]), png[position + 4 : position + 8]
        if kind == b"IDAT":
            chunks += png[position + 8 : position + 8 + length]
        position += length + 12
    return tuple(zlib.decompress(chunks)[1:4])
