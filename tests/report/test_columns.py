"""A table fits its terminal whatever its content, and columns that do not fit are named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from otel_promptcache.report.rendering.columns import Column, fit, folded, lines

NAMES = st.text(st.sampled_from("abcdef-_./: 日本"), min_size=1, max_size=60).map(str.strip).filter(bool)
COLUMNS = st.lists(
    st.builds(
        Column,
        header=st.sampled_from(["requests", "hit\nratio", "net $", ""]),
        cells=st.lists(st.sampled_from(["0", "1,234", "99.9%"]).map(Text), min_size=2, max_size=2),
        rank=st.integers(1, 9),
        is_extra=st.booleans(),
        reserved_width=st.integers(0, 9),
    ),
    max_size=9,
)


@given(st.tuples(NAMES, NAMES), COLUMNS, st.integers(16, 200))
def test_it_is_never_wider_than_the_terminal(names: tuple[str, str], more: list[Column], width: int) -> None:
    cells = [Text(name) for name in names]
    columns = [Column(header="template", cells=cells, is_text=True, least_width=16), *more]
    layout = fit(columns, width)
    shown = list(lines(layout, [None, None], has_total=False))
    assert max(line.cell_len for line in shown) <= layout.width <= width
    assert [column for column in columns if column in layout.columns] == list(layout.columns)
    assert layout.columns[0] is columns[0]
    kept = {id(column) for column in (*layout.columns, *layout.left_out)}
    assert all(id(column) in kept for column in columns if not column.is_extra)
    if any(column.is_extra for column in layout.columns):
        assert not layout.left_out


def test_what_says_least_is_left_out_first() -> None:
    columns = [
        Column(header="template", cells=[Text("a" * 30)], is_text=True, least_width=16),
        *(Column(header=f"column {rank}", cells=[Text("1")], rank=rank) for rank in (3, 0, 2)),
        Column(header="extra", cells=[Text("1")], is_extra=True),
    ]
    shown = {width: [column.header for column in fit(columns, width).columns] for width in (16, 40, 80)}
    assert shown == {
        16: ["template", "column 0"],
        40: ["template", "column 0", "column 2"],
        80: ["template", "column 3", "column 0", "column 2", "extra"],
    }
    assert [column.header for column in fit(columns, 40).left_out] == ["column 3"]


@given(NAMES, st.integers(2, 40))
def test_a_name_is_folded_and_nothing_of_it_is_lost(name: str, width: int) -> None:
    parts = [line.plain for line in folded(Text(name), width)]
    assert max(map(cell_len, parts)) <= width
    assert "".join(parts).replace(" ", "") == name.replace(" ", "")


def test_a_name_is_broken_behind_its_separators() -> None:
    lines_ = folded(Text("customer_success.renewal_risk.v12"), 20)
    assert [line.plain for line in lines_] == ["customer_success.", "renewal_risk.v12"]
