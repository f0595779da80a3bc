#!/bin/sh
# Makes the folder .venv with the newest Python there is, and installs the pinned dependencies and the project into it.
# Needs a Python >= 3.11 with its venv module and nothing else. Run it by make, which runs it only when it is needed.
set -eu

venv=.venv
suitable='import sys; sys.exit(sys.version_info < (3, 11))'
complete='import ensurepip, venv'

usable() { # whether the environment is there, new enough and has pip
    "$venv/bin/python" -c "$suitable" 2>/dev/null && "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

newest_python() { # prints the first that will do; without one says why, on standard error
    incomplete=
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 python}; do
        path=$(command -v "$candidate") || continue
        "$path" -c "$suitable" 2>/dev/null || continue
        if "$path" -c "$complete" 2>/dev/null; then
            echo "$path"
            return
        fi
        incomplete=$path
    done
    if [ -n "$incomplete" ]; then
        echo "$incomplete has no venv module. On Debian and Ubuntu: apt install python3-venv." >&2
    elif [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is no Python 3.11 or newer." >&2
    else
        echo "No Python 3.11 or newer was found (looked for python3.14 to python3.11, python3 and python)." >&2
        echo "Install one, or name it: make PYTHON=/path/to/python3 ..." >&2
    fi
    return 1
}

if ! usable; then
    python=$(newest_python)
    echo "Making $venv with $python ($("$python" -c 'import platform; print(platform.python_version())'))" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_REQUIRE_VIRTUALENV=1
echo "Installing the pinned dependencies into $venv" >&2
"$venv/bin/python" -m pip install --quiet --require-hashes --requirement requirements/dev.txt
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
