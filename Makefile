# Two commands do all the set-up on a fresh Debian or Ubuntu: `make demo` and `make test`.
#
# PYTHON=/path/to/python   the interpreter of the private environment .venv (3.11 or newer; found by itself otherwise)
# KEEP=1                   `make demo` leaves its instance running
# WW_TEST_KILLS=1000      how many kills `make soak` takes; WW_TEST_SEED=N repeats those of an earlier one
# WW_CI=1                  a test that cannot run is a failure, unless docs/not-tested.md declares it

.DEFAULT_GOAL := help
.PHONY: help demo test check soak bench images clean

export PYTHON KEEP WW_CI WW_IMAGES BENCH_ROUNDS BENCH_ONLY BENCH_PYTHON BENCH_REALTIME

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the example service: first boot, UP, killed and healed, upgraded, stopped; its events (KEEP=1 leaves it running)
	@scripts/venv build
	@PATH="$(CURDIR)/.venv/bin:$$PATH" scripts/demo

test: ## every suite, against the built wheel
	@scripts/test

check: ## format, lint, types, imports and the fast tests: what to run before a commit
	@scripts/check

soak: ## many random kills of reporter, receivers and container; every event is stored once (WW_TEST_KILLS=1000)
	@WW_TEST_KILLS=$${WW_TEST_KILLS:-1000} scripts/test faults -- -k oracle -s

bench: ## ww beside its peers, each as PID 1, into docs/benchmarks.md (BENCH_ROUNDS=3 for a quick look, BENCH_ONLY=start,stop)
	@scripts/bench

images: ## the base image and every service image, tagged NAME:VERSION (images/build --help)
	@images/build

clean: ## remove what was built; ends the services that scripts/services started
	@scripts/services down
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
