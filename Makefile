# make demo    set everything up and run the main job on ordinary pictures
# make test    set everything up and run all tests
# make check   format, lint, types, contracts
# make bench   benchmarks, peers side by side (installs the peers; some need a compiler)
# make bench-service   the service under load alone, beside its peer
# make bench-console   the pages of the console, with 100,000 cases
# make bench-exchanges   the first fetch of a large list, and what a search feels of it
# make bench-lists   the import of a list of 2 GB, on both kinds of database
# make soak    all tests, the long soaks too, with many more examples
# make docs    write the generated reference pages anew

VENV ?= .venv
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := pyproject.toml constraints.txt

# Compiled once: our sources, which every process of the tests and of the demo would compile anew, and the tests.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-service bench-console bench-exchanges bench-lists bench-100m soak docs clean

help:
	@sed -n 's/^# make/make/p' Makefile

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Hedgerow needs Python 3.11 or later; none was found."; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing the system's venv module …"; \
			apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); \
		else \
			echo "This Python has no venv module. Install it (Debian: apt-get install python3-venv) and try again."; exit 1; \
		fi; }

$(VENV)/.demo: $(SOURCES) | $(BIN)/python
	@echo "Installing Hedgerow and two packages with ordinary pictures …"
	@$(PIP) --editable '.[demo,video]'
	@touch $@

$(VENV)/.dev: $(SOURCES) | $(BIN)/python
	@echo "Installing Hedgerow and its test tools …"
	@$(PIP) --editable '.[dev,parquet,postgres,s3,server,traces,video]'
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing the system's PostgreSQL for the tests …"; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql; } >/dev/null; \
		else \
			echo "PostgreSQL is not installed (Debian: apt-get install postgresql): the tests that need it are skipped."; \
		fi
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing the system's Chromium for the tests …"; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null; \
		else \
			echo "Chromium is not installed (Debian: apt-get install chromium): the tests that need a browser are skipped."; \
		fi
	@$(PIP) pdqhash >/dev/null 2>&1 || echo "pdqhash could not be built (no C++ compiler): the tests that compare with it are skipped."
	@touch $@

$(VENV)/.bench: $(SOURCES) $(VENV)/.dev | $(BIN)/python
	@echo "Installing the peers …"
	@$(PIP) --editable '.[bench,server,video]'
	@touch $@

demo: $(VENV)/.demo
	@$(BIN)/hedgerow demo

# More processes than there are cores: many tests wait for a server, a clock or the disk.
test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -m "not slow" -n "$$(( $$(nproc) + 2 ))" --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.bench
	@$(BIN)/python benchmarks/run.py

bench-service: $(VENV)/.bench
	@$(BIN)/python benchmarks/service.py

bench-console: $(VENV)/.dev
	@$(BIN)/python benchmarks/console.py

bench-exchanges: $(VENV)/.dev
	@$(BIN)/python benchmarks/exchanges.py

bench-lists: $(VENV)/.dev
	@$(BIN)/python benchmarks/lists.py

bench-100m: $(VENV)/.bench
	@$(BIN)/python benchmarks/index.py --sizes 1e8 --sets uniform --without-faiss --output benchmarks/results/index-100m.json

soak: $(VENV)/.dev
	@$(BIN)/python -m pytest -q --hypothesis-profile=thorough

docs: $(VENV)/.dev
	@$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) hedgerow-demo hedgerow-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
