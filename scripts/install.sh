#!/usr/bin/env bash
# Make .venv with the pinned dependencies and this package in it. Needs python3 (3.11 to 3.13) and a package index.
set -euo pipefail
cd "$(dirname "$0")/.."

python=""
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
  if command -v "$candidate" >/dev/null && "$candidate" -c \
    'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "Anyplane needs Python 3.11, 3.12 or 3.13; found: $(python3 --version 2>&1 || echo none)." >&2
  echo "Name one with: make PYTHON=/path/to/python3.12" >&2
  exit 2
fi

# Debian and Ubuntu ship python3 without the part of it that makes environments.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $version"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$version" >/dev/null
  else
    echo "$python cannot make virtual environments here. Fix: sudo apt-get install $version" >&2
    exit 2
  fi
fi

echo "setting up .venv (once; about a minute)"
# One that was broken off has no pip yet: it is made again.
{ [ -f .venv/pyvenv.cfg ] && .venv/bin/python -m pip --version >/dev/null 2>&1; } || "$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
touch .venv/.installed
