#!/usr/bin/env bash
# Install the Debian packages that `make demo` and `anyplane lab` use: BIRD and Knot. Without root: say nothing, as
# the command itself says what is missing and how to install it.
set -euo pipefail

# program -> package
wanted=(bird:bird2 knotd:knot ip:iproute2 nsenter:util-linux)
PATH=$PATH:/usr/sbin:/sbin
needed=()
for pair in "${wanted[@]}"; do
  command -v "${pair%:*}" >/dev/null || needed+=("${pair##*:}")
done
if [ ${#needed[@]} = 0 ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  exit 0
fi

echo "installing ${needed[*]}"
# A router that starts by itself where somebody looks at a demonstration would be a surprise: nothing is started.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
