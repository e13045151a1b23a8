#!/bin/bash
# tools/bindist.sh FOLDER: builds the package and packs it for this platform into FOLDER, as nats-tcl-VERSION-PLATFORM.tar.gz.
#
# On Linux it is linked against the C library of Debian 11, so that it runs on older systems too; where apt is missing, against this
# machine's. The last line says the oldest glibc that serves. Environment: MAKE, and what `make build` takes.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$1
suite=bullseye
packages=(libc6 libc6-dev libgcc-s1)
version=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
case $(uname -s) in
    Darwin) system=macos ;;
    MINGW* | MSYS* | CYGWIN*) system=windows ;;
    *) system=$(uname -s | tr '[:upper:]' '[:lower:]') ;;
esac
platform=$system-$(uname -m)

if [ "$system" = linux ] && [ -z "${NATS_SYSROOT:-}" ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
    mkdir -p .tools
    NATS_SYSROOT=$(cd .tools && pwd -P)/glibc-$suite
    if [ ! -e "$NATS_SYSROOT/complete" ]; then
        echo "bindist: fetching the C library of Debian's $suite"
        rm -rf "$NATS_SYSROOT"
        if tools/debian-packages.sh $suite "$NATS_SYSROOT" "${packages[@]}"; then
            # Links to /lib would lead to the libraries of this machine.
            find "$NATS_SYSROOT" -type l -lname '/*' -exec sh -c 'ln -sfn "$1$(readlink "$2")" "$2"' - "$NATS_SYSROOT" {} \;
            touch "$NATS_SYSROOT/complete"
        else
            echo 'bindist: it could not be had; the package is for systems with the C library of this one' >&2
            NATS_SYSROOT=
        fi
    fi
    export NATS_SYSROOT
fi

"${MAKE:-make}" --no-print-directory build BUILD="$folder/bindist"
package=$(ls -d "$folder"/bindist/nats[0-9]*)
name=nats-tcl-$version-$platform
stage=$folder/bindist/$name
rm -rf "$stage"
mkdir -p "$stage"
cp -r "$package" "$stage/"
cp README.md CHANGELOG.md LICENSE "$stage/"
cp -r docs examples "$folder/bindist/man" "$stage/"

needs=
if [ "$system" = linux ]; then
    # The newest version of a symbol that the libraries ask for.
    oldest=$(objdump -T "$stage"/nats*/*.so | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -uV | tail -1)
    needs="glibc $oldest or later, and "
fi
tcls=
for library in "$stage"/nats*/*nats.{so,dylib,dll}; do
    [ -e "$library" ] || continue
    case $library in
        *tcl9nats*) tcls+="${tcls:+ and }9.0" ;;
        *) tcls+="${tcls:+ and }8.6" ;;
    esac
done
cat > "$stage/INSTALL" <<END
nats $version for Tcl $tcls on $platform.

Needs ${needs}a Tcl of such a version; nothing else.

Try it where it is:   TCLLIBPATH=$(printf '$PWD') tclsh examples/tour.tcl     (with a nats-server on port 4222)
Install it:           copy the folder $(basename "$package") into a folder where your tclsh looks for packages;
                      echo 'puts [join \$auto_path \\n]' | tclsh   lists them
Manual pages:         man -l man/nats.n; to have them installed, copy them into share/man/mann
END
tar -C "$folder/bindist" --owner=0 --group=0 -czf "$folder/$name.tar.gz" "$name" 2>/dev/null || tar -C "$folder/bindist" -czf "$folder/$name.tar.gz" "$name"
echo "Packed $folder/$name.tar.gz: Tcl $tcls${needs:+, ${needs%, and }}"
