#!/bin/bash
# The rules of the tree that no compiler checks; says each breach, exit status 1 if there is any.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
status=0
breach() { printf '%s\n' "$1" >&2; status=1; }

mapfile -t files < <(git ls-files -co --exclude-standard -- '*.rs' '*.tcl' '*.test' '*.py' '*.sh' Makefile .ci/run)
for file in "${files[@]}"; do
    [ -f "$file" ] || continue
    lines=$(wc -l < "$file")
    [ "$lines" -le 400 ] || breach "$file: $lines lines, more than 400"
    # The words are written apart here, so that this file passes.
    found=$(grep -nE 'TO''DO|FIX''ME|XX''X|todo''!|unimplemented''!' "$file") && breach "$file: unfinished: $found"
    case $file in
        src/tcl/* | src/lib.rs) ;; # lib.rs has the entry symbol, and nothing else of the kind
        *.rs)
            # The names of lints hold the word, and comments may.
            found=$(grep -nE '\bunsafe\b' "$file" | grep -vE '^[0-9]+:\s*//|unsafe_code') \
                && breach "$file: unsafe outside src/tcl: $found"
            ;;
    esac
done
# A link to such a folder would take its place wherever the commit goes.
found=$(git ls-files .tools build target)
[ -z "$found" ] || breach "what was fetched or built is no source: $found"
# Imports point down and run in no circle; that the check would notice is checked first.
python3 tools/check-imports.py --self-test || status=1
exit $status
