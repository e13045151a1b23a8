#!/bin/bash
# Runs test files again and again, for what fails only now and then:
#
#   tools/repeat.sh N FILE...           tools/repeat.sh 10 tests/kv_*.test
#
# One at a time, at low priority; a line for each file, after it the output of each run that failed, crashed, hung or held no test. The
# last line is the number of runs that failed; exit status 1 if there are any. Environment: NATS_TCLSH (default tclsh), NATS_TEST_LIMIT
# (seconds a run may take, default 300), NATS_TEST_SERVER and whatever else the tests read.
set -u
times=${1:-}
if ! [[ $times =~ ^[1-9][0-9]*$ ]] || [ $# -lt 2 ]; then
    sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
shift
export NATS_TCLSH=${NATS_TCLSH:-tclsh}
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# What was wrong with a run, by its status and its output; nothing if all is well.
verdict() {
    case $1 in
        0) ;;
        124 | 137) echo "hung: ended after ${NATS_TEST_LIMIT:-300} s"; return ;;
        *) echo "ended with status $1"; return ;;
    esac
    local totals
    totals=$(grep -aP '^\S+:\tTotal\t\d+\tPassed' "$output")
    case $totals in
        '') echo "printed no totals" ;;
        *$'Total\t0\t'*) echo "holds no test" ;;
        *$'Failed\t0') ;;
        *) echo "failed: $(sed -n 's/^==== \(\S*\) FAILED$/\1/p' "$output" | tr '\n' ' ')" ;;
    esac
}

failed=0
for file; do
    bad=0
    begin=$SECONDS
    for ((run = 1; run <= times; run++)); do
        # The servers and proxies of a run end with it: tools/server_guard.py.
        timeout -k 1 "${NATS_TEST_LIMIT:-300}" nice -n 10 $NATS_TCLSH "$file" </dev/null >"$output" 2>&1
        wrong=$(verdict $?)
        if [ -n "$wrong" ]; then
            ((bad++))
            printf '######## %s, run %d of %d: %s\n' "$file" "$run" "$times" "$wrong"
            cat "$output"
        fi
    done
    printf '%-40s %d of %d failed, %d s\n' "$file" "$bad" "$times" $((SECONDS - begin))
    ((failed += bad))
done
echo "$failed failed"
[ "$failed" -eq 0 ]
