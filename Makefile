# Everything runs in .venv, which the first target that needs it makes. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help demo demo-plan test faults figures check format lint types contract agree bench bench-peers lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(INSTALLED): pyproject.toml constraints.txt scripts/install.sh
	@scripts/install.sh

demo: $(INSTALLED) ## a dozen cities on real routers: a server dies, a site is drained, who loses what
	@scripts/demo.sh

demo-plan: $(INSTALLED) ## plan the example on a synthetic Internet, in the terminal and as a page
	@scripts/demo-plan.sh

test: $(INSTALLED) ## all tests (also what CI runs); installs what they need
	@scripts/install-system.sh
	$(BIN)/pytest

faults: $(INSTALLED) ## break real sites in every way, ten times each, and print the table (root, over an hour)
	@scripts/install-system.sh
	$(BIN)/python tests/faults

figures: $(INSTALLED) ## the figures of docs/explanation/gameday-figures.md, five times each (quarter of an hour)
	@scripts/install-system.sh
	$(BIN)/python -m bench.gamedays

check: $(INSTALLED) format lint types contract test ## format, lint, types, import contract, tests

format: $(INSTALLED) ## rewrite the sources in the one format
	$(BIN)/ruff format src tests bench tools

lint: $(INSTALLED) ## ruff
	$(BIN)/ruff check src tests bench tools

types: $(INSTALLED) ## mypy, strict
	$(BIN)/mypy

contract: $(INSTALLED) ## who may import whom
	$(BIN)/lint-imports

agree: $(INSTALLED) ## kernels against the definition on 20,000 random graphs for each property
	ANYPLANE_EXAMPLES=20000 $(BIN)/pytest tests/routing/test_frontier.py

bench: $(INSTALLED) ## the figures of docs/reference/benchmarks.md, measured here
	$(BIN)/python -m bench

bench-peers: $(INSTALLED) ## the same announcements through BGPy, in an environment of its own
	@scripts/peers.sh

lock: $(INSTALLED) ## pin the dependencies anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --all-extras --group dev pyproject.toml --upgrade --quiet -o constraints.txt

clean: ## remove what the targets made
	rm -rf .venv .venv-peers .cache out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
