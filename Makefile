# The main commands are `make run` and `make test`. `make help` lists the others.
PYTHON ?= python3
VENV := .venv
POT := messages.pot
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help run setup test check audit services coverage faults messages bench lock screenshots clean

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: setup ## Install, migrate and serve http://127.0.0.1:8080 (settings are environment variables: PORT=9090 make run)
	@exec $(BIN)/rtutils serve

setup: $(VENV)/.run ## Create .venv with the locked dependencies

test: $(VENV)/.dev ## Run the checks and all tests (REQUIRE_SERVICES=1: fail if a test is skipped)
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n auto --dist loadgroup --ignore=tests/schema

coverage: $(VENV)/.dev ## Run all tests and report line and branch coverage, as a table and in htmlcov/
	$(BIN)/python -m pytest -n auto --dist loadgroup --cov --cov-report=term:skip-covered --cov-report=html

faults: $(VENV)/.dev ## Plant faults on purpose, one at a time, and check that the tests notice
	$(BIN)/python -m tests.faults

messages: $(VENV)/.dev ## Extract all sentences for translation into messages.pot (or POT=FILE)
	$(BIN)/pybabel -q extract --add-comments=Translators: -k gettext_noop -k lazy_gettext -k NavItem:1 -k PageLink:2 -k StatusSection:1 -k Job:2 -k Link:1 -F pyproject.toml -o $(POT) .

check: $(VENV)/.dev ## Run ruff, mypy --strict and import-linter, and compare migrations with models
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/schema

# Not part of `check`: it needs the internet, and it may fail without a change of ours.
audit: $(VENV)/.dev ## Look up the locked packages in OSV's list of known vulnerabilities (needs api.osv.dev)
	@failed=0; for file in run dev; do \
		found=$$($(BIN)/pip-audit --vulnerability-service osv --require-hashes --disable-pip --progress-spinner off -r requirements/$$file.txt 2>&1) \
			&& [ -n "$$found" ] || failed=1; \
		case "$$found" in \
			*"known vulnerabilit"*) echo "requirements/$$file.txt:"; echo "$$found";; \
			*) failed=1; echo "requirements/$$file.txt was NOT checked, because the list could not be read:"; echo "$$found" | tail -n 1;; \
		esac; done; exit $$failed

services: ## Install Request Tracker, Chromium and faketime for the tests (Debian, as root)
	tests/services/install

bench: $(VENV)/.dev ## Run the benchmarks and print a table of ratios
	$(BIN)/python -m benchmarks

screenshots: $(VENV)/.dev ## Save a screenshot of every page in screenshots/, and update those in docs/
	$(BIN)/python -m tests.services.screenshots

lock: ## Update requirements/*.txt from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra terminals --group build pyproject.toml -o requirements/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra terminals --group dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt

clean: ## Remove .venv and caches (not instance/)
	rm -rf $(VENV) build dist htmlcov screenshots .coverage .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# A development environment already has everything that `make run` installs.
$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
