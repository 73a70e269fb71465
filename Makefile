PYTHON ?= python3
BIN := .venv/bin
# pip alone, as it knows the certificates, mirrors and proxies that are configured for it.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements-dev.txt
DEMO := .venv/.demo
TESTS := .venv/.tests
ALL := .venv/.all
# Apart from everything else: it pins what the others leave open.
LITELLM := .venv/litellm
# A file at a time to each of two processes.
PARALLEL := --numprocesses 2 --dist loadfile

# uv, which `matrix` and `bench` need, trusts what the system trusts.
export UV_SYSTEM_CERTS := true

.PHONY: help demo test browser test-stack stack check matrix bench docs clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1	/'

$(DEMO): pyproject.toml requirements-dev.txt
	@echo "Installing what the demo needs into .venv, once: 134 MB, some ten seconds with a fast network"
	@$(PYTHON) -m venv .venv
	@$(PIP) --editable '.[demo]'
	@touch $@

$(TESTS): pyproject.toml requirements-dev.txt
	@echo "Installing what the tests need into .venv, once: 160 MB, some ten seconds with a fast network"
	@$(PYTHON) -m venv .venv
	@$(PIP) 'pip>=25.1'
	@$(PIP) --editable '.[demo,mixin]' --group test --group auto --group peers
	@touch $(DEMO) $@

$(ALL): pyproject.toml requirements-dev.txt
	@echo "Installing all tools of the development into .venv, once: 660 MB, half a minute with a fast network"
	@$(PYTHON) -m venv .venv
	@$(PIP) --requirement requirements-dev.txt --editable .
	@touch $(DEMO) $(TESTS) $@

$(LITELLM)/.installed: tests/stack/requirements-litellm.txt
	@echo "Installing a LiteLLM proxy into $(LITELLM), once: 400 MB, half a minute with a fast network"
	@$(PYTHON) -m venv --clear $(LITELLM)
	@$(LITELLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --requirement $<
	@touch $@

demo: $(DEMO) ## See it in a minute: a local provider, real clients, live table
	$(BIN)/otel-promptcache demo

test: $(TESTS) ## All tests on this Python, with coverage
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report= --ignore=tests/unit/test_growth.py
	$(BIN)/python -m pytest tests/unit/test_growth.py  # apart: what traces lines would be what is measured
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --include='src/otel_promptcache/core/*' --fail-under=100

browser: $(TESTS) ## The tests that look at the HTML report in Chromium
	$(BIN)/python -m pytest -m browser

test-stack: $(ALL) $(LITELLM)/.installed ## Real parts: Prometheus and Alertmanager, unpacked beside a Debian system, and a LiteLLM proxy
	$(BIN)/python -m pytest tests/stack

stack: $(ALL) ## Start real Prometheus and Alertmanager, send the demo's traffic, print the addresses
	$(BIN)/python -m examples.grafana.stack

check: $(ALL) ## Linters, types, layer contracts, generated documentation
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/otel-promptcache mixin --check --out examples/grafana

matrix: $(ALL) ## The tests on every interpreter here, with the oldest and the newest dependencies
	$(BIN)/nox

bench: $(ALL) ## What it costs, beside no instrumentation and beside others; about 17 minutes
	$(BIN)/python -m benchmarks.report

docs: $(ALL) ## Regenerate the tables of the README
	$(BIN)/python docs/generate.py

clean: ## Remove what the targets above made
	rm -rf .venv .nox .bench .pytest_cache .ruff_cache .hypothesis .coverage
