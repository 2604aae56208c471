# One command for each wish; `make` lists them. ARGS is passed on: make run ARGS="--only meetings".
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
BIN := venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The tests start hundreds of processes: each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test prove simulate mutants mutation strangers bench lint parity fix lock wheel clean

help: ## list what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

run: venv/runtime ## install into venv/, extract the embedded sandbox, say where the data is
	@$(BIN)/python main.py run --sandbox $(ARGS)

test: venv/dev ## the tests
	$(BIN)/python -m pytest -q -n 5 --dist loadfile --no-loadscope-reorder -m "not prove" $(ARGS)

prove: venv/dev ## the long proofs, half an hour on two cores; FULL=1 for more
	HUBDUMP_FULL=$(FULL) $(BIN)/python -m pytest -q -n 5 --dist load --maxschedchunk 1 -m prove -o faulthandler_timeout=$(if $(FULL),0,1800) $(ARGS)

simulate: venv/dev ## whole extractions on virtual time, each from one seed: make simulate SEED=7 COUNT=1000 BELIEF=worst; WEEKS=30: of twenty runs each
	@$(BIN)/python -m tests.simulation --seed $(or $(SEED),0) --count $(or $(COUNT),200) --belief "$(BELIEF)" $(if $(WEEKS),--weeks $(WEEKS))

mutants: venv/dev ## the core broken on purpose: what finds which, within 100 seeds each
	@$(BIN)/python -m tests.simulation.mutants $(ARGS)

mutation: venv/dev ## small breakages of the core by mutmut, against the fast tests; hours for EACH=0 (all)
	@$(BIN)/python -m tests.mutation --each $(or $(EACH),10) --seed $(or $(SEED),6)

strangers: venv/dev ## clients nobody here wrote, against the sandbox; their table into docs/sandbox.md
	$(BIN)/python -m tests.strangers.run_peers

bench: venv/dev ## hubdump beside other extractors, in venvs of their own: forty minutes; ARGS="--only meltano --turns 1 --grow"
	$(BIN)/python -m bench.rivals $(ARGS)

lint: venv/dev ## ruff, mypy, the layers, the house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/house_rules.py

parity: venv/runtime ## compare the sandbox with a recording: make parity DIR=folder
	@test -n "$(DIR)" || { echo "Say what to compare with: make parity DIR=... (made by hubdump run --record DIR)"; exit 2; }
	@work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && \
		$(BIN)/hubdump run --sandbox --portal seven,contacts=900 --quiet --dump "$$work/dump" --record "$$work/record" && \
		$(BIN)/python -m hubdump.record.parity "$(DIR)" "$$work/record"

fix: venv/dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: venv/dev ## write the requirements files anew from pyproject.toml
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --group build pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --group build --group dev pyproject.toml -o requirements-dev.txt

wheel: venv/runtime ## build dist/*.whl
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

clean: ## remove what was installed and built, never data
	rm -rf venv dist mutants .strangers .rivals .mypy_cache .ruff_cache .pytest_cache

venv/bin/python:
	@test -n "$(PYTHON)" || { echo "hubdump needs Python 3.11 or newer; found none. Say which: make run PYTHON=..."; exit 2; }
	$(PYTHON) -m venv venv

venv/runtime: requirements.txt pyproject.toml | venv/bin/python
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch venv/runtime

venv/dev: requirements-dev.txt venv/runtime
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch venv/dev venv/runtime
