"""The commands of `otel-promptcache`. Everything they need besides click is imported when they run."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Any, TextIO

import click

from otel_promptcache.mixin.command import mixin_command
from otel_promptcache.report.command import run_command
from otel_promptcache.version import __version__

if TYPE_CHECKING:
    from otel_promptcache.sim import FaultRule

_INTERRUPTED = 130

_SERVERS = ("openai", "vllm", "sglang", "deepseek", "groq")

_PROFILES = ("openai", "no_details", "null_details", "deepseek")

_FAULTS = (
    "miss", "evict", "rate_limit_once", "rate_limit", "server_error_once", "server_error", "slow", "drop_mid_stream",
    "truncated_stream", "garbage", "error_event", "incomplete", "failed", "gzip", "choices_null", "usage_text",
    "usage_negative", "usage_cached_exceeds_input", "usage_missing", "tier_downgrade",
)  # fmt: skip

_REMEDIED_BY_ANOTHER_PORT = (errno.EADDRINUSE, errno.EACCES)


class _InOrder(click.Group):
    """Commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click passes it
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="otel-promptcache")
def commands() -> None:
    """Make prompt caching visible. `demo` and `sim` need neither a key nor a network."""


commands.add_command(run_command)


@commands.command(short_help="Watch good and bad caching habits in a live table.")
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=15, show_default=True, help="Duration of the demo."
)
@click.option(
    "--seed", default=0, show_default=True, help="Random seed; the same seed gives the same requests."
)
@click.option(
    "--live/--no-live", default=None, help="Show a live table while it runs.  [default: only in a terminal]"
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Maximum number of findings to print.",
)
@click.option(
    "--json",
    "json_file",
    type=click.File("w", encoding="utf-8", lazy=False),
    help="Also write the numbers to this file as JSON; - is standard output.",
)
@click.pass_context
def demo(
    context: click.Context,
    /,
    *,
    seconds: float,
    seed: int,
    live: bool | None,
    top: int,
    json_file: TextIO | None,
) -> None:
    """Watch good and bad caching habits in a live table.

    Nine applications send half an hour of traffic to a local provider, in a few seconds, through real OpenAI and
    Anthropic clients. The table comes from the OpenTelemetry metrics that were emitted, the findings from the spans.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        raise click.UsageError("OTEL_SDK_DISABLED is set; without the SDK there would be nothing to see")
    from rich.console import Console  # noqa: PLC0415

    from otel_promptcache.demo.run import local_provider, run_demo  # noqa: PLC0415
    from otel_promptcache.demo.tables import closing_view, next_step  # noqa: PLC0415
    from otel_promptcache.report.rendering.saying import tolerate  # noqa: PLC0415
    from otel_promptcache.report.rendering.terminal import findings_view  # noqa: PLC0415

    console = Console(stderr=json_file is not None and json_file.name == "<stdout>", highlight=False)
    tolerate(sys.stderr if console.stderr else sys.stdout)
    is_live = console.is_terminal if live is None else live
    if not is_live:
        click.echo(f"Half an hour of traffic, sent in about {seconds:g} s; the table follows.", err=True)
    with local_provider(seconds, seed) as provider:
        outcome = run_demo(provider, console, seconds=seconds, seed=seed, live=is_live)
    console.print(closing_view(outcome.summary, console.width))
    console.print(findings_view(outcome.findings, top))
    console.print(next_step())
    if json_file is not None:
        json_file.write(json.dumps({"seed": seed, **outcome.summary.as_json()}, indent=2) + "\n")
    if outcome.was_interrupted:
        context.exit(_INTERRUPTED)


@commands.command(short_help="Run a local provider with the APIs of OpenAI and Anthropic.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--server",
    type=click.Choice(_SERVERS),
    default=_SERVERS[0],
    show_default=True,
    help="Server to simulate: its cache, and the format in which it reports cached tokens.",
)
@click.option(
    "--cache-report",
    is_flag=True,
    help="Simulate vLLM or SGLang as if started with its flag for reporting cached tokens.",
)
@click.option(
    "--profile",
    type=click.Choice(_PROFILES),
    default=None,
    help="Report cached tokens in this format instead of the server's own; the cache stays that of --server.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of all random choices.")
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Speed of reading and writing tokens; 0.1 is ten times slower.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[=SHARE]",
    help="Fault to inject into all requests or a share of them, such as miss=0.1. May be repeated. "
    f"NAME is one of {', '.join(_FAULTS)}.",
)
def sim(
    *,
    host: str,
    port: int,
    server: Any,
    cache_report: bool,
    profile: Any,
    seed: int,
    speed: float,
    faults: tuple[str, ...],
) -> None:
    """Run a local provider with the APIs of OpenAI and Anthropic.

    It serves /v1/chat/completions and /v1/responses for OpenAI's SDK, and /v1/messages for Anthropic's. Its
    prompt cache behaves like that of the real one, or of another server (--server).
    """
    from otel_promptcache.sim import SimConfig, serve  # noqa: PLC0415

    default = SimConfig()
    rules = tuple(map(_fault_rule, faults))
    try:
        config = SimConfig(
            server=server,
            cache_report=cache_report,
            profile=profile,
            seed=seed,
            prefill_seconds_per_1k_tokens=default.prefill_seconds_per_1k_tokens / speed,
            decode_seconds_per_token=default.decode_seconds_per_token / speed,
            faults=rules,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    port = _free_port(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(f"{url}/v1\n")
    click.echo(f'  OpenAI     OpenAI(base_url="{url}/v1", api_key="any")')
    click.echo(f"  or set     OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=any")
    click.echo(f'  Anthropic  Anthropic(base_url="{url}", api_key="any")')
    click.echo(f"  or set     ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any")
    click.echo("  faults     send the header x-sim-fault: miss\n")
    serve(config, host, port)


def _fault_rule(text: str) -> FaultRule:
    """Parse a fault and its share; a click.BadParameter says what is wrong with it."""
    from otel_promptcache.sim import FaultRule  # noqa: PLC0415
    from otel_promptcache.sim.faults import check_fault  # noqa: PLC0415

    name, _, share = text.partition("=")
    try:
        return FaultRule(check_fault(name), float(share or 1))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from None


def _free_port(host: str, port: int) -> int:
    """Check that the port is free, or pick one; a click.ClickException says why that failed.

    Checked before anything is printed: the server itself would find out too late.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as probe:
            return probe.getsockname()[1]
    except OSError as error:
        # Python's text repeats the address.
        reason = (error.strerror or str(error)).partition(" (while")[0]
        hint = "; --port 0 picks a free one" if error.errno in _REMEDIED_BY_ANOTHER_PORT else ""
        raise click.ClickException(f"cannot listen on {host}:{port}: {reason}{hint}") from None


commands.add_command(mixin_command)
