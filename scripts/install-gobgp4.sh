#!/usr/bin/env bash
# Unpack GoBGP 4 into .cache/gobgp4 for the tests: Debian's package of a newer suite, fetched by this machine's own
# apt from its own mirror, into directories of its own. Nothing is installed and no setting of apt is changed.
# Without it those tests skip, but under CI=true they fail.
set -euo pipefail

cd "$(dirname "$0")/.."
goal=$PWD/.cache/gobgp4
suite=${ANYPLANE_GOBGP4_SUITE:-sid}
[ -x "$goal/usr/bin/gobgpd" ] && exec "$goal/usr/bin/gobgpd" --version

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  echo "GoBGP 4 comes as a Debian package, and this system has no apt; its tests are skipped" >&2
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial"

# The machine's own Debian mirror and key, with the suite replaced: deb822 first, else the one-line form.
mirror=$(sed -n 's/^URIs:[[:space:]]*//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) {print $i; exit}}' /etc/apt/sources.list)
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
  "$mirror" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg >"$work/parts/$suite.sources"

options=(
  -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/parts"
  -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
  -o "Acquire::Languages=none" -o "APT::Sandbox::User=root"
)
apt-get "${options[@]}" -qq update
(cd "$work" && apt-get "${options[@]}" -qq download gobgpd)
mkdir -p "$work/root" "$(dirname "$goal")"
dpkg-deb -x "$work"/gobgpd_4*.deb "$work/root"
"$work/root/usr/bin/gobgpd" --version
rm -rf "$goal"
mv "$work/root" "$goal"
