"""A thin layer over grafana-foundation-sdk: panels with the settings that they all share."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from otel_promptcache.mixin.boards.selection import Query
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration

with warnings.catch_warnings():
    # The SDK warns against classic dashboards, but they are the only ones that Grafana provisions from files.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_model

__all__ = ["common", "common_model", "dashboard", "model", "prometheus", "stat", "table", "timeseries"]

DATASOURCE = common_model.DataSourceRef(type_val="prometheus", uid="${datasource}")
PERCENT, USD, SECONDS, COUNT = "percentunit", "currencyUSD", "s", "short"
TOKENS_PER_SECOND, REQUESTS_PER_SECOND, OPERATIONS_PER_SECOND = "si:tok/s", "reqps", "ops"
GREEN, YELLOW, RED, NEUTRAL = "green", "yellow", "red", "text"
_NO_DATA, _UNKNOWN = "No traffic", "-"

GOOD_RATIO = ((None, RED), (0.3, YELLOW), (0.6, GREEN))
GOOD_DOLLARS = ((None, RED), (0.0, NEUTRAL), (0.01, GREEN))
BAD_DOLLARS = ((None, GREEN), (0.01, YELLOW), (5.0, RED))
BAD_SHARE = ((None, GREEN), (0.05, YELLOW), (0.2, RED))
PLAIN = ((None, NEUTRAL),)

Steps = Sequence[tuple[float | None, str]]


def targets(config: MixinConfig, queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    """Turn queries into a panel's targets, A, B, C and so on."""
    return [_target(config, chr(ord("A") + index), query) for index, query in enumerate(queries)]


def _target(config: MixinConfig, ref: str, query: Query) -> prometheus.Dataquery:
    target = (
        prometheus.Dataquery()
        .ref_id(ref)
        .datasource(DATASOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .editor_mode(prometheus_model.QueryEditorMode.CODE)
    )
    if query.is_instant:
        return target.instant()
    # Grafana takes this for the scrape interval, so that $__rate_interval spans several recorded samples.
    return target.range().exemplar(query.exemplars).interval(duration(config.evaluation_seconds))


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Colours by value; the first step has no value, as it starts at minus infinity."""
    return (
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value, color) for value, color in steps])
    )


def numbers(
    config: MixinConfig, title: str, description: str, unit: str, steps: Steps, *queries: Query
) -> stat.Panel:
    """A panel of large numbers, each about the whole selected range."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .targets([*targets(config, queries)])
        .unit(unit)
        .no_value(_NO_DATA)
        .thresholds(thresholds(steps))
        .color_mode(common_model.BigValueColorMode.VALUE)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(
            common_model.BigValueTextMode.VALUE_AND_NAME
            if len(queries) > 1
            else common_model.BigValueTextMode.VALUE
        )
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(5)
    )
    return panel.decimals(2) if unit == USD else panel


def lines(config: MixinConfig, title: str, description: str, unit: str, *queries: Query) -> timeseries.Panel:
    """A panel of lines over time."""
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .targets([*targets(config, queries)])
        .unit(unit)
        .no_value(_NO_DATA)
        # Dollars may be negative.
        .axis_soft_min(0)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common_model.VisibilityMode.AUTO)
        .legend(_legend(common_model.LegendDisplayMode.LIST, common_model.LegendPlacement.BOTTOM))
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_model.TooltipDisplayMode.MULTI)
            .sort(common_model.SortOrder.DESCENDING)
        )
        .height(9)
    )


def _legend(
    mode: common_model.LegendDisplayMode, placement: common_model.LegendPlacement, *calcs: str
) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(mode)
        .placement(placement)
        .show_legend(show_legend=True)
        .calcs([*calcs])
    )


def with_many(panel: timeseries.Panel) -> timeseries.Panel:
    """List series to the right of a panel that may have many, with their last values."""
    return panel.legend(
        _legend(common_model.LegendDisplayMode.TABLE, common_model.LegendPlacement.RIGHT, "lastNotNull")
    )


def stacked(
    config: MixinConfig, title: str, description: str, unit: str, *queries: Query
) -> timeseries.Panel:
    """A panel of areas that add up."""
    return (
        lines(config, title, description, unit, *queries)
        .fill_opacity(40)
        .line_width(1)
        .stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    )


def colored(panel: timeseries.Panel, colors: Mapping[str, str]) -> timeseries.Panel:
    """Give series of known meaning a fixed colour."""
    for name, color in colors.items():
        fixed = {"mode": "fixed", "fixedColor": color}
        panel = panel.override_by_name(name, [model.DynamicConfigValue("color", fixed)])
    return panel


def linked(panel: timeseries.Panel, link: Mapping[str, str]) -> timeseries.Panel:
    """Add a link to each series of the first query."""
    return panel.override_by_query("A", [model.DynamicConfigValue("links", [dict(link)])])


def rows_of(
    config: MixinConfig,
    title: str,
    description: str,
    columns: Sequence[tuple[Query, str, str]],
    sorted_by: str,
    names: Mapping[str, str],
    links: Mapping[str, Mapping[str, str]] | None = None,
) -> table.Panel:
    """A table with a row for each set of labels.

    Args:
        config: The settings.
        title: Of the panel.
        description: Of the panel.
        columns: A query, its heading and its unit, for each column of numbers.
        sorted_by: The heading that the rows are sorted by, largest first.
        names: Headings of the labels.
        links: The link of the values under each heading.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(COUNT)
        .no_value(_UNKNOWN)
        .sort_by([common.TableSortByFieldState().display_name(sorted_by).desc(desc=True)])
        .height(9)
    )
    queries = targets(config, [query for query, _, _ in columns])
    panel = panel.targets([query.format(prometheus_model.PromQueryFormat.TABLE) for query in queries])
    # The column of a single query is called Value, those of several Value #A, Value #B and so on.
    values = ["Value"] if len(columns) == 1 else [f"Value #{chr(ord('A') + n)}" for n in range(len(columns))]
    headings = {**names, **dict(zip(values, (heading for _, heading, _ in columns), strict=True))}
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: index for index, name in enumerate(headings)},
        "renameByName": headings,
    }
    panel = panel.transformations(
        [
            model.DataTransformerConfig(id_val="merge", options={}),
            model.DataTransformerConfig(id_val="organize", options=organize),
        ]
    )
    for heading, link in (links or {}).items():
        panel = panel.override_by_name(heading, [model.DynamicConfigValue("links", [dict(link)])])
    for _, heading, unit in columns:
        whole = [model.DynamicConfigValue("decimals", 0)] if unit == COUNT else []
        panel = panel.override_by_name(heading, [model.DynamicConfigValue("unit", unit), *whole])
    return panel
