# `make` without a target prints the targets.

BIN := .venv/bin
PACKAGES := .venv/installed
DEV_PACKAGES := .venv/installed-dev
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --upgrade --quiet
FINDS_PACKAGES := import importlib.util, sys; sys.exit(importlib.util.find_spec("uvicorn") is None)
INSTALL := for python in python3.13 python3.12 python3.11 python3 python; do \
	python=$$($$python -c 'import sys; sys.version_info < (3, 11) or print(sys.executable)' 2>/dev/null); \
	[ -n "$$python" ] && break; done; \
	if [ -z "$$python" ]; then \
		echo "Boom Booking needs Python 3.11 or newer, and found none on this machine." >&2; exit 1; \
	fi; "$$python" -m commands.install

# The first start stores compiled modules in the ignored __pycache__ folders, even on a machine
# that sets this variable: otherwise each process would compile everything again.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: FORCE help run worker test check soak bench bench-rivals bench-live bench-attacks bench-webhooks bench-peers fmt schema lock

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: $(PACKAGES) ## start everything and serve on 127.0.0.1:8000; Ctrl-C stops it
	@exec $(BIN)/python -m commands.run

worker: $(PACKAGES) ## run background jobs in a process of its own, beside a server
	@exec $(BIN)/python -m commands.worker

test: $(DEV_PACKAGES) ## run all tests, on a PostgreSQL of their own (ARGS="-k hold" for some)
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

check: $(DEV_PACKAGES) ## lint, format, types, imports, the exported schema, the migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m commands.export --check
	$(BIN)/python -m commands.check_migrations

soak: $(DEV_PACKAGES) ## run the tests that take minutes, and look for other examples of rules
	$(BIN)/pytest -m soak $(ARGS)
	$(BIN)/pytest --hypothesis-profile others tests/domain tests/kit

bench: $(DEV_PACKAGES) ## measure the main queries beside a bare handler, a year's figures, and a series
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.analytics --brief
	$(BIN)/python -m benchmarks.series

bench-rivals: $(DEV_PACKAGES) ## measure many clients who want the same time at once
	$(BIN)/python -m benchmarks.rivals

bench-live: $(DEV_PACKAGES) ## measure a live event that 5,000 sockets receive
	$(BIN)/python -m benchmarks.live

bench-attacks: $(DEV_PACKAGES) ## measure other callers' latency while one address attacks
	$(BIN)/python -m benchmarks.attacks

bench-webhooks: $(DEV_PACKAGES) ## measure webhooks beside endpoints that hang
	$(BIN)/python -m benchmarks.webhooks

bench-peers: $(DEV_PACKAGES) ## compare with GraphQL servers in JavaScript, from npm, and in Go
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks --targets ours bare yoga mercurius postgraphile stock \
		gophers gophers_all_cores

fmt: $(DEV_PACKAGES) ## format the code and sort the imports
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

schema: $(DEV_PACKAGES) ## write schema.graphql and docs/permissions.md from the code
	$(BIN)/python -m commands.export

lock: $(PACKAGES) ## pin the newest versions that requirements*.in allow
	$(BIN)/uv pip compile $(LOCK) requirements.in --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCK) requirements-dev.in --output-file requirements-dev.lock
	echo uv | $(BIN)/uv pip compile $(LOCK) - --output-file requirements-uv.lock
	echo schemathesis | $(BIN)/uv pip compile $(LOCK) - --output-file tests/attacks/schemathesis.lock

# A Python that was upgraded or removed after the installation doesn't find the packages: install anew.
ifneq ($(wildcard $(PACKAGES)),)
ifneq ($(shell $(BIN)/python -c '$(FINDS_PACKAGES)' 2>/dev/null && echo yes),yes)
$(PACKAGES): FORCE
endif
endif

$(PACKAGES): requirements-uv.lock requirements.lock
	@echo "Installing the packages of requirements.lock (once; about 120 MB)"
	@$(INSTALL) requirements.lock
	@touch $@

$(DEV_PACKAGES): $(PACKAGES) requirements-dev.lock
	@echo "Installing the packages of requirements-dev.lock (once)"
	@$(INSTALL) requirements.lock requirements-dev.lock
	@touch $@
