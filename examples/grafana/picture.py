"""Draws the overview's panels from what a running Prometheus answers to their queries.

    python -m examples.grafana.picture http://127.0.0.1:9090

It is meant for the stack of `stack.py`, whose hours are minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from examples.grafana.stack import COMPRESSED
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter
from tests.stack.services import get_json

from otel_promptcache.mixin.boards.dashboards import dashboards

_BACK, _PANEL, _INK, _FAINT = "#111217", "#181b1f", "#ccccdc", "#44474d"
_COLORS = {"green": "#73bf69", "red": "#f2495c", "yellow": "#fade2a", "orange": "#ff9830", "blue": "#5794f2",
           "light-blue": "#8ab8ff", "purple": "#b877d9", "gray": "#8e8e8e", "text": _INK}  # fmt: skip
_CYCLE = ["#73bf69", "#fade2a", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#37872d"]
_SECONDS = 240
_HALF = 12
_NOTE = (
    "No screenshot: drawn with matplotlib from what a real Prometheus answered to the panels' own queries, "
    "while the demo's nine applications\nsent their metrics to it over OTLP. "
    "An hour takes two minutes here, and a day one."
)

Series = list[tuple[dict[str, str], list[tuple[float, float]]]]


def ask(url: str, target: dict[str, Any], end: float) -> Series:
    """Ask as Grafana does, with all variables at All."""
    expr = target["expr"].replace("$__range", f"{_SECONDS}s")
    expr = expr.replace("$__rate_interval_ms", "30000").replace("$__rate_interval", "30s")
    for variable in ("$job", "$instance", "$model", "$template"):
        expr = expr.replace(variable, ".*")
    if target.get("instant"):
        found = get_json(f"{url}/api/v1/query", query=expr, time=str(end))["data"]["result"]
        return [(one["metric"], [(end, float(one["value"][1]))]) for one in found]
    span = {"start": str(end - _SECONDS), "end": str(end), "step": "5"}
    found = get_json(f"{url}/api/v1/query_range", query=expr, **span)["data"]["result"]
    return [(one["metric"], [(at, float(value)) for at, value in one["values"]]) for one in found]


def shown(value: float, unit: str) -> str:
    """Write a number in its unit."""
    if value != value:  # noqa: PLR0124  # it is not a number
        return "-"
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "currencyUSD":
        return f"{'-' if value < 0 else ''}${abs(value):,.2f}"
    if unit == "s":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    text = f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.2g}" if value < 10 else f"{value:.0f}"  # noqa: PLR2004
    return f"{text} {unit.removeprefix('suffix: ')}" if unit.startswith("suffix") else text


def legend(target: dict[str, Any], labels: Mapping[str, str]) -> str:
    """Name a series as the panel does."""
    text = target["legendFormat"]
    for label, value in labels.items():
        text = text.replace(f"{{{{{label}}}}}", value)
    return text


def draw_numbers(axes: Axes, panel: dict[str, Any], url: str, end: float) -> None:
    """Large numbers, side by side."""
    defaults, targets = panel["fieldConfig"]["defaults"], panel["targets"]
    for index, target in enumerate(targets):
        answer = ask(url, target, end)
        x = (index + 0.5) / len(targets)
        value = answer[0][1][0][1] if answer else float("nan")
        steps = defaults["thresholds"]["steps"]
        reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
        color = reached[-1] if answer else "text"
        size = 26 if len(targets) == 1 else 20
        axes.text(
            x, 0.5, shown(value, defaults["unit"]), color=_COLORS[color], size=size, ha="center", va="center"
        )
        if len(targets) > 1:
            axes.text(x, 0.12, target["legendFormat"], size=8, ha="center")
    axes.axis("off")


def draw_lines(axes: Axes, panel: dict[str, Any], url: str, end: float) -> None:
    """Lines, or areas that add up."""
    defaults = panel["fieldConfig"]["defaults"]
    fixed = {
        one["matcher"]["options"]: _COLORS[one["properties"][0]["value"]["fixedColor"]]
        for one in panel["fieldConfig"]["overrides"]
    }
    named = [
        (legend(target, labels), points)
        for target in panel["targets"]
        for labels, points in ask(url, target, end)
    ]
    colors = [fixed.get(name, _CYCLE[index % len(_CYCLE)]) for index, (name, _) in enumerate(named)]
    if "stacking" in defaults["custom"]:
        times = sorted({at for _, points in named for at, _ in points})
        values = [[dict(points).get(at, 0.0) for at in times] for _, points in named]
        axes.stackplot(
            [at - end for at in times], values, labels=[name for name, _ in named], colors=colors, alpha=0.6
        )
    else:
        for (name, points), color in zip(named, colors, strict=True):
            axes.plot([at - end for at, _ in points], [value for _, value in points], color=color, label=name)
    axes.set_xlim(-_SECONDS, 0)
    axes.set_ylim(bottom=defaults.get("min", 0), top=defaults.get("max"))
    axes.grid(color=_FAINT, linewidth=0.4)
    axes.set_xticks(range(-_SECONDS, 1, 60))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at / 60:.0f} min"))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: shown(value, defaults["unit"]).removesuffix(" tokens/s"))
    )
    columns = 2 if panel["gridPos"]["w"] < _HALF else 4
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12), "ncol": columns}
    axes.legend(fontsize=7, frameon=False, labelcolor=_INK, **below)


def draw_table(axes: Axes, panel: dict[str, Any], url: str, end: float) -> None:
    """Rows, the largest of the sorted column first."""
    headings = panel["transformations"][1]["options"]["renameByName"]
    units = {
        one["matcher"]["options"]: one["properties"][0]["value"] for one in panel["fieldConfig"]["overrides"]
    }
    columns = [headings[f"Value #{target['refId']}"] for target in panel["targets"]]
    rows: dict[str, dict[str, float]] = {}
    for target, column in zip(panel["targets"], columns, strict=True):
        for labels, points in ask(url, target, end):
            rows.setdefault(labels.get("template", ""), {})[column] = points[0][1]
    ordered = sorted(rows.items(), key=lambda row: -row[1].get(columns[0], -1))
    cells = [
        [name, *(shown(row.get(one, float("nan")), units[one]) for one in columns)] for name, row in ordered
    ]
    drawn = axes.table(
        [["Template", *columns], *cells], loc="upper center", cellLoc="left", edges="horizontal"
    )
    drawn.auto_set_font_size(False)  # noqa: FBT003
    drawn.set_fontsize(8)
    drawn.scale(1, 1.45)
    for cell in drawn.get_celld().values():
        cell.set_edgecolor(_FAINT)
        cell.get_text().set_color(_INK)
    axes.axis("off")


_DRAW = {"stat": draw_numbers, "timeseries": draw_lines, "table": draw_table}


def picture(url: str) -> Figure:
    """Draw all panels of the overview where they stand in it."""
    mpl.rcParams.update(
        {"figure.facecolor": _BACK, "axes.facecolor": _PANEL, "text.color": _INK, "xtick.color": _INK,
         "ytick.color": _INK, "axes.edgecolor": _FAINT, "font.size": 8}
    )  # fmt: skip
    board, end = dashboards(COMPRESSED)[0], time.time() - 5
    panels = [panel for panel in board["panels"] if panel["type"] in _DRAW]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = Figure(figsize=(16, height * 0.36), dpi=90)
    grid = GridSpec(
        height, 24, figure, left=0.04, right=0.985, top=0.93, bottom=0.075, wspace=3.2, hspace=2.2
    )
    for panel in panels:
        at = panel["gridPos"]
        bottom = at["y"] + at["h"] - (2 if panel["type"] == "timeseries" else 0)
        axes = figure.add_subplot(grid[at["y"] : bottom, at["x"] : at["x"] + at["w"]])
        axes.set_title(panel["title"], loc="left", size=10, color=_INK)
        _DRAW[panel["type"]](axes, panel, url, end)
    figure.text(0.02, 0.97, board["title"], size=15)
    figure.text(0.02, 0.012, _NOTE, size=8.5, color="#9a9aa8")
    return figure


def main() -> None:
    """Write the picture beside this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prometheus", help="its address")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("overview.png"))
    arguments = parser.parse_args()
    picture(arguments.prometheus).savefig(arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
