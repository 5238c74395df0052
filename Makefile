# `make help` lists what there is. Nothing is needed but Linux, Python >= 3.11 and make; real Kafka
# (`make test-kafka`, `make test-chaos`) needs Java 17 and Maven too. ARGS is passed on:
# `make demo ARGS=--once`. SCALE says how much chaos: full (an hour) or quick (minutes).

PYTHON ?= python3
VENV := .venv
BENCH_VENV := .venv-bench
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
# What is compiled while the package is installed, if there is a C compiler.
NATIVE := $(wildcard ckm_stream/native/*.pyx ckm_stream/native/*.pxd)
# End-to-end tests mostly wait for their programs; two other processes work meanwhile.
PARALLEL := -n 3 --dist worksteal

# Kafka Streams, as the benchmark compares with it; built by Maven from Maven Central.
STREAMS_PROJECT := bench/peers/kafka-streams
STREAMS := $(STREAMS_PROJECT)/target/kafka-streams-peer.jar

SCALE ?= full
# The soak is half an hour of little work and comes first: the other files' scenarios run beside it.
CHAOS_full := -n 2 --dist loadfile --no-loadscope-reorder
CHAOS_quick := -n 0
# pytest would keep what the load's client logs in an outage, and with it every socket of its own.
UNHEARD := -p no:logging

.DEFAULT_GOAL := help
.PHONY: help demo test test-kafka test-chaos bench bench-quick check sbom audit lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp ## run everything here on real purchases: broker, workers, store (ARGS=--once ends by itself)
	$(BIN)/ckm demo $(ARGS)

test: $(VENV)/dev.stamp ## every test that needs nothing but pip, on the embedded broker
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-kafka: $(VENV)/dev.stamp ## the tests that use a broker, on real Apache Kafka (Java 17, Maven)
	$(BIN)/python -m pytest $(PARALLEL) --broker=kafka $(ARGS)

test-chaos: $(VENV)/dev.stamp ## the promises under faults, on real Kafka and PostgreSQL (SCALE=quick takes minutes)
	$(BIN)/python -m pytest tests/chaos --chaos=$(SCALE) $(CHAOS_$(SCALE)) $(UNHEARD) -p no:randomly -s $(ARGS)

bench: $(VENV)/dev.stamp $(BENCH_VENV)/stamp $(STREAMS) ## this worker beside its peers, on real Kafka (25 minutes; Java 17, Maven)
	$(BIN)/python -m bench.all $(ARGS)

bench-quick: $(VENV)/dev.stamp ## this worker beside stock Faust, on real Kafka (3 minutes)
	$(BIN)/python -m bench.all --quick $(ARGS)

check: $(VENV)/dev.stamp ## format, lint, types, layers and dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry ckm_stream
	$(BIN)/mypy

sbom: $(VENV)/dev.stamp ## the bill of materials, dist/ckm-stream.cdx.json (CycloneDX 1.6)
	$(BIN)/python -m tools.sbom dist/ckm-stream.cdx.json

audit: $(VENV)/dev.stamp ## known vulnerabilities of the locks (75: no advisory service answers; ARGS=--osv-url=URL)
	$(BIN)/python -m tools.audit $(ARGS)

lock: $(VENV)/dev.stamp ## pin the dependencies anew after a change of pyproject.toml (ARGS=--upgrade takes the newest)
	$(COMPILE) $(ARGS) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra demo requirements/build.in \
		-c requirements/runtime.txt -o requirements/demo.txt
	$(COMPILE) $(ARGS) pyproject.toml --all-extras --group dev requirements/build.in \
		-c requirements/demo.txt -o requirements/dev.txt
	$(COMPILE) $(ARGS) --group bench -o requirements/bench.txt

clean: ## remove what was installed, built and cached; the demo's data too
	rm -rf $(VENV) $(BENCH_VENV) var dist build deploy/kafka/target $(dir $(STREAMS)) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f ckm_stream/native/*.c ckm_stream/native/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "this Python makes no virtual environments: apt-get install python3-venv"; exit 1; }

$(VENV)/%.stamp: requirements/%.txt pyproject.toml hatch_build.py $(NATIVE) | $(BIN)/python
	$(PIP) install --quiet --require-hashes --requirement $<
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH_VENV)/stamp: requirements/bench.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes \
		--requirement $<
	@touch $@

$(STREAMS): $(STREAMS_PROJECT)/pom.xml $(shell find $(STREAMS_PROJECT)/src -name '*.java' 2>/dev/null)
	mvn -q -B -f $< package
