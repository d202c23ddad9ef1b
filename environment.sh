# Sourced by ./run and ./test. `environment EXTRAS` makes .venv hold this project and its dependencies, installing
# only when pyproject.toml, constraints.txt or the interpreter is not the one it was installed for; then $fresh is not empty.

root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$root/.venv

fitting_python() {
    for candidate in "${PYTHON:-python3.13}" python3.12 python3.11 python3.14 python3 python; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "This needs Python 3.11 or newer with venv and pip (on Debian and Ubuntu: apt install python3-venv)." >&2
    echo "If yours has another name, say PYTHON=/path/to/python $0" >&2
    exit 1
}

environment() {
    fresh=
    if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
        python=$(fitting_python) || exit 1
        echo "Making a virtual environment in .venv with $("$python" --version)" >&2
        "$python" -m venv --clear "$venv"
    fi
    installed=$venv/installed$1
    wanted="$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum) $("$venv/bin/python" --version)"
    if [ "$(cat "$installed" 2>/dev/null)" != "$wanted" ]; then
        echo "Installing ozone-recon and what it needs (once; a minute or two)" >&2
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --constraint "$root/constraints.txt" --editable "$root$1"
        echo "$wanted" >"$installed"
        fresh=yes
    fi
}
