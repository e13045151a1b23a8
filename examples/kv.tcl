# Key-value buckets: put, get, compare-and-set, history, delete, and what the errors look like.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh kv.tcl
#
# Needs a server with JetStream. Exits with 1 if something is not as the comments say.
package require nats

proc expect {what got wanted} {
    puts [format "%-44s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}

set conn [nats::connection new "kv example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream]
set kv [$js key_value]

# One object serves every bucket; the bucket is an argument. This one keeps five revisions of each key.
set bucket example_kv_[pid]
$kv add $bucket -history 5 -storage memory
expect "a new bucket has keys:" [$kv keys $bucket] {}

# Each write returns the revision that it made. Revisions count over the whole bucket.
expect "first revision:" [$kv put $bucket config.color blue] 1
expect "second revision:" [$kv put $bucket config.size large] 2

# An entry is a dict.
set entry [$kv get $bucket config.color]
expect "value:" [dict get $entry value] blue
expect "operation:" [dict get $entry operation] PUT
puts "written at [clock format [expr {[dict get $entry created] / 1000}]]"

# `update` writes only if nobody else has written since: read, change, and try again if somebody was faster.
proc increment {kv bucket key} {
    while {1} {
        try {
            set entry [$kv get $bucket $key]
            $kv update $bucket $key [dict get $entry revision] [expr {[dict get $entry value] + 1}]
            return
        } trap {NATS KeyNotFound} {} {
            # `create` likewise succeeds for one of several who try at the same time.
            catch {$kv create $bucket $key 0}
        } trap {NATS WrongLastSequence} {} {
        }
    }
}
for {set i 0} {$i < 3} {incr i} {
    increment $kv $bucket counter
}
expect "counter:" [dict get [$kv get $bucket counter] value] 3

try {
    $kv update $bucket config.color 999 green
    set message "no error"
} trap {NATS WrongLastSequence} {message} {
}
expect "an update of another revision:" $message "wrong last sequence: 1"

# A delete leaves a marker and the history; the key counts as absent.
$kv del $bucket config.color
try {
    $kv get $bucket config.color
    set message "no error"
} trap {NATS KeyNotFound} {message} {
}
expect "get of a deleted key:" $message "Key config.color not found"
expect "keys that have a value:" [$kv keys $bucket] {config.size counter}

proc operations {entries} {
    lmap entry $entries {list [dict get $entry operation] [dict get $entry value]}
}
expect "its history:" [operations [$kv history $bucket config.color]] {{PUT blue} {DEL {}}}

# Any revision that is still there can be put again.
$kv revert $bucket config.color 1
expect "reverted:" [dict get [$kv get $bucket config.color] value] blue

# A purge removes the history too.
$kv purge $bucket config.color
expect "history after a purge:" [operations [$kv history $bucket config.color]] {{PURGE {}}}

set info [$kv info $bucket]
expect "the bucket keeps revisions:" [dict get $info history] 5
expect "its stream:" [dict get $info stream] KV_$bucket

# An object that cannot change anything, for code that should only look.
set reader [$js key_value -read_only true]
expect "a reader reads:" [dict get [$reader get $bucket counter] value] 3
catch {$reader put $bucket counter 0} message options
expect "and does not write:" [dict get $options -errorcode] {NATS KvReadOnly}

$kv del $bucket
expect "the bucket is listed:" [expr {$bucket in [$kv ls]}] 0

foreach object [list $reader $kv $js $conn] {
    $object destroy
}
