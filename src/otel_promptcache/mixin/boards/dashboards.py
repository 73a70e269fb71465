"""The three dashboards, and what they have in common: variables, links, deploys."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from otel_promptcache.mixin.boards import events, links, overview, template, variables, why
from otel_promptcache.mixin.boards.grafana import DATASOURCE, dashboard, model, prometheus
from otel_promptcache.mixin.boards.selection import Query
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration

_TAG = "prompt-caching"


def dashboards(config: MixinConfig) -> list[dict[str, Any]]:
    """Return all dashboards as Grafana's classic JSON."""
    return [_dashboard(config, page) for page in (overview, template, why)]


def _dashboard(config: MixinConfig, page: ModuleType) -> dict[str, Any]:
    board = (
        dashboard.Dashboard(page.TITLE)
        .uid(page.UID)
        .description(page.DESCRIPTION)
        .tags([_TAG])
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .editable()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(_datasource(config))
        .annotation(_deploys())
        .annotation(_rollouts(config))
        .annotation(_prompt_changes(config))
        .link(_other_dashboards())
    )
    for name, title, query in variables.variables():
        board = board.with_variable(_variable(name, title, query, is_single=_is_subject(page, name)))
    if page is template:
        board = board.link(links.traces(config))
    for title, panels in page.rows(config):
        board = board.with_row(dashboard.Row(title))
        for panel in panels:
            board = board.with_panel(panel)
    built: dict[str, Any] = json.loads(json.dumps(board.build(), cls=JSONEncoder))
    for number, panel in enumerate(built["panels"], start=1):
        panel["id"] = number
    # The SDK places links and annotations in a menu that Grafana 11 lacks; unplaced, they are visible.
    for placed in (*built["links"], *built["annotations"]["list"]):
        placed.pop("placement", None)
    # These are settings of a different kind of variable.
    for variable in built["templating"]["list"]:
        for setting in ("auto", "auto_min", "auto_count"):
            variable.pop(setting, None)
    return built


def _is_subject(page: ModuleType, variable: str) -> bool:
    return page is template and variable == "template"


def _datasource(config: MixinConfig) -> dashboard.DatasourceVariable:
    return (
        dashboard.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(model.VariableOption(selected=True, text=config.datasource, value=config.datasource))
    )


def _variable(name: str, title: str, query: str, *, is_single: bool) -> dashboard.QueryVariable:
    variable = (
        dashboard.QueryVariable(name)
        .label(title)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
    if is_single:
        return variable
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    # Not a list of all values: requests without a model or a template have no value, but `All` includes them.
    return variable.multi(multi=True).include_all(include_all=True).all_value(".*").current(everything)


def _deploys() -> dashboard.AnnotationQuery:
    return _annotation(
        "Deploys",
        "blue",
        events.deploys(),
        "{{job}} {{service_version}}",
        "A version that was not running ten minutes earlier",
    ).tag_keys("job,service_version")


def _rollouts(config: MixinConfig) -> dashboard.AnnotationQuery:
    before = duration(config.warm_up_seconds)
    text = f"Most processes were not running {before} earlier; misses now may be caused by that"
    return _annotation("Rollouts", "purple", events.rollouts(config), "{{job}}", text).tag_keys("job")


def _prompt_changes(config: MixinConfig) -> dashboard.AnnotationQuery:
    text = "The variants of the template's leading part changed; misses now may be caused by that"
    query = events.prompt_changes(config)
    return _annotation("Prompt changes", "orange", query, "{{job}} {{template}}", text).tag_keys(
        "job,template"
    )


def _annotation(name: str, color: str, query: Query, title: str, text: str) -> dashboard.AnnotationQuery:
    target = (
        prometheus.Dataquery().ref_id(name).datasource(DATASOURCE).expr(query.expr).interval("1m").range()
    )
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(enable=True)
        .hide(hide=False)
        .icon_color(color)
        .target(target)
        .title_format(title)
        .text_format(text)
    )


def _other_dashboards() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Prompt caching")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .as_dropdown(as_dropdown=False)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
        .target_blank(target_blank=False)
    )
