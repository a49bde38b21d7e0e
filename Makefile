# Each target sets up what it needs: an active virtual environment is used, else .venv is made.
PYTHON ?= python3
ifdef VIRTUAL_ENV
  BIN := $(VIRTUAL_ENV)/bin
else
  BIN := .venv/bin
endif
STAMP := $(BIN)/.mubench-installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: quickstart test fuzz check format docs benchmarks clean

quickstart: $(STAMP)
	$(BIN)/mubench run quickstart

test: $(STAMP)
	$(BIN)/python -m pytest -n auto

fuzz: $(STAMP)
	$(BIN)/python -m pytest tests/fuzz -n auto --dist=load --hypothesis-profile=fuzz

check: $(STAMP)
	$(BIN)/ruff format --check mubench tests benchmarks docs
	$(BIN)/ruff check mubench tests benchmarks docs
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format mubench tests benchmarks docs
	$(BIN)/ruff check --fix mubench tests benchmarks docs

docs: $(STAMP)
	$(BIN)/python docs/make_methods.py

benchmarks: $(STAMP)
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf .venv .mubench .mypy_cache .pytest_cache .ruff_cache build dist
