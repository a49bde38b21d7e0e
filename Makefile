# Each target sets up what it needs: an active virtual environment is used and keeps the versions that it
# has, else .venv is made with those of the lock files, where they apply.
PYTHON ?= python3
LOCKS := requirements/lock.txt requirements/lock-test.txt
ifdef VIRTUAL_ENV
  BIN := $(VIRTUAL_ENV)/bin
else
  BIN := .venv/bin
  LOCKED := $(LOCKS:%=--requirement %)
endif
STAMP := $(BIN)/.mubench-installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: quickstart test fuzz gpu torture lowest check format docs benchmarks benchmarks-smoke lock audit clean

quickstart: $(STAMP)
	$(BIN)/mubench run quickstart

test: $(STAMP)
	$(BIN)/python -m pytest -n auto

fuzz: $(STAMP)
	MUBENCH_FUZZ=2000 $(BIN)/python -m pytest tests/fuzz -n auto --dist=load --hypothesis-profile=fuzz

# On a machine with a GPU; nothing is fetched. IMAGES: a folder of images, for an accuracy. WHEELS: a folder
# with what is not installed there. The report is made whether or not a test fails.
OUT ?= build/gpu
GPU_PYTHON = PYTHONPATH=$(CURDIR) $(or $(wildcard $(BIN)/python),$(PYTHON))
gpu:
	$(if $(WHEELS),$(GPU_PYTHON) -m pip install --quiet --no-index --find-links $(WHEELS) $(WHEELS)/*.whl)
	mkdir -p $(OUT)
	$(GPU_PYTHON) -m pytest -m gpu --junit-xml=$(OUT)/tests.xml $$(grep -rl --include='*.py' 'mark\.gpu' tests); tests=$$?; \
	$(GPU_PYTHON) benchmarks/gpu.py --out $(OUT) $(if $(IMAGES),--images $(IMAGES)) && exit $$tests

N ?= 100
torture: $(STAMP)
	$(BIN)/python benchmarks/torture.py $(N)

lowest: $(STAMP)
	.ci/lowest

check: $(STAMP)
	$(BIN)/ruff format --check mubench tests benchmarks docs requirements
	$(BIN)/ruff check mubench tests benchmarks docs requirements
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format mubench tests benchmarks docs requirements
	$(BIN)/ruff check --fix mubench tests benchmarks docs requirements

docs: $(STAMP)  # without --quiet, under which --strict counts no warnings
	$(BIN)/python docs/make_methods.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

benchmarks: $(STAMP)
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

benchmarks-smoke: $(STAMP)  # do they still run? tiny sizes, no numbers
	set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script --smoke; done

lock: $(STAMP)
	$(BIN)/python requirements/make_lock.py

audit: $(STAMP)  # needs a network; --strict: a package without an answer is no good news
	$(BIN)/python -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet pip-audit
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes $(LOCKS:%=--requirement %)

$(STAMP): pyproject.toml $(LOCKS)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(if $(LOCKED),$(BIN)/python -m pip install --quiet $(LOCKED))
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf .venv .venv-audit .venv-lowest .mubench .mypy_cache .pytest_cache .ruff_cache build dist
