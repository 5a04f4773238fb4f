# The menu. A newcomer needs two lines of it: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
LIBRARY ?= library
PORT   ?= 8321
SERVE  ?= 1
PIP    := $(BIN)/pip --disable-pip-version-check --quiet
SHOW   = @printf '\n\033[1m$$ %s\033[0m\n'
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-train test-paddle test-all lint fmt bench cov clean

help:            ## show this menu
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"tusou needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "setting up tusou in $(VENV) (once, a minute or two) ..."
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "setting up tusou and its development tools in $(VENV) (once, a minute or two) ..."
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.train: $(VENV)/.dev
	@echo "setting up PyTorch in $(VENV) (once; a large download) ..."
	$(PIP) install -c constraints.txt -e '.[dev,train]'
	@touch $@

setup: $(VENV)/.dev ## install tusou and the development tools into .venv

demo: $(VENV)/.runtime ## bring in the demo library, answer searches, serve the page (SERVE=0: do not serve)
	@for folder in demo/*/; do \
	  name=$$(basename $$folder); \
	  printf '\n\033[1m$$ tusou ingest demo/%s --supplier %s\033[0m\n' $$name $$name; \
	  $(BIN)/tusou ingest $$folder --supplier $$name --library $(LIBRARY) || exit 1; \
	done
	$(SHOW) 'tusou stats'
	@$(BIN)/tusou stats --library $(LIBRARY)
	$(SHOW) 'tusou search "a red car"'
	@$(BIN)/tusou search "a red car" --k 8 --library $(LIBRARY)
	$(SHOW) 'tusou search "雪山" --explain'
	@$(BIN)/tusou search "雪山" --k 5 --explain --library $(LIBRARY)
	$(SHOW) 'tusou search "猫"'
	@$(BIN)/tusou search "猫" --k 8 --library $(LIBRARY)
	$(SHOW) 'tusou search --image demo/query.jpg'
	@$(BIN)/tusou search --image demo/query.jpg --k 8 --library $(LIBRARY)
	$(SHOW) 'tusou search "bird license_type:commercial orientation:landscape -owl"'
	@$(BIN)/tusou search "bird license_type:commercial orientation:landscape -owl" --k 8 --library $(LIBRARY)
ifeq ($(SERVE),1)
	@printf '\nServing the page; stop with Ctrl-C.\n'
	@$(BIN)/tusou serve --library $(LIBRARY) --port $(PORT)
else
	@printf '\nThe library is in %s/; "make demo" serves it on a page.\n' $(LIBRARY)
endif

test: $(VENV)/.dev ## run the default test tier: offline, about 4 minutes on 2 cores
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered -q

test-slow: $(VENV)/.dev ## run the slower tiers: kill -9, hostile images, a real browser (needs Debian's chromium)
	$(BIN)/python -m pytest -q -m "slow or browser or hostile"

test-train: $(VENV)/.train ## run the tests of training (installs PyTorch)
	$(BIN)/python -m pytest -q -m train tests/training

test-paddle: ## compare with PaddlePaddle, in an environment of its own
	test -x .venv-paddle/bin/python || $(PYTHON) -m venv .venv-paddle
	.venv-paddle/bin/pip --disable-pip-version-check --quiet install -c constraints.txt -e . pytest onnx paddlepaddle==3.3.1
	.venv-paddle/bin/python -m pytest -q -m paddle tests/paddlepaddle

test-all: test test-slow test-train test-paddle ## run every tier

lint: $(VENV)/.train ## check style, types and layout
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	find tests -name conftest.py | MYPYPATH=tests xargs -n 1 $(BIN)/mypy --exclude ''

fmt: $(VENV)/.dev ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev ## measure speed: search at 100,000 rows and ingest; JSON into artifacts/bench
	@mkdir -p artifacts/bench
	$(BIN)/tusou bench ingest --output artifacts/bench/ingest.json
	$(BIN)/tusou bench search --rows 100000 --output artifacts/bench/search-100k.json

clean:           ## remove the environment and everything generated
	rm -rf $(VENV) $(LIBRARY) artifacts .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
