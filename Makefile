# The verbs of the project; .ci/run does the same on a clean clone.
PYTHON ?= .venv/bin/python

.PHONY: install packages lint format types test slow vulkan swiftshader windows-python on-windows wine lowest \
	golden docs bench faults wheel try-wheel release

install:            ## everything, for development
	python3 -m venv .venv && $(MAKE) packages PYTHON=.venv/bin/python

packages:           ## the same without an environment of its own, as the workflows use it
	$(PYTHON) -m pip install -c constraints.txt -e '.[dev]'

lint:
	$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check .

format:
	$(PYTHON) -m ruff check --fix . && $(PYTHON) -m ruff format .

types:
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

# Seconds of one core with AVX-512, each; .ci/run takes only what is marked `ci`.
#   ci  5  every model but photo on Set5 (all nine)      ci  9  the same by the judge's script
#   ci  6  bicubic as published (all four)               ci 18  the corpus of odd files
#   ci 19  memory that really runs out                   ci 20  two processes train as one does
#   ci 11  an engine, built and cached                   ci  1  300 mixed files
#   ci 29  ten runs killed at any moment
#    2-3   fast on Set14, a scale (others take longer)     7-9  fast on BSD100, a scale
#       6  an engine (22 models and precisions)             36  a compiled training
#       1  a call that hangs (10 ways)                      60  damaged files, for a minute
# Not measured one by one: calls that fail, 20,000 files, large pictures, and what is quick
# for fast with the weights of the other models. The run ends with what took longest.
slow:               ## the tests that take longer; some need ../shared
	$(PYTHON) -m pytest -m "slow and not gpu" --durations=30

# Vulkan without a GPU. On Debian and x86-64; it unpacks a package, and installs nothing.
SWIFTSHADER := $(CURDIR)/.venv/swiftshader
CHROMIUM := $(SWIFTSHADER)/usr/lib/chromium
swiftshader:        ## SwiftShader, a GPU that is a program, for `make vulkan`; as root
	apt-get update --quiet=2 && mkdir -p $(SWIFTSHADER)
	cd $(SWIFTSHADER) && apt-get download --quiet=2 chromium-common
	dpkg-deb --extract $(SWIFTSHADER)/chromium-common_*.deb $(SWIFTSHADER)

ON_SWIFTSHADER = LD_LIBRARY_PATH=$(CHROMIUM) VK_ICD_FILENAMES=$(CHROMIUM)/vk_swiftshader_icd.json
vulkan:             ## webgpu and ncnn, on SwiftShader if it was fetched, else on what is here
	$(if $(wildcard $(CHROMIUM)),$(ON_SWIFTSHADER)) \
		$(PYTHON) -m pytest tests/upscaler -m "vulkan and not slow" --durations=10

# Windows without Windows: see docs/internals/windows.md. On Debian and x86-64.
WINE := $(CURDIR)/.venv/wine
windows-python:     ## Debian's wine, and CPython for Windows with all packages, for `make wine`; as root
	apt-get update --quiet=2
	apt-get install --quiet=2 --yes --no-install-recommends wine wine64
	tests/wine/install.sh $(WINE)

ON_WINDOWS ?= tests/upscaler/hardware tests/upscaler/supervisor
on-windows:         ## the tests of what Windows does in another way, on Windows
	$(PYTHON) -m pytest $(ON_WINDOWS)

wine:               ## the same under wine; make wine ON_WINDOWS=tests/upscaler/images for others
	bash -o pipefail -c "tests/wine/python $(WINE) -m pytest -p no:cacheprovider --timeout 300 \
		$(ON_WINDOWS) </dev/null 2>&1 | cat"

# `click>=8.5` in pyproject.toml -> click==8.5
LOWEST := $(shell sed -n '/^dependencies/,/^]/s/.*"\(.*\)>=\([^;"]*\).*/\1==\2/p' pyproject.toml)
lowest:             ## a plain installation of the lowest versions that pyproject.toml allows
	python3 -m venv .venv/lowest
	.venv/lowest/bin/pip install --quiet $(LOWEST) hypothesis pytest pytest-xdist -e .
	.venv/lowest/bin/python -m pytest -q tests/upscaler/cli tests/upscaler/images \
		tests/upscaler/inference -k "not packaged"  # which measures every model

golden:             ## after a model was meant to change: what each makes, for tests/test_golden.py
	$(PYTHON) -m pytest tests/test_golden.py --write-golden

docs:               ## the generated parts: command reference and pictures
	$(PYTHON) docs/reference/generate.py

KILLS ?= 100
FIFO_SECONDS ?= 60
faults:             ## everything that a run survives, counted into docs/lab/reliability.md (half an hour)
	FAULT_KILLS=$(KILLS) FAULT_FIFO_SECONDS=$(FIFO_SECONDS) $(PYTHON) -m pytest tests/upscaler \
		-m "fault and not gpu" -o junit_family=xunit1 --junit-xml=.faults.xml
	$(PYTHON) docs/lab/reliability.py .faults.xml && rm .faults.xml

bench:              ## make bench PHOTOS=folder
	$(PYTHON) benchmarks/peers/compare.py $(PHOTOS) -o benchmarks/results

wheel:              ## dist/*.whl
	rm -rf dist && $(PYTHON) -m pip wheel --no-deps --wheel-dir dist .

try-wheel:          ## the wheel by itself: it is installed, and enlarges the samples
	python3 -m venv --clear .venv/wheel && .venv/wheel/bin/pip install --quiet dist/*.whl
	cd dist && ../.venv/wheel/bin/upscaler run ../samples samples

release:            ## make release TAG=v0.2.0: the wheel, for the tag of its version
	test "dist/upscaler_aeu-$(TAG:v%=%)-py3-none-any.whl" = "$$(echo dist/*.whl)"
	gh release create $(TAG) dist/*.whl --verify-tag --title $(TAG) --notes-from-tag
