PYTHON ?= python3
BIN := .venv/bin
# Only pip, because it uses the certificates, mirrors and proxies that are configured for it.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements-dev.txt
DEMO := .venv/.demo
TESTS := .venv/.tests
ALL := .venv/.all
# Separate from everything else: it pins versions that the others leave open.
LITELLM := .venv/litellm
RECIPES := .venv/recipes
# Two processes, each with one file at a time.
PARALLEL := --numprocesses 2 --dist loadfile

# Line tracing would distort what these measure, or take most of the time of thousands of calls.
UNTRACED := benchmarks tests/unit/test_growth.py tests/findings tests/reliability/test_stream_fuzz.py \
	tests/claude/test_against_the_model.py tests/e2e/test_diagnosis_corpus.py tests/e2e/test_others.py
TRACED := tests README.md docs $(UNTRACED:%=--ignore=%)

# The tests start thousands of processes; without bytecode, each would compile everything it imports.
export PYTHONDONTWRITEBYTECODE :=

# uv, which `matrix` and `bench` need, trusts what the system trusts.
export UV_SYSTEM_CERTS := true

.PHONY: help demo test browser recipes test-stack stack package check docs-site matrix bench docs clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1	/'

$(DEMO): pyproject.toml requirements-dev.txt
	@echo "Installing what the demo needs into .venv, once: 134 MB, some ten seconds with a fast network"
	@$(PYTHON) -m venv .venv
	@$(PIP) --editable '.[demo]'
	@touch $@

$(TESTS): pyproject.toml requirements-dev.txt
	@echo "Installing what the tests need into .venv, once: 450 MB, some twenty seconds with a fast network"
	@$(PYTHON) -m venv .venv
	@$(PIP) 'pip>=25.1'
	@$(PIP) --editable '.[demo,mixin]' --group test --group litellm --group auto --group peers
	@touch $(DEMO) $@

$(ALL): pyproject.toml requirements-dev.txt
	@echo "Installing all tools of the development into .venv, once: 1 GB, a minute with a fast network"
	@$(PYTHON) -m venv .venv
	@$(PIP) --requirement requirements-dev.txt --editable .
	@touch $(DEMO) $(TESTS) $@

$(LITELLM)/.installed: tests/stack/requirements-litellm.txt
	@echo "Installing a LiteLLM proxy into $(LITELLM), once: 400 MB, half a minute with a fast network"
	@$(PYTHON) -m venv --clear $(LITELLM)
	@$(LITELLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --requirement $<
	@touch $@

$(RECIPES)/.installed: pyproject.toml requirements-recipes.txt
	@echo "Installing the frameworks of the recipes into $(RECIPES), once: 390 MB, half a minute with a fast network"
	@$(PYTHON) -m venv --clear $(RECIPES)
	@$(RECIPES)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-recipes.txt --editable '.[demo,auto]'
	@touch $@

demo: $(DEMO) ## See it in a minute: a local provider, real clients, live table
	$(BIN)/otel-promptcache demo

test: $(TESTS) ## All tests on this Python, with coverage
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report= $(TRACED)
	$(BIN)/python -m pytest $(PARALLEL) $(UNTRACED)
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --include='src/otel_promptcache/core/*' --fail-under=100

browser: $(TESTS) ## Test the HTML report in Chromium
	$(BIN)/python -m pytest -m browser

recipes: $(TESTS) $(RECIPES)/.installed ## Run the recipes of examples/recipes against the local provider
	$(BIN)/python -m pytest $(PARALLEL) tests/recipes

test-stack: $(ALL) $(LITELLM)/.installed ## Real parts: Prometheus, Alertmanager, a LiteLLM proxy, and the built package in its own environments
	$(BIN)/python -m pytest $(PARALLEL) tests/stack

stack: $(ALL) ## Start real Prometheus and Alertmanager, send the demo's traffic, print the addresses
	$(BIN)/python -m examples.grafana.stack

package: $(ALL) ## Build what is published into build/dist, and check how it is described
	rm -rf build/dist
	$(BIN)/python -m build --no-isolation --outdir build/dist
	$(BIN)/twine check --strict build/dist/*

check: $(ALL) package ## Linters, types for every system, layer contracts, generated documentation, the package
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/pyright --pythonplatform Windows
	$(BIN)/pyright --pythonplatform Darwin
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/otel-promptcache mixin --check --out examples/grafana
	$(MAKE) docs-site

docs-site: $(ALL) ## The documentation as a site, in site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

matrix: $(ALL) ## The tests on every interpreter here, with the oldest and the newest dependencies
	$(BIN)/nox

bench: $(ALL) ## What it costs, compared with no instrumentation and with others; about 19 minutes
	$(BIN)/python -m benchmarks.report

docs: $(ALL) ## Regenerate the tables of the documentation
	$(BIN)/python docs/generate.py

clean: ## Remove everything the targets above created
	rm -rf .venv .nox .bench build site .pytest_cache .ruff_cache .hypothesis .coverage
