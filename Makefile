# One list of commands. `make demo` and `make test` need nothing but Debian 12 with Python 3.11+.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check format snapshots bench readme debian lock clean

demo: $(VENV)/.demo ## set up and open the cockpit on the embedded demo cluster
	$(BIN)/crashcart demo

test: debian $(READY) ## set up everything, run all gates and all tests
	$(MAKE) --no-print-directory check
	$(BIN)/pytest -n 4 --dist loadfile -m "not bench and not gpu"

check: $(READY) ## the gates alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

snapshots: $(READY) ## draw the pictures of the screens again; look at the differences before you commit them
	$(BIN)/pytest tests/screens --snapshot-update -m "not bench"

bench: $(READY) ## figures, with a floor or a peer in the same run
	$(BIN)/pytest tests/bench -m bench -s -p no:cacheprovider

debian: ## services that tests start for real: Slurm, OpenSSH, tmux
	@./tests/install-debian-packages

$(VENV)/bin/python:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Crashcart needs Python 3.11 or newer"; exit 1; }
	@python3 -m venv $(VENV) 2>/dev/null || { echo "python3 -m venv does not work: apt-get install python3-venv"; exit 1; }

$(VENV)/.demo: $(VENV)/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(READY): $(VENV)/.demo requirements-dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

readme: $(READY) ## make the generated parts of the README anew
	$(BIN)/python -m tests.readme

lock: ## resolve the dependencies again (needs uv); review the result like code
	uv lock --upgrade
	uv export -q --no-dev --no-emit-project --no-header -o requirements.txt >/dev/null
	uv export -q --only-dev --no-header -o requirements-dev.txt >/dev/null
