#!/usr/bin/env bash
# The main job on an example: check the design, plan it on a synthetic Internet, write the page.
set -euo pipefail
cd "$(dirname "$0")/.."
design=examples/saas-six-continents.yaml
mkdir -p out

echo "\$ anyplane check $design"
.venv/bin/anyplane check "$design"
echo
echo "\$ anyplane plan $design --html out/plan.html"
# An objective that is broken ends `plan` with 1; that is an answer, not a failure of the demonstration.
.venv/bin/anyplane plan "$design" --html out/plan.html || [ $? = 1 ]
echo
echo "The same with a world map:            out/plan.html (open it in a browser)"
echo "Why a network goes where it goes:     .venv/bin/anyplane explain $design --from AS3320@FRA"
echo "On the real Internet (CAIDA's graph): .venv/bin/anyplane topology fetch"
echo "Your own design:                      docs/tutorial/first-plan.md"
