# Every target sets up what it needs; `make help` lists them.

CARGO ?= cargo
PORT ?= 27017
DBPATH ?= data
FUZZ_SECONDS ?= 60
CARGO_FUZZ_VERSION := 0.13.2

# The fuzzer's sanitizer flags need this on a stable toolchain.
FUZZ := RUSTC_BOOTSTRAP=1 $(CARGO) fuzz

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Check the tools that a build needs, and install what is missing
	@tools/setup

.PHONY: run
run: setup ## Build smongod, start it on ./data (PORT=27017), load the sample data once
	@PORT=$(PORT) DBPATH=$(DBPATH) CARGO=$(CARGO) tools/run

.PHONY: test
test: setup ## Run all tests: the workspace's, then real clients against smongod
	$(CARGO) test --workspace --no-fail-fast
	$(CARGO) build --release --bin smongod
	tests/drivers/run

.PHONY: bench
bench: setup ## Run the benchmarks
	$(CARGO) bench -p smongo-benches

.PHONY: bench-wire
bench-wire: setup ## Run the aggregation workloads over the wire against smongod
	$(CARGO) build --release --bin smongod
	tests/drivers/run --python benches/over_the_wire.py

.PHONY: bench-spill
bench-spill: setup ## Sort and group 2 GB with a limit of 100 MB, over the wire
	$(CARGO) build --release --bin smongod
	tests/drivers/run --python benches/spill.py

.PHONY: fuzz-build
fuzz-build: setup fuzz-tool ## Compile the fuzz targets
	$(FUZZ) build

.PHONY: fuzz
fuzz: setup fuzz-tool ## Run every fuzz target for FUZZ_SECONDS (60)
	@set -e; for target in $$($(FUZZ) list); do \
		echo "== $$target"; \
		$(FUZZ) run $$target -- -max_total_time=$(FUZZ_SECONDS); \
	done

.PHONY: fuzz-tool
fuzz-tool:
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install cargo-fuzz --locked --version $(CARGO_FUZZ_VERSION)

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all
	cd fuzz && $(CARGO) fmt
	cd tests/drivers/rust && $(CARGO) fmt

.PHONY: lint
lint: setup ## What CI checks before the tests: formatting and clippy
	$(CARGO) fmt --all --check
	cd fuzz && $(CARGO) fmt --check
	cd tests/drivers/rust && $(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
