VENV ?= .venv
PYTHON ?= $(VENV)/bin/python
# The interpreter that makes the virtual environment: requirements.txt is pinned for 3.11.
PYTHON3 ?= $(shell command -v python3.11 || command -v python3)
DATASET ?= imdb
DATA ?= data/$(DATASET)_crop
OUT ?= var
MODEL ?= $(OUT)/cnn-model
IMG_SIZE ?= 112
TRAIN_FLAGS ?=
# A third of the validation list that neither chose nor calibrated the model; empty for lists of under 300 rows.
EVALUATE_FLAGS ?= --reporting-part
# For soak: how often each script is killed.
KILLS ?= 20
# For test-compat: the newest TensorFlow, apart from ours, and the shipped model unless MODEL names another.
COMPAT_VENV ?= .venv-compat
COMPAT_MODEL = $(if $(filter-out file,$(origin MODEL)),$(MODEL),$(firstword $(wildcard pretrained) $(OUT)/compat/model))

# For bench: sections as `preprocess input`, all if empty; PyTorch lives in an environment of its own.
BENCH ?=
BENCH_VENV ?= .venv-bench

.PHONY: setup setup-dev setup-web demo test test-compat fuzz soak bench lint download preprocess train evaluate export predict web

setup: $(VENV)/installed
setup-dev: $(VENV)/installed-dev
setup-web: $(VENV)/installed-web

# The stamp is written last: an interrupted installation is done again.
$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(None if sys.version_info[:2] == (3, 11) else "Python 3.11 is needed; make setup PYTHON3=/path/to/python3.11")'
	$(PYTHON3) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/installed-web: $(VENV)/installed requirements-web.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-web.txt
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt requirements-web.txt requirements-dask.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: setup
	PYTHON=$(PYTHON) bin/demo.sh

test: setup-dev
	$(PYTHON) -m pytest

test-compat: setup $(COMPAT_VENV)/installed $(if $(filter $(OUT)/compat/model,$(COMPAT_MODEL)),$(OUT)/compat/trained)
	$(PYTHON) -m tools.compat --model-dir $(COMPAT_MODEL) --save $(OUT)/compat/answers.npz
	$(COMPAT_VENV)/bin/python -m tools.compat --model-dir $(COMPAT_MODEL) --compare $(OUT)/compat/answers.npz

# Not part of test: it takes many minutes. SOAK_FLAGS="--seed N" repeats the moments of an earlier one.
soak: setup-dev
	$(PYTHON) -m tools.soak.campaign --kills $(KILLS) $(SOAK_FLAGS)

# `rm -r` it to get the TensorFlow that is the newest by then.
$(COMPAT_VENV)/installed:
	$(PYTHON3) -m venv $(COMPAT_VENV)
	$(COMPAT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade tensorflow opencv-python-headless
	touch $@

$(OUT)/compat/trained: | setup
	$(PYTHON) bin/make_sample.py --output-dir $(OUT)/compat/imdb_crop --records 200
	$(PYTHON) bin/preprocess_imdb.py --db-path $(OUT)/compat/imdb_crop/imdb.mat --photo-dir $(OUT)/compat/imdb_crop --output-dir $(OUT)/compat --img-size 64
	$(PYTHON) bin/train.py --img-dir $(OUT)/compat/crop --train-csv $(OUT)/compat/train.csv --val-csv $(OUT)/compat/val.csv --model-dir $(OUT)/compat/model --img-size 64 --num-steps 200 --eval-steps 200
	touch $@

# FUZZ_SECONDS (60) and FUZZ_SEED: tools/fuzz.py says more.
fuzz: setup-dev
	$(PYTHON) -m tools.fuzz

bench: setup $(if $(or $(filter torch,$(BENCH)),$(if $(BENCH),,all)),$(BENCH_VENV)/installed)
	BENCH_TORCH_PYTHON=$(BENCH_VENV)/bin/python $(PYTHON) -m bench $(BENCH) $(BENCH_FLAGS)

$(BENCH_VENV)/installed: requirements-bench.txt
	$(PYTHON3) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

lint: setup-dev
	$(PYTHON) -m ruff check .
	$(VENV)/bin/hadolint Dockerfile Dockerfile.gpu

# IMDB_WIKI_URL=... names another address.
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

# The page in the browser; with the model that comes with the code where MODEL is not given and not there.
web: setup-web
	$(PYTHON) bin/web.py $(if $(filter-out file,$(origin MODEL))$(wildcard $(MODEL)),--model-dir $(MODEL)) $(WEB_FLAGS)
