# `make run` and `make test` set everything up themselves; `make help` lists the rest.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3 python,$(shell command -v $(p))))
VENV ?= .venv
BIN := $(VENV)/bin
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-strip-extras --group build --extra lab --extra pipelines

.DEFAULT_GOAL := help
.PHONY: help run test lint lab lock peers sample clean setup setup-dev

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup  ## close the whole loop on the sample bank
	@$(BIN)/marketing-ds loop --mart data_samples

test: setup-dev lint  ## lint, types, layers, doctests, tests with coverage, every notebook
	@$(BIN)/coverage erase
	@OMP_WAIT_POLICY=passive $(BIN)/pytest -n 2 --dist loadgroup --cov --cov-branch --cov-report=term --cov-fail-under=90

lint: setup-dev  ## ruff, mypy and the layers of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lab: setup  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=.

lock: setup-dev  ## rebuild both lock files from pyproject.toml
	@$(UV_COMPILE) --output-file requirements.lock
	@$(UV_COMPILE) --extra tune --extra spark --extra dev --constraint requirements.lock --output-file requirements-dev.lock

peers: setup-dev  ## scikit-uplift, CausalML and EconML in .venv/peers, for tests and benchmarks
	@$(BIN)/python scripts/make_peers.py

sample: setup  ## rebuild data_samples/ (same seed, same content)
	@$(BIN)/python -c "from marketing_ds.datasets import make_sample; make_sample('data_samples')"

clean:  ## remove the environment, outputs and caches
	@rm -rf $(VENV) workspace build *.egg-info .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find mlruns -mindepth 1 ! -name README.md ! -name .gitignore -delete
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found; set PYTHON=…"; exit 1; }
	@$(PYTHON) scripts/make_venv.py $(VENV) requirements.lock

setup-dev:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found; set PYTHON=…"; exit 1; }
	@$(PYTHON) scripts/make_venv.py $(VENV) requirements-dev.lock
