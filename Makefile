# make demo: train and score on generated worms. make test: lint, types, tests. make bench: docs/performance.md.
# All create .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types unit format clean bench bench-quick

demo: .venv/installed
	$(BIN)/python run_auxcpvloss.py -a synthetic -s threeclass_cpv -d all --test-checkpoint best

test: lint types unit

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/shellcheck scripts/*.sh .ci/run

types: .venv/installed
	$(BIN)/mypy

unit: .venv/installed
	$(BIN)/pytest -n 2 --dist loadfile --cov=auxcpvloss --cov-report=term:skip-covered --cov-fail-under=90

# Takes hours; results that are there are kept if only names that are missing are given: scripts/bench.py NAMES.
bench: .venv/installed
	$(BIN)/python scripts/bench.py
	$(BIN)/python scripts/bench.py --page

bench-quick: .venv/installed
	$(BIN)/python scripts/bench.py --quick

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Python 3.11 to 3.13 is needed; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
