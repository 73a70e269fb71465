"""Whatever the processes of a run leave behind, it is shown as text and breaks nothing."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

import pytest

from tests.report.hostile import command, page, report, run
from tests.report.programs import TIMEOUT_SECONDS

ODD_NAMES = [
    "[/agent]", "[support] bot", "[bold red]x", ":smile: bot", "a`b", "`", "``code``", "<b>&amp;", "back\\slash", "\ud800half", "",
    "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "right\u202eleft", "\rover", "b\x08s", "two\nlines", "\u2028", "\x00", "\u200b",
    "x" * 5000, "日本語 テンプレート", "é",
]  # fmt: skip


def in_a_terminal(tmp_path: Path, source: str) -> str:
    """What the command writes to a terminal of 120 columns, without its own styles."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        command(tmp_path, source),
        stderr=theirs,
        env={**os.environ, "COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1"},
    )
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], TIMEOUT_SECONDS)[0]:
        try:
            written += os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    assert process.wait(TIMEOUT_SECONDS) == 0
    return written.decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_an_odd_name_is_shown_as_text_everywhere(name: str, tmp_path: Path) -> None:
    strange = (
        "promptcache__prefix__name", "gen_ai__request__model", "promptcache__miss__reason", "promptcache__divergence__path",
        "promptcache__divergence__kind", "promptcache__miss__source", "promptcache__result", "error__type",
    )  # fmt: skip
    lines = [f"line({n}, **{{{key!r}: {name!r}}})" for n, key in enumerate(strange)]
    done = run(
        tmp_path,
        f"write({', '.join(lines)}, *[line(20 + n) for n in range(9)])\nwrite({name!r}, name='1.notes')",
    )
    assert done.returncode == 0
    assert "no report" not in done.stderr
    assert "cannot write" not in done.stderr
    assert report(tmp_path)["total"]["requests"] == len(lines) + 9
    assert all(each.isprintable() or each == "\n" for each in done.stderr)
    assert all(each.isprintable() or each == "\n" for each in page(tmp_path))


def test_brackets_of_a_name_are_no_markup(tmp_path: Path) -> None:
    shown = in_a_terminal(
        tmp_path,
        "write(line(promptcache__prefix__name='[/agent]'), line(promptcache__prefix__name='[support] bot'))",
    )
    assert "[/agent]" in shown
    assert "[support] bot" in shown


def test_a_terminal_obeys_nothing_that_was_read(tmp_path: Path) -> None:
    evil = "a\x1b[2Jb\x9bc\rd\x08e\u202ef\ng"
    shown = in_a_terminal(
        tmp_path,
        f"write(line(promptcache__prefix__name={evil!r}, promptcache__miss__reason='input_changed', promptcache__divergence__path={evil!r}))\n"
        f"write('note ' + {evil!r}.replace(chr(10), ' '), name='1.notes')",
    )  # fmt: skip
    assert all(each.isprintable() or each == "\n" for each in shown)
    assert r"a\x1b[2Jb\x9bc\rd\x08e\u202ef\ng" in " ".join(shown.split())


def test_backticks_in_a_path_neither_begin_code_nor_get_lost(tmp_path: Path) -> None:
    path = "messages[0].`x"
    done = run(
        tmp_path,
        f"write(line(promptcache__miss__reason='input_changed', promptcache__divergence__path={path!r}))",
    )
    assert path in done.stderr
    assert f"<code>{path}</code>" in page(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        '{"start": %s, "end": 2, "attributes": {}}' % ("9" * 400),
        '{"start": %s, "end": 2, "attributes": {}}' % ("9" * 5000),
        '{"start": NaN, "end": Infinity, "attributes": {}}',
        '{"start": -5, "end": 2, "attributes": {}}',
        '{"start": true, "end": 2, "attributes": {}}',
        '{"start": 1.5, "end": 2, "attributes": {}}',
        '{"start": 1, "end": 2, "attributes": []}',
        '{"start": 1, "end": 2, "attributes": "x"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "x" * (3 << 20),
        '"' + "\\ud800" * 1000,
    ],
    ids=lambda line: line[:30],
)  # fmt: skip
def test_a_line_that_is_no_call_is_left_out(line: str, tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text(line, encoding="utf-8")
    done = run(tmp_path, f"write(line(), open({str(tmp_path / 'line.txt')!r}).read(), line())")
    assert "no report" not in done.stderr
    assert report(tmp_path)["total"]["requests"] == 2


@pytest.mark.parametrize(
    "number",
    [
        "1" + "0" * 400,
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e300",
        "true",
        '"7"',
        "[7]",
        "{}",
        "null",
        "1e15",
        "10000000000",
        "-7",
    ],
)
def test_a_number_of_an_impossible_size_is_not_known(number: str, tmp_path: Path) -> None:
    names = (
        "gen_ai.usage.input_tokens", "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens",
        "promptcache.expected_tokens", "promptcache.miss.tokens", "promptcache.divergence.token", "promptcache.time_to_first_token",
    )  # fmt: skip
    attributes = "{" + ", ".join(f'"{name}": {number}' for name in names) + "}"
    source = f'write(\'{{"start": 1, "end": 2, "attributes": {attributes}}}\')'
    done = run(tmp_path, source)
    assert "no report" not in done.stderr
    total = report(tmp_path)["total"]
    assert total["requests"] == 1
    assert total["tokens"] == {"read": None, "write": None, "uncached": None}
    assert page(tmp_path)


def test_dollars_of_an_impossible_size_are_not_known(tmp_path: Path) -> None:
    run(
        tmp_path,
        "write(line(promptcache__savings__amount=10**400, promptcache__missed_savings__amount=1e200))",
    )
    assert report(tmp_path)["total"]["net_savings_usd"] is None
    assert report(tmp_path)["total"]["lost_usd"] is None


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
@pytest.mark.parametrize(
    "place",
    [
        "os.mkfifo(path('2.calls')); os.mkfifo(path('2.notes')); os.mkfifo(path('2.dropped'))",
        "os.symlink(sys.argv[0], path('2.calls')); os.symlink('/dev/zero', path('2.notes'))",
        "os.mkdir(path('2.calls')); os.mkdir(path('2.notes'))",
        "os.link(path('1.calls'), os.path.join(os.path.dirname(sys.argv[0]), 'second name'))",
    ],
    ids=["pipes", "links", "folders", "a second name"],
)
def test_what_could_be_somebody_elses_is_not_read(place: str, tmp_path: Path) -> None:
    done = run(tmp_path, f"write(line())\n{place}")
    assert done.returncode == 0
    is_linked = "second name" in place
    assert report(tmp_path)["total"]["requests"] == (0 if is_linked else 1)
    assert report(tmp_path)["run"]["processes"] == (0 if is_linked else 1)


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize(
    "replace",
    [
        "os.symlink('/etc', directory)",
        "os.mkdir(directory); os.chmod(directory, 0o777)",
        "open(directory, 'w').close()",
        "os.mkfifo(directory)",
        "pass",
    ],
)
def test_a_folder_that_was_replaced_is_not_read_and_the_files_are_written(
    replace: str, tmp_path: Path
) -> None:
    done = run(tmp_path, f"import shutil; shutil.rmtree(directory)\n{replace}\nsys.exit(3)")
    assert done.returncode == 3
    assert done.stderr.startswith("otel-promptcache: nothing could be read: ")
    assert report(tmp_path)["total"]["requests"] == 0
    assert "Nothing to show" in page(tmp_path)
