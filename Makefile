# `make help` lists what there is. Needs Python >= 3.11, make and a package index; uv is used where it is installed.

PY ?= python3
ARGS ?=
DATA ?=
TEST_ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH := $(VENV)/.installed-bench
PREVIEW := tests/grafana/preview
DRILL := tests/e2e/test_role_pages.py
PACKAGES := $(PREVIEW)/node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test test-backends helm kustomize lint fuzz soak crash drill bench bench-quality bench-feedback dashboards grafana-preview page-scripts man size clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## three weeks of history, a live Prometheus and an incident every few minutes; ARGS='--duration 120s'
	@deploy/install-servers.sh --optional
	$(BIN)/bandwatch demo $(ARGS)

test: $(INSTALLED) ## every test, with the real Prometheus; TEST_ARGS='-k store'
	@deploy/install-servers.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --ignore=tests/backends --ignore=$(DRILL) $(TEST_ARGS)

test-backends: $(INSTALLED) ## the service on Prometheus 3 and VictoriaMetrics, which Go builds the first time; TEST_ARGS='-k check'
	@deploy/install-servers.sh
	@deploy/install-backends.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/backends $(TEST_ARGS)

helm: ## helm and kustomize, which Go builds once, for the tests of deploy/helm and deploy/kustomize
	@deploy/install-backends.sh tests/deploy/modules.txt

kustomize: $(INSTALLED) helm ## deploy/kustomize anew, from the Helm chart
	$(BIN)/python -m tests.deploy.kustomize

lint: $(INSTALLED) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/mypy

fuzz: $(INSTALLED) ## many generated configurations, requests, calendars and windows, other ones each time; ARGS='-k calendars'
	BANDWATCH_FUZZ=long OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) tests/fuzz $(ARGS)

soak: $(INSTALLED) ## 30 simulated days of the service: what grows? ARGS='--days 7 --log soak.log'
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak $(ARGS)

crash: $(INSTALLED) ## a hundred kills of a service in trouble: what is lost? ARGS='--kills 500 --seed 1'
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.crash $(ARGS)

drill: $(INSTALLED) ## one incident, while each process that serves it is killed: one page and one end of it?
	@deploy/install-servers.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(DRILL)

bench: $(INSTALLED) ## the figures of docs/performance.md, each beside what it is compared to; ARGS='tick bands'
	@deploy/install-servers.sh
	$(BIN)/python -m tests.benchmarks $(ARGS)

bench-quality: ## our detectors among their peers on labelled series: DATA=dir [ARGS='--only ewma,vae --series 10']
	@test -n '$(DATA)' || { echo "bench-quality: no DATA: name a folder of NAME.csv[.gz] with" \
	  "time,value,label[,kind]: make bench-quality DATA=dir" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(BENCH)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.quality $(DATA) $(ARGS)

bench-feedback: ## a week after all false alarms were answered: DATA=dir SCORES=dir [ARGS=--tried]
	@test -n '$(DATA)' -a -n '$(SCORES)' || { echo "bench-feedback: name DATA, a folder of NAME.csv[.gz] with" \
	  "time,value,label[,kind], and SCORES, what bandwatch backtest has written for it" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(BENCH)
	$(BIN)/python -m tests.benchmarks.feedback $(DATA) $(SCORES) $(ARGS)

dashboards: $(INSTALLED) ## grafana/dashboards and grafana/import anew, from tests/grafana/dashboards
	$(BIN)/python -m tests.grafana.dashboards

size: $(INSTALLED) ## what an installation takes on disk, with each extra
	$(BIN)/python -m tests.installed_size

man: $(INSTALLED) ## man pages of all commands, in build/man/man1
	$(BIN)/python -m tests.man_pages build/man/man1

grafana-preview: $(INSTALLED) $(PREVIEW)/built/page.js ## the dashboards over the demo, drawn by Grafana's own components; ARGS='--only series'
	@deploy/install-servers.sh --optional
	$(BIN)/python -m tests.grafana.preview $(ARGS)

page-scripts: ## the scripts that a chart loads, minified with npm
	cd tests/page_scripts && npm ci && node build.mjs

clean: ## caches and build outputs; the virtual environment stays (remove .venv to be rid of it)
	rm -rf build dist $(PREVIEW)/built ./*.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt deploy/install-python.sh
	@PY='$(PY)' deploy/install-python.sh $(VENV)
	@touch $@

$(BENCH): $(INSTALLED)
	@PY='$(PY)' deploy/install-python.sh $(VENV) torch,dev,bench
	@touch $@

$(PACKAGES): $(PREVIEW)/package.json $(PREVIEW)/package-lock.json
	cd $(PREVIEW) && npm ci
	@touch $@

$(PREVIEW)/built/page.js: $(PACKAGES) $(wildcard $(PREVIEW)/*.jsx $(PREVIEW)/page.html $(PREVIEW)/options.js)
	cd $(PREVIEW) && npm run build
