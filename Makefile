# Every task of this project. `make help` lists them; .ci/run does what `make check e2e test verify` does.
# A fresh machine needs git, make and Python >= 3.11: the rest is installed into .venv, or built into the cache once.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

VENV := .venv
READY := $(VENV)/.ready
PY := $(VENV)/bin/python
CONTROLPLANE := PYTHONPATH=hack $(PY) -m controlplane
TOOLS := PYTHONPATH=hack $(PY) -m tools

CRD := tokenfactory.nebius.com_dedicatedendpoints.yaml
CHART := helm/tokenfactory-operator
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header $(if $(UPGRADE),--upgrade)

# Given on the command line: make test ARGS="tests/unit -k queue"
ARGS ?=
SEEDS ?= 10000
FIRST_SEED ?= 0
# Test processes side by side. 0: all in one, with what they print. Most of `make test` waits, most of `make verify` computes
WORKERS ?= $(if $(filter verify,$(MAKECMDGOALS)),3,4)
# What a run of tests is: whole files to each process, in the order of tests/conftest.py
PYTEST = $(PY) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# The commit since which something has changed: its mutants belong to `make verify`
SINCE ?= origin/main
# once: end after a summary; else it stays until Ctrl-C, where there is a terminal
DEMO ?=
# Where the files of a release go, the helm that makes them, and the namespace that install.yaml installs into
DIST ?= dist
HELM ?= $$($(CONTROLPLANE) fetch)/helm
# The chart as plain manifests, without what only Helm reads; more flags in the shell's $flags
RENDER = rendered=$$($(HELM) template tokenfactory-operator $(abspath $(CHART)) --namespace tokenfactory-system --no-hooks \
	--set crds.install=false --set token.existingSecret=tokenfactory-token $$flags) && printf '%s\n' "$$rendered" | \
	sed -E '/^ +(helm.sh\/chart|app.kubernetes.io\/managed-by):/d; /^\# Source/d'
# kind: a fresh one on Docker, current: that of kubectl's current context; in place of a control plane of its own
CLUSTER ?=
export DEMO CLUSTER PYTHON
# Tests are compiled once, and not by each process that reads them: half of what it takes to collect them
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo image test verify e2e check coverage simulate mutants bench format lint types imports deadcode workflows stale crds \
	manifests docs docs-site picture lock dist release-notes cluster cluster-down venv clean distclean

help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { print "\n" substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

##@ Use

demo: $(READY) ## See endpoints become Ready on a real API server (DEMO=once, CLUSTER=kind, CLUSTER=current)
	@PYTHONPATH=hack $(PY) -m demo $(ARGS)

image: $(READY) ## Build the operator's image with Docker, or with an engine of its own (BASE_IMAGE=, ARGS="--save FILE")
	@PYTHONPATH=hack $(PY) -m node image $(ARGS)

cluster: $(READY) ## Leave a Kubernetes control plane running, and print how to reach it
	@$(CONTROLPLANE) up --background

cluster-down: $(READY) ## End it
	@$(CONTROLPLANE) down

##@ Check

check: lint types imports deadcode workflows stale ## All checks that run nothing of the project (under a minute)

test: $(READY) ## What to run before a push, on a real API server, under 10 min (ARGS="tests/unit -k name")
	@$(CONTROLPLANE) fetch >/dev/null
	@$(PYTEST) -m "not verify" $(ARGS)

verify: $(READY) ## All that takes longer: every boundary, large numbers, GitOps, mutants of what changed (ARGS=, SINCE=)
	@$(CONTROLPLANE) fetch --gitops >/dev/null
	@$(PYTEST) -m verify $(ARGS)
	@$(if $(ARGS),,PYTHONPATH=hack $(PY) -m mutants --since $(SINCE))

e2e: $(READY) ## Image and chart on a real node, as root, or CLUSTER=kind with Docker; says so where it cannot (ARGS=)
	@PYTHONPATH=hack $(PY) -m incluster $(ARGS)

coverage: $(READY) ## Unit and contract tests, and the lines that they do not reach
	@$(PY) -m coverage run -m pytest tests/unit tests/contract $(ARGS)
	@$(PY) -m coverage report --skip-covered

simulate: $(READY) ## More seeds of the deterministic simulation (SEEDS=10000 FIRST_SEED=0)
	@PYTHONHASHSEED=0 PYTHONPATH=tests $(PY) -m model --seeds $(SEEDS) --first-seed $(FIRST_SEED) $(ARGS)

mutants: $(READY) ## Break the protocol in every way of hack/mutants: a test has to notice each, 3 min (ARGS=name)
	@PYTHONPATH=hack $(PY) -m mutants $(ARGS)

bench: $(READY) ## Measure the budgets on a real API server, 5 min (ARGS="--held 10000": 9 min; table and JSON)
	@PYTHONPATH=hack:tests $(PY) -m bench $(ARGS)

lint: $(READY) ## ruff: format and rules
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .

types: $(READY) ## mypy, strict
	@$(PY) -m mypy

imports: $(READY) ## import-linter: the layers of pyproject.toml
	@$(VENV)/bin/lint-imports --no-logo

deadcode: $(READY) ## vulture: code that nobody uses, and code of the operator that only tests use
	@$(PY) -m vulture
	@$(PY) -m vulture operator/tokenfactory_operator

workflows: $(READY) ## actionlint, zizmor and shellcheck: .github and the shell scripts
	@$(TOOLS) actionlint -shellcheck $(CURDIR)/$(VENV)/bin/shellcheck $(CURDIR)/.github/workflows/*.yaml
	@$(VENV)/bin/zizmor --offline --quiet --persona=pedantic .github
	@$(VENV)/bin/shellcheck .ci/run hack/venv.sh

stale: $(READY) ## Generated files: CRD, the chart's copy of it, reference pages; licences that are allowed
	@$(PY) -m tokenfactory_operator.api.schema --check crds/$(CRD)
	@cmp crds/$(CRD) $(CHART)/files/crds/$(CRD) || { echo "the chart's CRD is stale: run make crds" >&2; exit 1; }
	@$(PY) -m tokenfactory_operator.settings --check docs/settings.md
	@$(PY) -m tokenfactory_operator.telemetry --check docs/metrics.md
	@PYTHONPATH=hack $(PY) -m docsite --check docs
	@PYTHONPATH=hack $(PY) -m tools.licences --check docs/licences.md
	@PYTHONPATH=hack $(PY) -m tools.chart_values --check $(CHART)/README.md

##@ Change

format: $(READY) ## Format, and repair what ruff can
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

manifests: $(READY) ## Write deploy/base and the Roles of deploy/overlays from the chart
	@$(RENDER) >deploy/base/operator.yaml
	@flags="--set watchNamespaces={default} --show-only templates/role.yaml" && \
		$(RENDER) >deploy/overlays/namespaced/role.yaml

crds: $(READY) ## Write the CRD from the models, into crds/ and the chart
	@$(PY) -m tokenfactory_operator.api.schema crds/$(CRD)
	@cp crds/$(CRD) $(CHART)/files/crds/$(CRD)

docs: $(READY) ## Write the generated pages: resource, conditions, events, rules' tests, settings, metrics, licences
	@$(PY) -m tokenfactory_operator.settings docs/settings.md
	@$(PY) -m tokenfactory_operator.telemetry docs/metrics.md
	@PYTHONPATH=hack $(PY) -m docsite docs
	@PYTHONPATH=hack $(PY) -m tools.licences docs/licences.md
	@PYTHONPATH=hack $(PY) -m tools.chart_values $(CHART)/README.md

picture: $(READY) ## Run the demo once, and draw the README's picture of what it prints (make docs draws the others)
	@PYTHONPATH=hack $(PY) -m demo.picture docs/images/demo.svg

docs-site: $(READY) ## Build the pages as a site into build/site; a link that leads nowhere ends it
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet
	@echo "Open build/site/index.html"

lock: $(READY) ## Resolve requirements/*.txt anew from pyproject.toml (UPGRADE=1: newest versions)
	@$(LOCK) --output-file requirements/runtime.txt pyproject.toml
	@$(LOCK) --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt pyproject.toml
	@echo hatchling | $(LOCK) --constraint requirements/dev.txt --output-file requirements/build.txt -
	@! grep -n "://" requirements/*.txt

##@ Release

dist: $(READY) ## Have the files of a release in dist/: wheel, chart, install.yaml, crds.yaml (HELM=helm: by that one)
	@rm -rf $(DIST) && mkdir -p $(DIST)
	@$(PY) -m hatchling build --target wheel --directory $(DIST) >/dev/null
	@$(HELM) package $(abspath $(CHART)) --destination $(abspath $(DIST)) >/dev/null
	@cp crds/$(CRD) $(DIST)/crds.yaml
	@{ cat deploy/base/namespace.yaml && $(RENDER); } >$(DIST)/install.yaml
	@ls $(DIST)

release-notes: $(READY) ## Print the changelog's section for a tag, if the tag is that of every version (TAG=v1.2.3)
	@PYTHONPATH=hack $(PY) -m tools.release "$(TAG)"

##@ Surroundings

venv: $(READY) ## Have .venv with everything that is pinned (PYTHON=python3.12 chooses)
	@$(PY) --version

$(READY): requirements/dev.txt pyproject.toml hack/venv.sh
	@hack/venv.sh
	@touch $@

clean: ## Remove what tools have left
	@rm -rf build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find hack operator tests -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## Also end the cluster, and remove .venv
	@if [ -x $(PY) ]; then $(CONTROLPLANE) down; fi
	@rm -rf $(VENV) .run
