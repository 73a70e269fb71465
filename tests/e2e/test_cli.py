"""The command line: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import click
import pytest
from click.testing import CliRunner, Result
from openai import BadRequestError, OpenAI

from otel_promptcache import PromptCacheInstrumentor, __version__, cli
from otel_promptcache.demo import commands as commands_module
from otel_promptcache.demo.commands import commands
from otel_promptcache.demo.traffic import Traffic
from otel_promptcache.mixin.command import mixin_command
from otel_promptcache.sim import PROFILES, SERVERS, FaultRule, SimConfig
from otel_promptcache.sim.faults import FAULTS
from otel_promptcache.sim.workloads import SUPPORT_BOT, WORKLOADS, Workload

ESCAPE = "\x1b"

Served: TypeAlias = list[tuple[SimConfig, str, int]]


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(commands, list(arguments), env=environment)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


# The command `demo`.


def test_demo_as_a_process_of_its_own() -> None:
    done = python("-m", "otel_promptcache.cli", "demo", "--seconds", "1", "--no-live", "--json", "-")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [one["name"] for one in document["templates"]] == sorted(one.name for one in WORKLOADS)
    assert document["total"]["requests"] == 270
    assert done.stderr.startswith("Half an hour of traffic, sent in about 1 s; the table follows.\n")
    assert "support-bot" in done.stderr
    assert "Findings about the same template (tenant-mail) can overlap" in done.stderr
    assert done.stderr.endswith("otel-promptcache run --html report.html -- python app.py\n")
    assert "Traceback" not in done.stderr
    assert ESCAPE not in done.stderr


def test_an_interrupt_ends_a_live_demo_with_the_table_so_far(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waits = iter([False, False])

    def interrupted(self: Traffic, seconds: float | None = None) -> bool:
        self._stop.wait(seconds)
        try:
            return next(waits)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(Traffic, "wait", interrupted)
    file = tmp_path / "numbers.json"
    result = run("demo", "--live", "--seconds", "5", "--json", str(file), FORCE_COLOR="1", COLUMNS="80")
    assert result.exit_code == 130
    assert "of 270 requests" in result.output
    assert "the findings from emitted spans" in result.output
    assert json.loads(file.read_text(encoding="utf-8"))["total"]["requests"] < 270
    assert not PromptCacheInstrumentor().is_instrumented_by_opentelemetry


def test_an_application_that_fails_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Workload(
        name="broken",
        does="asks for no answers",
        api="chat",
        client="async",
        send=lambda chance: iter([{"model": "gpt-4.1", "messages": [], "n": 0}]),
    )
    monkeypatch.setattr("otel_promptcache.demo.run.WORKLOADS", (SUPPORT_BOT, broken))
    result = run("demo", "--seconds", "1")
    assert result.exit_code == 1
    assert isinstance(result.exception, BadRequestError)
    assert not PromptCacheInstrumentor().is_instrumented_by_opentelemetry


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--seconds", "0"], "--seconds"),
        (["demo", "--json", "/no/such/directory/file"], "--json"),
        (["demo", "--nonsense"], "No such option"),
        (["sim", "--profile", "nonsense"], "--profile"),
        (["sim", "--speed", "0"], "--speed"),
        (["sim", "--fault", "nonsense"], "unknown fault 'nonsense': must be one of miss, "),
        (["sim", "--fault", "miss=2"], "must be from 0 to 1"),
        (["sim", "--fault", "miss=often"], "--fault"),
        (["nonsense"], "No such command"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_exits_with_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_demo_does_not_pretend_without_the_sdk() -> None:
    result = run("demo", OTEL_SDK_DISABLED="true")
    assert result.exit_code == 2
    assert "OTEL_SDK_DISABLED" in result.output


def test_version_and_help() -> None:
    assert run("--version").stdout.strip().endswith(__version__)
    for arguments in (["--help"], ["demo", "-h"], ["sim", "-h"]):
        result = run(*arguments)
        assert result.exit_code == 0
        assert result.output.startswith("Usage: ")


def test_commands_are_listed_in_the_order_in_which_they_are_needed() -> None:
    listed = run("--help").output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == ["run", "demo", "sim", "mixin"]
    assert not any(line.endswith("...") for line in listed)


def test_every_option_of_mixin_is_listed_once_below_a_heading() -> None:
    output = run("mixin", "--help").output
    assert re.findall(r"^(\w[^:\n]*)(?::[^\n]*)?:$", output, re.MULTILINE) == [
        "Output", "Selection", "Grafana", "Windows and baselines", "Thresholds of the alerts", "Help",
    ]  # fmt: skip
    listed = re.findall(r"^  (?:-h, )?(--[\w-]+)", output, re.MULTILINE)
    assert sorted(listed) == sorted(
        option.opts[-1] for option in mixin_command.get_params(click.Context(mixin_command))
    )


# The command `sim`.


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    calls: Served = []
    monkeypatch.setattr("otel_promptcache.sim.serve", lambda *arguments: calls.append(arguments))
    return calls


def test_sim_passes_its_options_on(served: Served) -> None:
    options = "--profile deepseek --seed 7 --speed 0.5 --fault miss=0.25 --fault gzip"
    result = run("sim", "--port", "0", *options.split())
    assert result.exit_code == 0, result.output
    ((config, host, port),) = served
    default = SimConfig()
    assert config == SimConfig(
        profile="deepseek",
        seed=7,
        prefill_seconds_per_1k_tokens=2 * default.prefill_seconds_per_1k_tokens,
        decode_seconds_per_token=2 * default.decode_seconds_per_token,
        faults=(FaultRule("miss", 0.25), FaultRule("gzip")),
    )
    assert host == "127.0.0.1"
    assert port > 0
    assert result.output.splitlines()[0] == f"http://127.0.0.1:{port}/v1"


def test_sim_without_options_is_the_default_provider(served: Served) -> None:
    assert run("sim", "--port", "0").exit_code == 0
    assert served[0][0] == SimConfig()


def test_sim_says_that_its_port_is_taken(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("sim", "--port", str(port))
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: cannot listen on 127.0.0.1:{port}: ")
    assert result.output.endswith("; --port 0 picks a free one\n")
    assert result.output.count(str(port)) == 1
    assert "http://" not in result.output
    assert not served


def test_the_choices_are_those_of_the_provider() -> None:
    assert set(commands_module._PROFILES) == set(PROFILES)
    assert tuple(SERVERS) == commands_module._SERVERS
    assert tuple(FAULTS) == commands_module._FAULTS


def test_sim_is_the_server_that_it_is_told_to_be(served: Served) -> None:
    assert run("sim", "--port", "0", "--server", "sglang", "--cache-report").exit_code == 0
    assert served[0][0] == SimConfig(server="sglang", cache_report=True)


def test_sim_says_which_server_has_no_flag(served: Served) -> None:
    result = run("sim", "--port", "0", "--server", "groq", "--cache-report")
    assert result.exit_code == 2
    assert "cache_report=True: must be False for groq" in result.output
    assert not served


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_sim_serves_until_it_is_interrupted() -> None:
    arguments = [sys.executable, "-u", "-m", "otel_promptcache.cli", "sim", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        base_url = process.stdout.readline().strip()
        for line in process.stderr:
            if "running on" in line:
                break
        with OpenAI(base_url=base_url, api_key="any") as client:
            assert "gpt-5.6-sol" in {model.id for model in client.models.list()}
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


# Without the `demo` extra.


@pytest.mark.parametrize(
    ("package", "command"),
    [("rich", "demo"), ("uvicorn", "sim"), ("opentelemetry.sdk", "demo")],
)
def test_a_missing_package_names_the_extra_and_exits_with_2(package: str, command: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from otel_promptcache import cli; cli.main([{command!r}])"
    done = python("-c", code)
    assert done.returncode == 2
    assert f"the package {package}" in done.stderr
    assert "pip install 'otel-promptcache[demo]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_click_there_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "otel_promptcache.demo.commands")
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(SystemExit) as exited:
        cli.main(["--version"])
    assert exited.value.code == 2
    assert capsys.readouterr().err.startswith("otel-promptcache: the package click is missing")


def test_a_module_that_no_extra_brings_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "otel_promptcache.demo.commands", None)
    with pytest.raises(ModuleNotFoundError, match="otel_promptcache"):
        cli.main(["--version"])


def test_main_leaves_with_the_exit_code_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        cli.main(["--version"])
    assert exited.value.code == 0
    assert __version__ in capsys.readouterr().out
