# Every target makes what it needs: a virtual environment in .venv, with the extras of pyproject.toml that it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROCESSES := -n logical --maxprocesses 8 --dist worksteal
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test test-slow lint notebooks notebooks-run bench checkers clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

demo: $(VENV)/.demo  ## Train LeNet-5 on real handwritten digits; ARGS="--help" lists what can be changed
	$(BIN)/python demo.py $(ARGS)

test: lint  ## Lint, types, tests and docstring examples; ARGS="-k name" picks tests, "-n 0" runs them in one process
	$(BIN)/python -m pytest $(PROCESSES) -m 'not slow' $(ARGS)

test-slow: $(VENV)/.test  ## The tests that take long
	$(BIN)/python -m pytest $(PROCESSES) -m slow $(ARGS)

lint: $(VENV)/.test  ## Ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebooks: $(VENV)/.notebooks  ## Open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir notebooks $(ARGS)

notebooks-run: $(VENV)/.notebooks  ## Run all notebooks anew and store their outputs; ARGS="04 08" picks some by number
	$(BIN)/python notebooks/run.py $(ARGS)

bench: $(VENV)/.bench  ## Speed and memory beside PyTorch, MyGrad and HIPS autograd; ARGS="--help" lists what can be chosen
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python -m tests.benchmarks $(ARGS)  # BLAS picks its own kernels

checkers: $(VENV)/.bench  ## Planted faults: what gradcheck and the checkers of PyTorch, HIPS autograd and JAX find; ARGS="--help"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.checkers $(ARGS)

clean:  ## Remove the virtual environment, all caches and the demo's output
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis demo-output
	find . \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

$(VENV)/.%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.version_info >= (3, 11) or sys.exit("stepgrad needs Python 3.11 or later, and \
	$(VENV) has " + sys.version.split()[0] + ": make clean, then make … PYTHON=python3.11")'
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@
