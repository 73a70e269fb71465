PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help demo test browser test-stack stack check matrix bench docs clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1	/'

$(STAMP): pyproject.toml requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(shell grep '^uv==' requirements-dev.txt)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt --editable .
	@touch $@

demo: $(STAMP) ## See it in a minute: a local provider, real clients, live table
	$(BIN)/otel-promptcache demo

test: $(STAMP) ## All tests on this Python, with coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --include='src/otel_promptcache/core/*' --fail-under=100

browser: $(STAMP) ## The tests that look at the HTML report in Chromium
	$(BIN)/python -m pytest -m browser

test-stack: $(STAMP) ## Dashboards and alerts on a real Prometheus and Alertmanager, unpacked beside a Debian system
	$(BIN)/python -m pytest tests/stack

stack: $(STAMP) ## Start real Prometheus and Alertmanager, send the demo's traffic, print the addresses
	$(BIN)/python -m examples.grafana.stack

check: $(STAMP) ## Linters, types, layer contracts, generated documentation
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/otel-promptcache mixin --check --out examples/grafana

matrix: $(STAMP) ## The tests on every interpreter here, with the oldest and the newest dependencies
	$(BIN)/nox

bench: $(STAMP) ## What it costs, beside no instrumentation and beside others; about 17 minutes
	$(BIN)/python -m benchmarks.report

docs: $(STAMP) ## Regenerate the tables of the README
	$(BIN)/python docs/generate.py

clean: ## Remove what the targets above made
	rm -rf .venv .nox .bench .pytest_cache .ruff_cache .hypothesis .coverage
