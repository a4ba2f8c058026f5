# Everything a developer or an operator types. `make help` lists it.
#
# Nothing but Python 3.11 or newer (with venv) and make has to be on the machine: the first target that needs it makes
# the virtual environment and installs the hash-pinned requirements, and again only when these have changed.
#
#   PORT, HOST, DATA_DIR   where `make run` listens and keeps its data (make hands them on to the processes it starts)
#   FILE                   the archive for `make backup` and `make restore`
#   PYTHON, VENV           another interpreter, another folder for the virtual environment
#   JOBS, TESTS            test processes; a file or folder to which the test targets are limited

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
TESTS ?= tests
FILE ?=

BIN := $(VENV)/bin
RUN := "$(BIN)/python"
PYTEST := $(RUN) -m pytest
# Whole runs of tests go to one process, so that what they share is made once; whoever is done takes from the other.
SHARED_OUT = -n $(JOBS) --dist worksteal
PIP := $(RUN) -m pip --disable-pip-version-check --no-input
# All that is needed stands in the file, with hashes: nothing is looked for beside it (of `pydantic[email]`, for one, older
# pips take the newest they find).
LOCKED := --require-hashes --no-deps
COMPILE := CUSTOM_COMPILE_COMMAND="make requirements" $(RUN) -m piptools compile --quiet --strip-extras --allow-unsafe \
	--generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
CHROMIUM = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

BASE_STAMP := $(VENV)/.base-installed
TEST_STAMP := $(VENV)/.test-installed
NODE_STAMP := $(VENV)/.node-installed
NPM_STAMP := tests/clients/npm/node_modules/.installed
BESIDE_STAMP := tests/bench/npm/node_modules/.installed

# A virtual environment whose interpreter was upgraded away, or that was moved, cannot run: it is made again.
ifneq ($(shell "$(BIN)/python" -c 'print("works")' 2>/dev/null),works)
.PHONY: $(BASE_STAMP) $(TEST_STAMP) $(NODE_STAMP)
endif

.PHONY: help run demo test test-all test-sqlite test-postgresql test-engines test-browser test-faults test-pictures \
	lint format words bench backup restore requirements chromium redis npm beside

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------- running

run: $(BASE_STAMP) ## start Mandate: web, worker and scheduler (PORT=…, HOST=…, DATA_DIR=…)
	@exec $(RUN) manage.py up

demo: $(BASE_STAMP) ## fill the data folder with one believable organisation
	@exec $(RUN) manage.py demo

backup: $(BASE_STAMP) ## write one archive (FILE=…, default: a dated file in the current folder)
	@exec $(RUN) manage.py backup $(if $(FILE),"$(FILE)")

restore: $(BASE_STAMP) ## bring back an archive (FILE=…)
	@test -n "$(FILE)" || { echo "Say which archive: make restore FILE=mandate-backup.tar.gz" >&2; exit 1; }
	@exec $(RUN) manage.py restore "$(FILE)"

bench: $(TEST_STAMP) ## measure, print a table, write bench/results.json into the data folder
	@"$(MAKE)" --no-print-directory beside || echo "oidc-provider cannot be installed here: Mandate is measured without it." >&2
	@exec $(RUN) -m tests.bench.run

# ---------------------------------------------------------------------------------------------------- checking

# Clients that wait between two polls, as they do in life, and those of the npm registry are left to test-all.
test: LEFT_OUT = and not (clients and slow)
test: lint test-sqlite test-engines test-browser ## lint, types, contracts, whole suite on SQLite, engine tests on PostgreSQL and Redis, browser

test-all: lint test-sqlite test-postgresql test-browser test-faults test-pictures ## make test, the faults, the pictures, and the whole suite on PostgreSQL and Redis

lint: $(TEST_STAMP) ## style, types, floors, forgotten migrations
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	"$(BIN)/lint-imports"
	$(RUN) manage.py makemigrations --check --dry-run

format: $(TEST_STAMP) ## let ruff mend style
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

words: $(BASE_STAMP) ## gather what people read into locale/, and compile it (needs GNU gettext)
	@exec $(RUN) manage.py words

test-sqlite: $(TEST_STAMP) redis ## the whole suite on SQLite
	@$(if $(LEFT_OUT),,"$(MAKE)" --no-print-directory npm)
	$(PYTEST) $(SHARED_OUT) -m "not browser and not faults and not pictures $(LEFT_OUT)" $(TESTS)

test-engines: $(TEST_STAMP) redis ## everything marked `engine` on a real PostgreSQL and a real Redis
	$(PYTEST) $(SHARED_OUT) --engine=postgresql -m "engine and not browser and not faults and not pictures" $(TESTS)

test-postgresql: $(TEST_STAMP) redis npm ## the whole suite on a real PostgreSQL and a real Redis
	$(PYTEST) $(SHARED_OUT) --engine=postgresql -m "not browser and not faults and not pictures" $(TESTS)

test-browser: $(TEST_STAMP) chromium ## everything marked `browser`, in Chromium
	$(PYTEST) -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "browser and not faults and not pictures $(LEFT_OUT)" \
		$(if $(filter tests,$(TESTS)),tests/browser,$(TESTS))

test-faults: $(TEST_STAMP) redis ## everything marked `faults`, on both engines
	$(PYTEST) -m "faults" $(TESTS)
	$(PYTEST) --engine=postgresql -m "faults" $(TESTS)

test-pictures: $(TEST_STAMP) chromium ## pictures of every page, light and dark, wide and narrow
	$(PYTEST) -m "pictures" $(TESTS)

chromium:
	@test -n "$(CHROMIUM)" || sh requirements/system-package.sh chromium

redis: $(TEST_STAMP)
	@$(RUN) -c 'import sys; from tests.services.redis import redis_server_program; sys.exit(redis_server_program() is None)' \
		|| sh requirements/system-package.sh redis-server

npm: $(NPM_STAMP)

beside: $(TEST_STAMP) redis $(BESIDE_STAMP)

# ---------------------------------------------------------------------------------------------------- setting up

$(BASE_STAMP): requirements/base.txt
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh requirements/virtual-environment.sh
	@echo "Installing what Mandate needs …"
	@$(PIP) install --quiet $(LOCKED) -r requirements/base.txt
	@touch "$@"

$(TEST_STAMP): requirements/test.txt $(BASE_STAMP)
	@echo "Installing what it takes to check Mandate …"
	@$(PIP) install --quiet $(LOCKED) -r requirements/test.txt
	@touch "$@"

$(NODE_STAMP): requirements/node.txt $(BASE_STAMP)
	@echo "Installing Node, for clients and a server of the npm registry …"
	@$(PIP) install --quiet $(LOCKED) -r requirements/node.txt
	@touch "$@"

$(NPM_STAMP) $(BESIDE_STAMP): %/node_modules/.installed: %/package-lock.json $(NODE_STAMP)
	@cd "$*" && PATH="$(abspath $(BIN)):$$PATH" npm ci --silent
	@touch "$@"

requirements: $(TEST_STAMP) ## compile requirements/*.in again, with hashes (the oldest Python we support writes them)
	$(COMPILE) --upgrade --output-file=requirements/base.txt requirements/base.in
	$(COMPILE) --upgrade --output-file=requirements/test.txt requirements/test.in
	$(COMPILE) --upgrade --output-file=requirements/node.txt requirements/node.in
