VENV ?= .venv
PYTHON ?= $(VENV)/bin/python
# The interpreter that creates the virtual environments. The locks are for Python 3.11.
PYTHON3 ?= $(shell command -v python3.11 || command -v python3)
PIP = -m pip install --quiet --disable-pip-version-check

DATASET ?= imdb
DATA ?= data/$(DATASET)_crop
OUT ?= var
MODEL ?= $(OUT)/cnn-model
IMG_SIZE ?= 112
TRAIN_FLAGS ?=
# The third of the validation list that neither chose nor calibrated the model. Lists under 300 rows are not divided:
# give EVALUATE_FLAGS= for them.
EVALUATE_FLAGS ?= --reporting-part
# What test-compat compares: MODEL if it is given, else the shipped model.
COMPAT_MODEL = $(if $(filter-out file,$(origin MODEL)),$(MODEL),pretrained)
COMPAT_ANSWERS = $(OUT)/compat/answers.npz
KILLS ?= 20
# Sections of the benchmark, such as "preprocess input"; all of them if empty.
BENCH ?=

.PHONY: setup setup-dev setup-web demo test test-slow test-compat test-light fuzz soak bench lint docs lock
.PHONY: download preprocess train evaluate export predict web

setup: $(VENV)/installed
setup-dev: $(VENV)/installed-dev
setup-web: $(VENV)/installed-web

# The last line marks a complete installation; an interrupted one runs again.
$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(None if sys.version_info[:2] == (3, 11) else "error: expected Python 3.11, found %d.%d; run make setup PYTHON3=/path/to/python3.11" % sys.version_info[:2])'
	$(PYTHON3) -m venv $(VENV)
	$(PYTHON) $(PIP) -r requirements.txt
	$(PYTHON) $(PIP) --no-deps --editable .
	touch $@

$(VENV)/installed-%: requirements-%.txt $(VENV)/installed
	$(PYTHON) $(PIP) -r $<
	touch $@

demo: setup
	PYTHON=$(PYTHON) bin/demo.sh

test: setup-dev
	$(PYTHON) -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: setup-dev
	$(PYTHON) -m pytest -m slow

# Predictions of the shipped model, or of MODEL, in our TensorFlow and in the newest one, and of its ONNX file.
test-compat: setup .venv-compat/installed
	$(PYTHON) -m tools.compat --model-dir $(COMPAT_MODEL) --save $(COMPAT_ANSWERS)
	.venv-compat/bin/python -m tools.compat --model-dir $(COMPAT_MODEL) --compare $(COMPAT_ANSWERS)

# Remove .venv-compat to get the TensorFlow that is newest then.
.venv-compat/installed:
	$(PYTHON3) -m venv .venv-compat
	.venv-compat/bin/python $(PIP) tensorflow --editable .
	touch $@

# The wheel in environments without TensorFlow. LIGHT_FLAGS="--pythons 3.13" tries one version.
test-light: setup
	$(PYTHON) -m tools.light $(LIGHT_FLAGS)

# Damaged files, for FUZZ_SECONDS (60). It prints the FUZZ_SEED that repeats a failure.
fuzz: setup-dev
	$(PYTHON) -m tools.fuzz

# Kills each command KILLS times at random moments, which takes many minutes. SOAK_FLAGS="--seed N" repeats the moments.
soak: setup-dev
	$(PYTHON) -m tools.soak.campaign --kills $(KILLS) $(SOAK_FLAGS)

# BENCH="preprocess input" runs these sections only; BENCH_FLAGS="--rounds 3".
bench: setup $(if $(or $(filter torch,$(BENCH)),$(if $(BENCH),,all)),.venv-bench/installed)
	$(PYTHON) -m bench $(BENCH) $(BENCH_FLAGS)

.venv-bench/installed: requirements-bench.txt
	$(PYTHON3) -m venv .venv-bench
	.venv-bench/bin/python $(PIP) -r $<
	touch $@

lint: setup-dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/hadolint Dockerfile Dockerfile.gpu Dockerfile.predict

docs: setup-dev
	$(PYTHON) -m mkdocs build --strict --site-dir $(OUT)/site

# Writes requirements*.txt from pyproject.toml, with Python 3.11; LOCK_FLAGS=--upgrade takes newer releases.
lock: export CUSTOM_COMPILE_COMMAND = make lock
lock: setup-dev
	$(PYTHON) -m piptools compile $(LOCK_FLAGS) --all-extras --output-file requirements-dev.txt pyproject.toml
	$(PYTHON) -m piptools compile --constraint requirements-dev.txt --extra train,s3 --output-file requirements.txt pyproject.toml
	$(PYTHON) -m piptools compile --constraint requirements-dev.txt --extra train,s3,web --output-file requirements-web.txt pyproject.toml
	$(PYTHON) -m piptools compile --constraint requirements-dev.txt --extra train,s3,dask --output-file requirements-dask.txt pyproject.toml

# IMDB_WIKI_URL names another address.
download:
	bin/download-imdb-crop.sh $(DATASET) $(DATA)

preprocess: setup
	$(PYTHON) bin/preprocess_imdb.py --db-path $(DATA)/$(DATASET).mat --photo-dir $(DATA) --output-dir $(OUT) --img-size $(IMG_SIZE)

train: setup
	$(PYTHON) bin/train.py --img-dir $(OUT)/crop --train-csv $(OUT)/train.csv --val-csv $(OUT)/val.csv --model-dir $(MODEL) --img-size $(IMG_SIZE) $(TRAIN_FLAGS)

evaluate: setup
	$(PYTHON) bin/evaluate.py --model-dir $(MODEL) --csv $(OUT)/val.csv --img-dir $(OUT)/crop $(EVALUATE_FLAGS)

export: setup
	$(PYTHON) bin/export.py --model-dir $(MODEL)

predict: setup
	$(PYTHON) bin/predict.py --model-dir $(MODEL) --image-path "$(IMAGE)"

# The page in the browser, with MODEL, or with the shipped model if MODEL is not given and does not exist.
web: setup-web
	$(PYTHON) bin/web.py $(if $(filter-out file,$(origin MODEL))$(wildcard $(MODEL)),--model-dir $(MODEL)) $(WEB_FLAGS)
