#!/usr/bin/env bash
# The same announcements through BGPy (in .venv-peers, made when missing) and through Anyplane.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m bench.peers "$@"
