MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
ARGS ?=
TSX := node --import tsx

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up: each target below does what it needs by itself, and does nothing when nothing changed ---

node_modules/.package-lock.json: package.json package-lock.json
	@npm ci --no-fund --no-audit
	@touch $@

.PHONY: install
install: node_modules/.package-lock.json ## Install the npm packages (pinned)

.PHONY: binaries
binaries: install ## Find or build etcd, kube-apiserver, kubectl, nats-server
	@$(TSX) tools/sandbox/src/binaries-cli.ts

.PHONY: mesh-binaries
mesh-binaries: install ## Find or build Istio's programs and what they run with (10 minutes, once)
	@$(TSX) tools/sandbox/src/binaries-cli.ts mesh

.PHONY: bundles
bundles: install ## Bundle each process into dist/
	@$(TSX) tools/build/src/bundle-cli.ts

# --- see it work ---

.PHONY: demo
demo: binaries ## Play six orders on real parts and check stock and money (ARGS=--keep stays up)
	@$(TSX) tools/demo/src/demo-main.ts $(ARGS)

.PHONY: up
up: binaries ## Start everything and leave it running (data in .data/sandbox)
	@$(TSX) tools/demo/src/up-main.ts $(ARGS)

.PHONY: down
down: install ## Stop what `make up` started; the data stay
	@$(TSX) tools/demo/src/down-main.ts $(ARGS)

.PHONY: dead-letters
dead-letters: install ## List messages that could not be read or acted upon
	@$(TSX) tools/demo/src/dead-letters-main.ts $(ARGS)

.PHONY: nats-authorization
nats-authorization: install ## Print users and rights for a NATS server's configuration
	@$(TSX) tools/build/src/nats-authorization-main.ts $(ARGS)

# --- run it in a cluster ---

.PHONY: kind-up
kind-up: install ## Bring up a kind cluster with Istio and all of SagaMesh, and place an order
	@$(TSX) tools/cluster/src/kind-up-main.ts

.PHONY: kind-down
kind-down: install ## Remove the kind cluster
	@$(TSX) tools/cluster/src/kind-down-main.ts

.PHONY: test-kind
test-kind: install ## Assert on the kind cluster what the mesh enforces, and what only a kubelet shows (7 minutes)
	@$(TSX) tools/cluster/src/test-kind-main.ts $(ARGS)

.PHONY: rotate-keys
rotate-keys: install ## Exchange the key that tokens are signed with (kubectl's current context)
	@$(TSX) tools/cluster/src/rotate-keys-main.ts

.PHONY: uninstall
uninstall: install ## Remove SagaMesh from kubectl's current context; not while a saga is open
	@$(TSX) tools/cluster/src/uninstall-main.ts

# --- check it ---

.PHONY: check
check: install ## Lint, format, types, architecture, generated files, dead code
	@$(TSX) tools/build/src/check-main.ts

.PHONY: test
test: install ## All tests: unit, integration, end to end
	@$(TSX) tools/build/src/test-main.ts $(ARGS)

.PHONY: test-unit
test-unit: install ## The tests that need no process and no socket
	@npx vitest run --project unit $(ARGS)

.PHONY: test-int
test-int: binaries ## The tests on real NATS, PostgreSQL and API server
	@npx vitest run --project int $(ARGS)

.PHONY: test-e2e
test-e2e: binaries bundles ## The tests on the whole system
	@npx vitest run --project e2e $(ARGS)

.PHONY: test-mesh
test-mesh: install ## The mesh's rules on real istiod and Envoys, as processes (Linux, root)
	@$(TSX) tools/mesh/src/test-mesh-main.ts $(ARGS)

.PHONY: bench-smoke
bench-smoke: binaries bundles ## Sagas per second and their latency, on this machine
	@$(TSX) bench/src/smoke-main.ts $(ARGS)

.PHONY: judges
judges: binaries ## Show all manifests to programs that nobody here wrote (ARGS="checkov trivy": only those)
	@$(TSX) tools/judges/src/judges-main.ts $(ARGS)

.PHONY: checklist
checklist: binaries ## Prove the eight points and the absence of the six anti-patterns, 14/14
	@$(TSX) tools/checklist/src/checklist-main.ts $(ARGS)

# --- prove it: systems in virtual time, judged by independent checkers ---

export SEED COUNT MINUTES SQL_EVERY PLAN ONLY BOUNDARY OUT
SEED ?=
COUNT ?=
MINUTES ?=
SQL_EVERY ?=
PLAN ?=
ONLY ?=
BOUNDARY ?=
OUT ?=

.PHONY: sim
sim: install ## Run seeded systems under faults (SEED=7 COUNT=2000; each seed is one system)
	@$(TSX) verification/simulation/src/cli/sim-main.ts

.PHONY: sim-soak
sim-soak: install ## Run fresh seeds for as long as asked (MINUTES=60)
	@MINUTES=$${MINUTES:-60} $(TSX) verification/simulation/src/cli/sim-main.ts

.PHONY: sim-exhaustive
sim-exhaustive: install ## Die at every effect boundary; search small scopes of the protocol completely
	@$(TSX) verification/simulation/src/cli/exhaustive-main.ts

.PHONY: sim-mutants
sim-mutants: install ## Seed bugs into the product, and see each of them caught
	@$(TSX) verification/simulation/src/cli/mutants-main.ts

.PHONY: robustness
robustness: install ## Run all of the proof and write docs/robustness.md
	@$(TSX) verification/simulation/src/cli/robustness-main.ts

# --- change it ---

.PHONY: synth manifests
manifests: synth
synth: install ## Generate manifests/ and docs/schemas/ from the charts and the contracts
	@$(TSX) tools/build/src/generate-manifests.ts

.PHONY: format
format: install ## Format all files
	@npx prettier --log-level warn --write .
