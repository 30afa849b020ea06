# Sets itself up: needs only python3 (3.11 or 3.12), Java 17+ and make. `make help` lists what it can do.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

NIGHT ?= 1
NIGHTFILL_HOME ?= $(CURDIR)/var
WORKERS ?= 3
WORLD ?= small
MODES ?= stochastic,sequential,base_stock,oracle,perfect
export NIGHTFILL_HOME
export PATH := $(CURDIR)/.venv/bin:$(PATH)

SYNCED := .venv/.synced
READY := .venv/.ready
PYTEST := PYTHONWARNINGS=ignore pytest -q

.PHONY: help setup nightly simulate airflow test torture check format lint types docs lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | awk -F'\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup: $(READY) ## everything that the other commands need: packages, Java, Delta's jars

nightly: $(READY) ## a night on the sample: load it, run the DAG, show the orders (NIGHT=2 ... 7: the nights after)
	@bin/nightly $(NIGHT)

simulate: $(READY) ## ways of deciding compared on a small made-up world whose law is known (WORLD=small: a preset or a TOML file; MODES=all: the night's modes and their brackets)
	@bin/simulate $(WORLD) $(MODES)

airflow: $(READY) ## Airflow with our DAGs on this machine, for the browser (AIRFLOW_PORT=8080)
	@bin/serve

test: $(READY) ## all tests but the long ones
	@$(PYTEST) --durations=12 -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not torture" tests

torture: $(READY) ## the long tests: every stage killed, a weekly night, real dirt, a cluster, the real Airflow
	@$(PYTEST) --timeout 1800 -m torture tests

check: $(READY) ## format, lint, types, tests
	@ruff format --check . && ruff check . && mypy
	@$(MAKE) test

lock: $(READY) ## solve requirements.lock again from pyproject.toml
	@echo "Solving requirements.lock"
	@uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' --group dev pyproject.toml -o requirements.lock

clean: ## remove the environment; var/ with the lake stays
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache

$(SYNCED): requirements.lock pyproject.toml bin/setup
	@bin/setup install_packages
	@touch $@

$(READY): $(SYNCED) bin/fetch_jars.py
	@bin/setup ensure_java
	@bin/setup fetch_jars
	@touch $@
