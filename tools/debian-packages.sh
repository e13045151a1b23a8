#!/bin/bash
# tools/debian-packages.sh SUITE FOLDER PACKAGE...: unpacks packages of a Debian suite into FOLDER, whatever this machine runs; nothing is
# installed. Needs apt, not root.
#
# Environment: DEBIAN_MIRROR names another mirror than http://deb.debian.org/debian.
set -u
export LC_ALL=C
suite=$1 folder=$2
shift 2
command -v apt-get >/dev/null && command -v dpkg >/dev/null || { echo 'no apt here' >&2; exit 1; }
mkdir -p "$folder" && scratch=$(mktemp -d -p "$folder") || exit 1
trap 'rm -rf "$scratch"' EXIT

# Separate lists, cache and sources: those of the machine are another suite's, and root's.
apt() {
    local program=$1
    shift
    "$program" -qq -o "Dir::Etc::SourceList=$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::status=$scratch/status" -o "Dir::State::lists=$scratch/lists" -o "Dir::Cache=$scratch/cache" \
        -o APT::Sandbox::User= \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
signed=
[ -e $keyring ] && signed="[signed-by=$keyring] "
mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial"
touch "$scratch/status" # of no packages: what is installed here does not count
echo "deb $signed${DEBIAN_MIRROR:-http://deb.debian.org/debian} $suite main" > "$scratch/sources.list"
apt apt-get update >/dev/null && (cd "$scratch" && apt apt-get download "$@") || exit 1
for package in "$scratch"/*.deb; do
    dpkg -x "$package" "$folder" || exit 1
done
