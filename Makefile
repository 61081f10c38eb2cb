# Two commands need nothing but Python >= 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
CONTROL_PLANE ?= embedded
DRUID ?= fake
PYTEST_ARGS ?=
# Suites that need nothing but Python; they run in two processes, as they wait more than they compute.
HERMETIC := test/unit test/golden test/property test/conformance test/integration test/fault test/druid test/packaging

.DEFAULT_GOAL := help
.PHONY: help demo test lint generate check-generated test-envtest test-druid test-wheel envtest-assets build fault-all soak conformance bench clean

help: ## show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.run ## watch the operator run a cluster and an ingestion (KEEP=1 leaves it running)
	$(PY) -m druid_operator.cmd.demo.main --control-plane=$(CONTROL_PLANE) --druid=$(DRUID) $(if $(KEEP),--keep)

test: $(VENV)/.dev ## every suite that needs nothing but Python
	$(PY) -m pytest -q -n 2 --dist loadfile $(PYTEST_ARGS) $(HERMETIC)

lint: $(VENV)/.dev check-generated ## formatting, types, import and purity laws, generated files
	$(VENV)/bin/ruff check api pkg internal cmd test docs
	$(VENV)/bin/ruff format --check api pkg internal cmd test docs
	$(VENV)/bin/mypy
	$(VENV)/bin/pyright --pythonpath $(PY)
	$(VENV)/bin/lint-imports --no-cache

generate: $(VENV)/.dev ## CRDs, roles, references, tables from the types
	$(PY) -m druid_operator.cmd.generate.main

check-generated: $(VENV)/.dev
	$(PY) -m druid_operator.cmd.generate.main --check

envtest-assets: $(VENV)/.run ## find or build etcd, kube-apiserver, controller-manager, scheduler, kwok
	$(PY) -m druid_operator.pkg.envtest.binaries.assets

test-envtest: $(VENV)/.dev envtest-assets ## the same suites on a real control plane
	$(PY) -m pytest -q $(PYTEST_ARGS) --envtest-backend=binaries test/conformance test/integration test/packaging

test-druid: $(VENV)/.dev envtest-assets ## a real Druid and a real Kafka, resolved with Maven
	$(PY) -m pytest -q $(PYTEST_ARGS) --envtest-backend=binaries --real-druid test/druid

test-wheel: $(VENV)/.dev ## the wheel alone in a new environment
	TEST_WHEEL=1 $(PY) -m pytest -q $(PYTEST_ARGS) test/packaging/test_wheel.py

fault-all: $(VENV)/.dev ## kill the operator at every request of every life; takes its time
	FAULT_ALL=1 $(PY) -m pytest -q -n 2 --dist load $(PYTEST_ARGS) test/fault

MINUTES ?= 30
soak: $(VENV)/.dev ## the example operator under random faults (MINUTES=30)
	$(PY) test/soak/soak.py --minutes $(MINUTES)

bench: $(VENV)/.dev envtest-assets ## measure the framework, alone and beside Go and kopf
	$(PY) test/bench framework
	$(PY) test/bench peers && $(PY) test/bench table

REPEAT ?= 1
conformance: $(VENV)/.dev ## the framework's 48 scenarios (REPEAT=20)
	for i in $$(seq $(REPEAT)); do $(PY) -m pytest -q $(PYTEST_ARGS) test/conformance/framework || exit 1; done

build: $(VENV)/.dev ## the wheel and the source archive
	$(PY) -m build --no-isolation

clean: ## remove what the targets above made here
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
