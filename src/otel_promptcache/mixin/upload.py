"""Puts the dashboards into a folder of a running Grafana; what is already up to date is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from otel_promptcache.mixin.config import FOLDER_UID, MixinConfig
from otel_promptcache.mixin.grafana_api import Grafana, GrafanaError, Json

_OF_THE_DATABASE = ("id", "version")
"""What Grafana adds to a dashboard."""


def upload(
    grafana: Grafana, config: MixinConfig, boards: Sequence[Json], *, is_dry_run: bool = False
) -> Iterator[str]:
    """Create or update the folder and the dashboards, and say what was done to each.

    Raises:
        GrafanaError: Grafana did not do it; everything reported before that is done.
    """
    yield f"{_folder(grafana, config.folder, is_dry_run=is_dry_run)} folder {config.folder!r}"
    for board in boards:
        yield f"{_dashboard(grafana, board, is_dry_run=is_dry_run)} dashboard {board['title']!r}"


def _folder(grafana: Grafana, title: str, *, is_dry_run: bool) -> str:
    path = f"/api/folders/{FOLDER_UID}"
    there = grafana.get(path)
    if there is None:
        if not is_dry_run:
            grafana.send("POST", "/api/folders", {"uid": FOLDER_UID, "title": title})
        return _done("created", is_dry_run=is_dry_run)
    if there.get("title") == title:
        return "unchanged:"
    if not is_dry_run:
        grafana.send("PUT", path, {"title": title, "overwrite": True})
    return _done("updated", is_dry_run=is_dry_run)


def _dashboard(grafana: Grafana, board: Json, *, is_dry_run: bool) -> str:
    there = grafana.get(f"/api/dashboards/uid/{board['uid']}")
    if there is not None:
        meta = _object(there.get("meta"))
        if meta.get("provisioned"):
            raise GrafanaError(
                f"the dashboard {board['title']!r} is provisioned from a file; it can only be changed there"
            )
        if meta.get("folderUid") == FOLDER_UID and _without_ids(there.get("dashboard")) == _without_ids(
            board
        ):
            return "unchanged:"
    if not is_dry_run:
        wanted = {"dashboard": {**board, "id": None}, "folderUid": FOLDER_UID, "overwrite": True}
        grafana.send("POST", "/api/dashboards/db", {**wanted, "message": "otel-promptcache mixin"})
    return _done("created" if there is None else "updated", is_dry_run=is_dry_run)


def _done(what: str, *, is_dry_run: bool) -> str:
    return f"would be {what}:" if is_dry_run else f"{what}:"


def _without_ids(board: object) -> Json:
    return {key: value for key, value in _object(board).items() if key not in _OF_THE_DATABASE}


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}
