#!/usr/bin/env bash
# The demonstration: a dozen cities on real routers of this machine; a DNS server dies, a site is drained, and what
# users lose is measured. As root it installs what it needs; else it says what is missing and shows the plan.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-demo.sh
exec .venv/bin/anyplane lab demo
