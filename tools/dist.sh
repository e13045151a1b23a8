#!/bin/bash
# tools/dist.sh FOLDER: packs the commit that is checked out, with the sources of all crates, into FOLDER as nats-tcl-VERSION.tar.xz.
# `make build` of what is in it needs no network. The same commit gives the same bytes.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$1
version=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
name=nats-tcl-$version
[ -z "$(git status --porcelain)" ] || echo 'dist: what is not committed is left out' >&2
mkdir -p "$folder"
scratch=$(mktemp -d -p "$folder")
trap 'rm -rf "$scratch"' EXIT
git archive --prefix="$name/" HEAD | tar -x -C "$scratch"
mkdir "$scratch/$name/.cargo"
(cd "$scratch/$name" && "${CARGO:-cargo}" vendor --quiet --locked --versioned-dirs vendor)
cat > "$scratch/$name/.cargo/config.toml" <<'END'
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
END
tar -C "$scratch" --sort=name --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner -cf - "$name" \
    | xz -T1 > "$folder/$name.tar.xz"
echo "Packed $folder/$name.tar.xz ($(du -h "$folder/$name.tar.xz" | cut -f1))"
