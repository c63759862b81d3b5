#!/bin/sh
# Makes (or completes) the virtual environment VENV with Bandwatch and its development tools, as pinned in constraints.txt.
# Usage: install-python.sh VENV [EXTRAS]        EXTRAS: torch,dev, or torch,dev,bench; PY=python3.12 chooses the interpreter.
set -eu
venv=$1
extras=${2:-torch,dev}
py=${PY:-python3}

fail() { echo "install-python: $*" >&2; exit 1; }

"$py" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$py is missing or older than 3.11: install Python >= 3.11, or name one: make PY=/path/to/python3.12"

if command -v uv >/dev/null 2>&1; then
    [ -x "$venv/bin/python" ] || uv venv --quiet --python "$py" "$venv"
    exec uv pip install --python "$venv/bin/python" --constraints constraints.txt --editable ".[$extras]"
fi

if ! [ -x "$venv/bin/python" ]; then
    # Debian keeps ensurepip in a package of its own.
    if ! "$py" -c 'import ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3-venv
    fi
    "$py" -m venv "$venv" || fail "$py -m venv failed: install the venv module (Debian: apt install python3-venv) or uv"
fi
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip
exec "$venv/bin/python" -m pip install --constraint constraints.txt --editable ".[$extras]"
