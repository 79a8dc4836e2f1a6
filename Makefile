# make run   sets everything up in .venv and starts the daemon on ./inbox
# make test  passes the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config.yaml
# The CPU wheels of torch lie on an index of their own; name it (TORCH_INDEX=https://...) where pip
# would otherwise fetch the CUDA build. requirements/ pins what is known to work.
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--constraint requirements/constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: run install develop test torture soak fuzz check docs format bench bench-around bench-peers bench-recognizer bench-pages fonts image clean

# A newcomer who is root wants to see it run, and is told so; a service says allow_root itself.
run: install
	@if [ "$$(id -u)" = 0 ]; then \
		echo "You are root, and make run takes that as allow_root: true. A service had better be a user of its own."; \
		export OCR_DAEMON__ALLOW_ROOT=true; \
	fi; \
	exec $(BIN)/ocr-daemon run --config $(CONFIG)

install: $(VENV)/.installed

develop: $(VENV)/.developed

$(VENV)/.installed: pyproject.toml requirements/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .[web]
	touch $@

$(VENV)/.developed: pyproject.toml requirements/constraints.txt $(VENV)/.installed
	$(PIP) --editable .[dev]
	touch $@

# Two files of tests at a time: they mostly wait for daemons.
test: develop
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Kills the daemon at every step, then a thousand times at random, and cuts its power; takes hours.
KILLS ?= 1000
SEED ?= 1
torture: develop
	$(BIN)/python -m tests.torture --kills $(KILLS) --fast-kills $(KILLS) --seed $(SEED)

# Hours of mixed traffic, kills and folders moved away; looks whether anything grows.
HOURS ?= 8
soak: develop
	$(BIN)/python -m tests.torture.soak --hours $(HOURS) --seed $(SEED)

check: develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.generate_docs --check

# docs/cli.md and docs/config.md, from the code and from the comments of config.yaml.
docs: develop
	$(BIN)/python -m tools.generate_docs

format: develop
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: develop
	$(BIN)/python -m bench.path

# What metrics and web page cost the reading.
bench-around: develop
	$(BIN)/python -m bench.around

# rapidocr-onnxruntime would put another build of OpenCV over ours; what it needs besides, rapidocr
# brings.
bench-peers: develop
	$(PIP) --editable .[bench]
	$(PIP) --no-deps rapidocr-onnxruntime

# LINES names a folder of labelled lines.
bench-recognizer: bench-peers
	$(BIN)/python -m bench.recognizer $(LINES)

# PAGES names a folder of labelled pages. Tesseract reads along where it is installed (Debian's
# tesseract-ocr and tesseract-ocr-chi-sim).
bench-pages: bench-peers
	$(BIN)/python -m bench.pages $(PAGES) --peers all $(ARGS)

# MINUTES for each of the two readers of untrusted bytes; findings go to .fuzz/TARGET/found.
MINUTES ?= 15
fuzz: develop
	$(PIP) --editable .[fuzz]
	$(BIN)/python -m tests.fuzz completeness --minutes $(MINUTES)
	$(BIN)/python -m tests.fuzz pages --minutes $(MINUTES)

# Fonts and texts to train from: packages of Debian, npm and PyPI, fetched, never installed.
fonts: develop
	$(BIN)/python -m training fetch --into .training

image:
	docker build --tag ocr-daemon $(if $(TORCH_INDEX),--build-arg TORCH_INDEX=$(TORCH_INDEX)) .

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .fuzz
