#!/bin/bash
# Tcl 9 with Thread and tcllib, from Debian 13's packages, in .tools/tcl9; nothing is installed. Needs apt, not root.
#
#   tools/tcl9.sh          fetches it unless this machine has a Tcl 9 of its own
#   tools/tcl9.sh find     prints the path of a tclsh of Tcl 9; exit status 1 if there is none
#
# Environment: TCLSH9 names a tclsh of Tcl 9, DEBIAN_MIRROR another mirror than http://deb.debian.org/debian.
set -u
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.." && mkdir -p .tools || exit 1
tools=$(cd .tools && pwd -P) # it may be a link
suite=trixie
packages=(tcl9.0 libtcl9.0 tcl9.0-dev tcl9.0-thread tcllib libc6 zlib1g libtommath1 libgcc-s1 patchelf)
scratch=

say() { printf 'tcl9: %s\n' "$*"; }
fail() { printf 'tcl9: %s\n' "$*" >&2; exit 1; }

# It runs, is of version 9, and finds its library.
is_tcl9() { [ "$(echo 'puts [package vsatisfies [package require Tcl] 9.0-]' | "$1" 2>/dev/null)" = 1 ]; }

find_tclsh() {
    local name path
    for name in "${TCLSH9:-}" tclsh9.0 tclsh9.1 tclsh "$tools/tcl9/bin/tclsh9.0"; do
        path=$(command -v "$name") && is_tcl9 "$path" && echo "$path" && return
    done
    return 1
}

# bin lib include, with a program that finds its own libraries: `info nameofexecutable` is right, and children are not affected.
arrange() {
    local from=$scratch/root to=$scratch/tcl9 triple loader library patch
    triple=$(basename "$(dirname "$(ls -d "$from"/usr/lib/*/libtcl9.0.so)")")
    from=$from/usr
    mkdir -p "$to/bin" "$to/lib/tcl9"
    cp -a "$from/bin/tclsh9.0" "$to/bin/"
    cp -a "$from/lib/tcl9.0/tcl9" "$to/lib/tcl9/9.0" # where Tcl looks for modules beside the program
    cp -a "$from/lib/tcl9.0" "$to/lib/" && rm -r "$to/lib/tcl9.0/tcl9"
    cp -a "$from"/share/tcltk/tcllib* "$from/lib/tcltk/$triple"/thread* "$to/lib/"
    cp -a "$from/include/tcl9.0" "$to/include"
    for library in libtcl9.0.so libtclstub9.0.a 'ld-linux*' libc.so.6 libm.so.6 libz.so.1 libtommath.so.1 libgcc_s.so.1 \
        libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libnss_dns.so.2 libnss_files.so.2; do
        cp -L "$from/lib/$triple"/$library "$to/lib/" || return 1
    done
    sed -e "s|-L/usr/lib/$triple|-L$tools/tcl9/lib|g" -e "s|/usr/lib/$triple|$tools/tcl9/lib|g" \
        -e "s|-I/usr/include/tcl9.0|-I$tools/tcl9/include|g" "$from/lib/$triple/tcl9.0/tclConfig.sh" > "$to/lib/tclConfig.sh"
    # A patchelf of this machine if there is one: the other needs the newer C library, which the loader brings.
    loader=$(basename "$to"/lib/ld-linux*)
    patch=("$to/lib/$loader" --library-path "$to/lib:$from/lib/$triple" "$from/bin/patchelf")
    command -v patchelf >/dev/null && patch=(patchelf)
    # RPATH, not RUNPATH: it holds for the libraries of loaded libraries too.
    "${patch[@]}" --set-interpreter "$tools/tcl9/lib/$loader" --force-rpath --set-rpath '$ORIGIN/../lib' "$to/bin/tclsh9.0"
}

if [ "${1:-}" = find ]; then
    find_tclsh
    exit
fi
if found=$(find_tclsh); then
    say "$found"
    exit
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail 'no Tcl 9 here, and no apt to fetch one; TCLSH9 may name one'
scratch=$(mktemp -d -p "$tools")
trap 'rm -rf "$scratch"' EXIT
say "fetching Debian's Tcl 9"
tools/debian-packages.sh $suite "$scratch/root" "${packages[@]}" || fail "Debian's packages of Tcl 9 could not be fetched"
arrange || fail "Debian's packages of Tcl 9 are not as expected"
rm -rf "$tools/tcl9"
mv "$scratch/tcl9" "$tools/tcl9"
find_tclsh >/dev/null || fail "$tools/tcl9/bin/tclsh9.0 does not run here"
say "$tools/tcl9/bin/tclsh9.0"
