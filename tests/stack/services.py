"""Real servers on loopback, each in its own process, which is stopped by its id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, final
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import yaml

from tests.stack.parts import PartMissingError, cache_directory, program

_START_SECONDS, _STOP_SECONDS = 120.0, 60.0
_OPENER = build_opener(ProxyHandler({}))  # a proxy that the environment names is not for loopback


@final
class Service:
    """A server process for as long as the block runs.

    Args:
        name: The name of its log.
        command: The command that starts it.
        port: Where it listens on loopback.
        ready: The path that answers once it is ready.
        folder: Where it keeps its data and its log.
        environment: Its whole environment; None for that of the tests.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        ready: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command, self._ready, self._environment = list(command), ready, environment
        self._folder, self._log = folder, folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Service:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        give_up = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.__exit__(None, None, None)
                raise RuntimeError(f"{self._command[0]} did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        os.kill(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """Its exit code: negative if it had to be killed, None while it runs."""
        return self._process and self._process.poll()

    @property
    def log(self) -> str:
        """Its log so far."""
        return self._log.read_text(encoding="utf-8")

    def reload(self) -> None:
        """Have it read its configuration again."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGHUP)

    def _answers(self) -> bool:
        try:
            with _OPENER.open(self.url + self._ready, timeout=1) as response:
                return response.status == 200
        except (URLError, OSError):
            return False


def get_json(url: str, **parameters: str) -> Any:
    """Return the JSON that a server answers with."""
    with _OPENER.open(f"{url}?{urlencode(parameters)}" if parameters else url, timeout=30) as response:
        return json.load(response)


def free_port() -> int:
    """Find a free port on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def write_yaml(file: Path, value: Mapping[str, Any]) -> Path:
    """Write a configuration file and return its path."""
    file.write_text(yaml.safe_dump(dict(value), sort_keys=False), encoding="utf-8")
    return file


def prometheus(
    folder: Path,
    *,
    interval: str = "1s",
    rule_files: Sequence[Path] = (),
    alertmanager: str | None = None,
    scraped: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Service:
    """Return a Prometheus, not yet started, that accepts remote writes.

    Args:
        folder: Where it keeps its data.
        interval: How often it scrapes and evaluates rules.
        rule_files: Its rules.
        alertmanager: Host and port that alerts are sent to.
        scraped: Host and port of each scrape target, by job.
        port: Where it listens; None picks one.
    """
    alerting = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]} if alertmanager else {}
    jobs = [{"job_name": job, "static_configs": [{"targets": [at]}]} for job, at in (scraped or {}).items()]
    config = write_yaml(
        folder / "prometheus.yaml",
        {
            "global": {
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "evaluation_interval": interval,
            },
            "rule_files": [str(file.resolve()) for file in rule_files],
            "alerting": alerting,
            "scrape_configs": jobs,
        },
    )
    port = port or free_port()
    command = [
        str(program("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage",
    ]
    return Service("prometheus", command, port, "/-/ready", folder)


_IDENTITY = ("service.name", "service.namespace", "service.instance.id")
_JOIN_SERVICE_NAMES = [
    {"source_labels": ["service_namespace", "service_name"], "separator": "/", "target_label": "job"},
    {"source_labels": ["service_instance_id"], "target_label": "instance"},
    {"action": "labeldrop", "regex": "service_(namespace|name|instance_id)"},
]
_DOTS_TO_UNDERSCORES = [
    {
        "action": "replace_all",
        "source_labels": ["__name__"],
        "regex": r"\.",
        "replacement": "_",
        "target_label": "__name__",
    },
    {"action": "labelmap_all", "regex": r"\.", "replacement": "_"},
]


def receiver(
    folder: Path, prometheus_url: str, *, suffixes: bool = True, promoted: Sequence[str] = ()
) -> Service:
    """Return a receiver of OTLP over HTTP, not yet started, that writes to Prometheus.

    Its series are those of Prometheus' own receiver or, without `suffixes`, those of Mimir's default. The
    `promoted` resource attributes become labels of every series, as with otel-lgtm and Grafana Cloud.
    """
    rules = _JOIN_SERVICE_NAMES if suffixes else [*_DOTS_TO_UNDERSCORES, *_JOIN_SERVICE_NAMES]
    # Not by `write_yaml`, which takes a mapping: these rules are a list.
    relabel = folder / "relabel.yaml"
    relabel.write_text(yaml.safe_dump(rules, sort_keys=False), encoding="utf-8")
    port = free_port()
    command = [
        str(program("vmagent")),
        f"-httpListenAddr=127.0.0.1:{port}",
        f"-remoteWrite.url={prometheus_url}/api/v1/write",
        f"-remoteWrite.tmpDataPath={folder / 'vmagent-data'}",
        "-remoteWrite.forcePromProto",
        f"-opentelemetry.usePrometheusNaming={'true' if suffixes else 'false'}",
        "-opentelemetry.promoteAllResourceAttributes=false",
        f"-opentelemetry.promoteResourceAttributes={','.join((*_IDENTITY, *promoted))}",
        "-opentelemetry.promoteScopeMetadata=false",
        f"-remoteWrite.relabelConfig={relabel}",
    ]
    return Service("vmagent", command, port, "/health", folder)


def alertmanager(folder: Path, config: Path, port: int) -> Service:
    """Return an Alertmanager, not yet started.

    Debian's build reads its templates from `/usr/share`. As that is not installed, it gets its own view.
    """
    own_share = cache_directory() / "root" / "usr" / "share"
    if not (own_share / "prometheus" / "alertmanager" / "default.tmpl").exists():
        raise PartMissingError(f"the templates of prometheus-alertmanager are not in {own_share}")
    shell = 'mount --bind "$0" /usr/share && exec "$@"'
    options = [
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    command = [*unshare, "sh", "-c", shell, str(own_share), str(program("prometheus-alertmanager")), *options]
    return Service("alertmanager", command, port, "/-/ready", folder)
