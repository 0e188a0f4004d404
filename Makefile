# The commands of everyday work. `make help` lists them.

PY := .venv/bin/python
FIND_PYTHON := sh chatplatform/installation/find_python.sh
CHECKED := chatplatform tests manage.py
# What needs model files, a browser, killed processes or patience is left to `make test`.
QUICK := not slow and not model and not browser and not faults

# The first two runs are on SQLite and files; tests.servers runs once more on servers.
NO_SERVERS := CHATPLATFORM_TEST_POSTGRES_URL= CHATPLATFORM_TEST_BROKER_URLS= CHATPLATFORM_TEST_REDIS_URL=

# How often the fault tests kill each process; `make test KILLS=200` for a night.
KILLS ?= 5
export CHATPLATFORM_FAULTS_KILLS := $(KILLS)

# `make soak`: how many random events, and the seed that foretells them.
EVENTS ?= 1000
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help run link doctor test test-fast check format bench bench-data lock clean environment dev-environment \
        full-environment test-model browser-check soak
.NOTPARALLEL:
export PYTHON

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: environment  ## Set up what is missing, start everything, print the sign-in link
	@exec $(PY) manage.py run

link: environment  ## Print another one-time sign-in link for the owner
	@exec $(PY) manage.py signin_link

doctor: environment  ## Check every part and say what is wrong and what to do
	@exec $(PY) manage.py doctor

test: full-environment browser-check test-model check  ## Everything that CI runs
	@echo "Running all tests: quick ones on every core, two browsers beside each other, then the others one by one"
	$(NO_SERVERS) $(PY) -m pytest -m side_by_side -n auto
	$(NO_SERVERS) $(PY) -m pytest -m browser -n 2 --dist loadfile --durations=20
	$(NO_SERVERS) $(PY) -m pytest -m "not side_by_side and not browser" --durations=40
	@$(PY) -m tests.servers

test-fast: dev-environment  ## The inner loop: quick tests only, under five minutes
	@echo "Running the quick tests"
	$(PY) -m pytest tests/unit tests/integration tests/contracts -m "$(QUICK)" -n auto

check: dev-environment  ## Format, lint, types, layers, migrations, translations
	@echo "Checking format"
	@$(PY) -m ruff format --check $(CHECKED)
	@echo "Checking style"
	@$(PY) -m ruff check $(CHECKED)
	@echo "Checking types"
	@$(PY) -m mypy
	@echo "Checking layers"
	@.venv/bin/lint-imports
	@echo "Checking migrations"
	@$(PY) manage.py makemigrations --check --dry-run
	@echo "Checking translations"
	@$(PY) manage.py translations check

format: dev-environment  ## Put the code in order
	$(PY) -m ruff check --fix $(CHECKED)
	$(PY) -m ruff format $(CHECKED)

bench: full-environment test-model  ## Measure what the README claims
	@echo "Measuring; this takes some minutes"
	$(PY) -m tests.benchmarks

bench-data: dev-environment  ## Fetch public data for benchmarks into CHATPLATFORM_BENCH_DATA
	@$(PY) -m tests.benchmarks.data

lock: dev-environment  ## Lock the requirements anew
	@echo "Locking requirements"
	@$(PY) -m pip install --quiet uv
	@cd requirements && for part in base llm encoder chroma dev; do \
		echo "  $$part"; \
		../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--override overrides.txt --no-emit-index-url --no-annotate --no-header $$part.in -o $$part.txt || exit 1; \
	done

clean:  ## Remove what was built; data, models and their keys stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results
	find chatplatform tests -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@python=$$($(FIND_PYTHON)) && "$$python" -m chatplatform.installation prepare base

dev-environment:
	@python=$$($(FIND_PYTHON)) && "$$python" -m chatplatform.installation prepare base dev

full-environment:
	@python=$$($(FIND_PYTHON)) && "$$python" -m chatplatform.installation prepare base dev llm torch encoder chroma

test-model: full-environment
	@$(PY) manage.py models pull smollm2-135m
	@$(PY) manage.py models pull multilingual-e5-small

soak: dev-environment browser-check  ## A thousand random accidents while answers are written (EVENTS=1000 SEED=1)
	@CHATPLATFORM_TEST_SOAK_EVENTS=$(EVENTS) CHATPLATFORM_TEST_SOAK_SEED=$(SEED) $(PY) -m pytest -s tests/browser/test_soak.py

browser-check: dev-environment
	@$(PY) -m chatplatform.installation browser
