#!/usr/bin/env bash
# Install the Debian packages that the tests use (a real browser). Without root: say what is missing and go on;
# those tests then skip, but under CI=true they fail.
set -euo pipefail

needed=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || needed+=(chromium)
[ ${#needed[@]} = 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${needed[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
else
  echo "missing: ${needed[*]}; its tests are skipped. Fix: sudo apt-get install ${needed[*]}" >&2
fi
