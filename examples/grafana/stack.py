"""A real Prometheus and Alertmanager without containers, receiving the demo's traffic.

    python -m examples.grafana.stack

What it needs is unpacked without being installed; see `tests/stack/parts.py`. An hour in the rules takes a few
minutes here, so that there is something to see soon. Interrupt it to stop everything.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from examples.grafana.traffic import exporting, send
from tests.stack.parts import PartMissingError
from tests.stack.services import alertmanager, prometheus, receiver

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.render import render_rules

COMPRESSED = MixinConfig(
    earlier_seconds=(60, 120),
    evaluation_seconds=5,
    fast_window_seconds=30,
    slow_window_seconds=120,
    warm_up_seconds=60,
    recent_seconds=600,
    min_recent_seconds=60,
    min_requests_slow=5,
    variants_per_hour=100,
)
_HERE = Path(__file__).parent


@contextmanager
def stack(folder: Path, config: MixinConfig, ports: tuple[int, int]) -> Iterator[tuple[str, str, str]]:
    """Run everything inside the block; yields the addresses of Prometheus, Alertmanager and the receiver."""
    rules: list[Path] = []
    for name, text in render_rules(config).items():
        if name.startswith("prometheus/"):
            rules.append(folder / Path(name).name)
            rules[-1].write_text(text, encoding="utf-8")
    prometheus_port, alertmanager_port = ports
    interval = f"{config.evaluation_seconds}s"
    with (
        alertmanager(folder, _HERE / "alertmanager.yaml", alertmanager_port) as alerts,
        prometheus(
            folder,
            interval=interval,
            rule_files=rules,
            alertmanager=f"127.0.0.1:{alertmanager_port}",
            port=prometheus_port,
        ) as server,
        receiver(folder, server.url, promoted=["service.version", "deployment.environment.name"]) as agent,
    ):
        yield server.url, alerts.url, f"{agent.url}/opentelemetry/v1/metrics"


def main() -> None:
    """Run until interrupted, or for the given number of rounds of traffic."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120, help="seconds that a round of traffic takes")
    parser.add_argument("--rounds", type=int, help="number of rounds; unlimited if not given")
    parser.add_argument("--prometheus-port", type=int, default=9090)
    parser.add_argument("--alertmanager-port", type=int, default=9093)
    arguments = parser.parse_args()
    # Servers stop when the `with` blocks exit, so the signal must raise an exception.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ports = (arguments.prometheus_port, arguments.alertmanager_port)
    try:
        with tempfile.TemporaryDirectory() as folder, stack(Path(folder), COMPRESSED, ports) as addresses:
            prometheus_url, alertmanager_url, endpoint = addresses
            print(
                f"Prometheus    {prometheus_url}/api/v1/query?query=job_template:promptcache_hit_ratio:ratio2m"
            )
            print(f"Alertmanager  {alertmanager_url}/api/v2/alerts")
            print(f"OTLP          {endpoint}", flush=True)
            with suppress(KeyboardInterrupt), exporting(endpoint):
                send(arguments.seconds, arguments.rounds)
    except PartMissingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
