#!/bin/bash
# tools/build-libraries.sh FOLDER: builds the library for Tcl 8.6 and for Tcl 9, whichever tools/find-tcl.sh finds, into FOLDER.
#
# Environment: CARGO, CARGO_TARGET_DIR, PROFILE, CARGO_BUILD_TARGET, and TCL_CONFIG, which see in find-tcl.sh.
set -u
folder=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
profile=${PROFILE:-release}
output=${CARGO_TARGET_DIR:-target}/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}$profile
[ "$profile" = dev ] && output=${output%dev}debug

case ${CARGO_BUILD_TARGET:-$(uname -s)} in
    *windows* | MINGW* | MSYS* | CYGWIN*) prefix='' suffix=.dll ;;
    *darwin* | Darwin) prefix=lib suffix=.dylib ;;
    *) prefix=lib suffix=.so ;;
esac

# Both in one run: on two cores they take hardly longer than one.
packages=()
libraries=()
built=
for major in 8 9; do
    config=$(tools/find-tcl.sh $major) || continue
    if [ $major = 9 ]; then
        packages+=(--package nats-tcl9)
        name=${prefix}tcl9nats$suffix
    else
        packages+=(--package nats-tcl)
        name=${prefix}nats$suffix
    fi
    libraries+=("$name")
    built+=" $name ($config)"
done
[ -n "$built" ] || { echo 'no tclConfig.sh found: install the headers of Tcl (Debian: apt-get install tcl-dev) or set TCL_CONFIG' >&2; exit 1; }
"${CARGO:-cargo}" build --profile "$profile" "${packages[@]}" || exit
for name in "${libraries[@]}"; do
    # By way of a new file: a running Tcl may have the old one mapped.
    cp "$output/$name" "$folder/$name.new" && mv -f "$folder/$name.new" "$folder/$name" || exit
done
echo "Built$built"
