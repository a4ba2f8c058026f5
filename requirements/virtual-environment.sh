#!/bin/sh
# Makes the virtual environment, or says in one sentence what is missing. Called by the Makefile with PYTHON and VENV.
set -eu

if ! command -v "$PYTHON" >/dev/null 2>&1; then
	echo "Mandate needs Python 3.11 or newer, and '$PYTHON' was not found. Install it, or name it: make run PYTHON=python3.12" >&2
	exit 1
fi
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	echo "Mandate needs Python 3.11 or newer, and '$PYTHON' is $("$PYTHON" -c 'import platform; print(platform.python_version())')." \
		"Install a newer one, or name it: make run PYTHON=python3.12" >&2
	exit 1
fi
if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
	echo "This Python has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2
	exit 1
fi
if ! "$VENV/bin/python" -c '' 2>/dev/null; then
	echo "Making the virtual environment $VENV …"
	"$PYTHON" -m venv --clear "$VENV"
fi
