# make run: see it work.  make test: all tests this machine can run.  make install: as a service (root).
# make test-NAME: what takes minutes, a folder of tests/slow each (CONTRIBUTING.md).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=  # else each process that a test starts compiles all anew

.PHONY: run test lint bench install uninstall deb dist wheelhouse lock clean
run: $(VENV)/.run
	$(BIN)/vedette demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)
test-%: $(VENV)/.test
	$(BIN)/python -m pytest -s tests/slow/$* $(ARGS) $(ARGS_$*)

lint: $(VENV)/.test
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/vedette models pull person && $(BIN)/vedette bench $(ARGS)
	for part in cost untracked hop live tracker zones gate regions fairness outbox remote reload fleet; do $(BIN)/python -m tests.bench.$$part || exit 1; done

deb lock: $(VENV)/.run
	$(BIN)/python systemd/deb/$@.py $(ARCH:%=--arch=%)
dist wheelhouse: $(VENV)/.test
	$(BIN)/python systemd/deb/wheelhouse.py $@ $(ARCH:%=--arch=%)

install uninstall:
	sh systemd/$@.sh
clean:
	rm -rf $(VENV) build *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) && test -x $(BIN)/pip || { rm -f $@; echo "No virtual environment: apt install python3-venv (Python 3.10 or newer); if programs may not run here (noexec): make VENV=/another/folder"; exit 1; }
$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[openvino,demo]' && touch $@
$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[openvino,edgetpu,demo,test]' && touch $@ $(VENV)/.run
