"""`python -m otel_promptcache.report` is `otel-promptcache run`."""

from otel_promptcache.report.command import run_command

run_command(prog_name="python -m otel_promptcache.report")
