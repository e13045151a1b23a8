#!/bin/sh
# tools/find-tcl.sh MAJOR: the path of the tclConfig.sh of Tcl 8 (8.6 or later) or 9; nothing, and exit status 1, if there is none.
#
# Environment: TCL_CONFIG names files or their folders, separated by colons or blanks; then nothing else is looked at.
major=$1
here=$(cd "$(dirname "$0")/.." && pwd)

# Whether the file is of that major version. Debian's /usr/lib/tclConfig.sh sources another one.
fits() {
    [ -f "$1" ] && [ "$(. "$1" 2>/dev/null && echo "$TCL_MAJOR_VERSION")" = "$major" ]
}

candidates() {
    if [ -n "${TCL_CONFIG:-}" ]; then
        case $TCL_CONFIG in
            [A-Za-z]:[/\\]*) printf '%s\n' "$TCL_CONFIG" ;; # a path of Windows
            *) printf '%s\n' "$TCL_CONFIG" | tr ': ' '\n\n' ;;
        esac
        return
    fi
    for root in /usr/local/lib /usr/lib /usr/lib64; do
        for version in 8.6 9.0 9.1; do
            echo "$root/$(uname -m)-linux-gnu/tcl$version"
            echo "$root/tcl$version"
        done
        echo "$root/$(uname -m)-linux-gnu"
        echo "$root"
    done
    for root in /opt/homebrew /usr/local; do
        echo "$root/opt/tcl-tk/lib"
        echo "$root/opt/tcl-tk@8/lib"
    done
    # What `make tcl9` brings.
    echo "$here/.tools/tcl9/lib"
}

candidates | while read -r path; do
    [ -d "$path" ] && path=$path/tclConfig.sh
    if fits "$path"; then
        echo "$path"
        break
    fi
done | grep . # its status says whether there was one
