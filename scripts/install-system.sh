#!/usr/bin/env bash
# Install the Debian packages that the tests use: BGP daemons, servers, a real browser. Without root: say what is
# missing and go on; those tests then skip, but under CI=true they fail.
set -euo pipefail
cd "$(dirname "$0")/.."

# program (or path, where * stands for the architecture) -> package
wanted=(
  chromium:chromium
  ip:iproute2 sysctl:procps setpriv:util-linux ping:iputils-ping
  bird:bird2 /usr/lib/frr/bgpd:frr '/usr/lib/*/frr/modules/bgpd_rpki.so:frr-rpki-rtrlib'
  gobgpd:gobgpd bgpctl:openbgpd
  knotd:knot nsd:nsd stayrtr:stayrtr
  unbound:unbound kdig:knot-dnsutils nginx:nginx-light chronyd:chrony openssl:openssl faketime:faketime
)
PATH=$PATH:/usr/sbin:/sbin
is_there() {
  case $1 in
    */*) compgen -G "$1" ;;
    *) command -v "$1" ;;
  esac >/dev/null
}
needed=()
for pair in "${wanted[@]}"; do
  program=${pair%:*}
  is_there "$program" || needed+=("${pair##*:}")
done
newer() {
  # Debian 12 has neither: they come from a newer release into .cache, beside the system.
  scripts/install-bird3.sh
  scripts/install-gobgp4.sh
}

if [ ${#needed[@]} = 0 ]; then
  newer
  exit 0
fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${needed[*]}"
  # A router that starts by itself where somebody runs tests would be a surprise: nothing is started.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
else
  echo "missing: ${needed[*]}; their tests are skipped. Fix: sudo apt-get install ${needed[*]}" >&2
fi
newer
