#!/usr/bin/env bash
# Put BIRD 3 into .cache/bird3, for the tests that hold us to it. Debian 12 packages BIRD 2 only; the release after
# it has BIRD 3, so it is fetched from there by apt, from the mirror that this machine's apt already uses and with
# the same signatures, and runs with its own C library out of that directory. The system is left as it is.
# Once it is there, this does nothing. Without apt: says what is missing; under CI=true that is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${1:-trixie}
root=$PWD/.cache/bird3

if "$root/sbin/bird" --version 2>&1 | grep -q "version 3"; then
  exit 0
fi
give_up() {
  echo "BIRD 3 is not installed, so its tests are skipped: $1" >&2
  if [ "${CI:-}" = true ]; then exit 1; else exit 0; fi
}
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || give_up "Debian's apt is needed; or put BIRD 3 at $root/sbin/bird"

# shellcheck disable=SC2016  # the variables are apt's
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' 'Created-By: Packages' |
  awk '$2 == "Debian" && $3 == "Debian" && $4 == "main" && !found { print $1; found = 1 }')
[ -n "$mirror" ] || give_up "apt knows no Debian mirror here; apt-get update?"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,archives}/partial "$work/parts"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/sources.list"
: >"$work/status"
apt=(apt-get -qq
  -o "Dir::State=$work" -o "Dir::State::Lists=$work/lists" -o "Dir::State::status=$work/status"
  -o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/parts"
  -o "Dir::Etc::Preferences=$work/none" -o "Dir::Etc::PreferencesParts=$work/parts"
  -o "Dir::Cache=$work" -o "Dir::Cache::Archives=$work/archives"
  -o "APT::Sandbox::User=" -o "Acquire::Languages=none")
"${apt[@]}" update || give_up "the mirror does not serve $suite"

# What the daemon links to, and no more of that release.
packages=(bird3 libc6 libssh-4 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1
  libssl3t64 zlib1g libzstd1 libreadline8t64 libtinfo6)
(cd "$work" && "${apt[@]}" download "${packages[@]}") || give_up "$suite lacks one of: ${packages[*]}"
rm -rf "$root"
mkdir -p "$root/tree" "$root/sbin"
for package in "$work"/*.deb; do
  dpkg-deb --extract "$package" "$root/tree"
done

loader=$(find "$root/tree" -name 'ld-linux-*.so.*' -print -quit)
libraries=$(find "$root/tree" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
for program in bird birdc; do
  binary=$(find "$root/tree" -path "*sbin/$program" -print -quit)
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" "$libraries" "$binary" >"$root/sbin/$program"
  chmod 755 "$root/sbin/$program"
done
"$root/sbin/bird" --version >&2
