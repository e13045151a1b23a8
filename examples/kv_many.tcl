# Many keys at once: write and read them with few requests, watch some of them, let keys end by themselves.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh kv_many.tcl
#
# Needs nats-server 2.11 with JetStream. Exits with 1 if something is not as the comments say.
package require nats

proc expect {what got wanted} {
    puts [format "%-44s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}

set conn [nats::connection new "kv_many example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream]
set kv [$js key_value]

# Keys may end by themselves in a bucket that leaves markers for them.
set bucket example_many_[pid]
$kv add $bucket -storage memory -limit_marker_ttl 1000

expect "revisions:" [$kv mput $bucket {sensor.1 20 sensor.2 21 lamp.1 on}] {sensor.1 1 sensor.2 2 lamp.1 3}
expect "by name and by wildcard:" [$kv mget $bucket {lamp.1 sensor.*}] {lamp.1 on sensor.1 20 sensor.2 21}
expect "what has no value:" [$kv mget $bucket {lamp.1 lamp.2} -default off] {lamp.1 on lamp.2 off}

# Several writes that count on what was read: who was slower gets the names of the keys that somebody else has changed.
$kv put $bucket sensor.1 22
try {
    $kv mput $bucket {sensor.1 23 sensor.2 23} -revisions {sensor.1 1 sensor.2 2}
    set failed {}
} trap {NATS KvPartial} {message options} {
    set failed [dict keys [lindex [dict get $options -errorcode] 2]]
}
expect "changed meanwhile:" $failed sensor.1

# One watch of several keys.
proc changed {status entry} {
    if {$status eq ""} {
        lappend ::seen [dict get $entry key] [dict get $entry operation] [dict lookup $entry reason]
    }
    set ::event 1
}
$kv watch $bucket {lamp.* door} -updates_only true -callback changed
set seen {}
$kv create $bucket door open -ttl 1000
while {[llength $seen] < 6} {
    vwait event
}
expect "a key that ended by itself:" $seen {door PUT {} door PURGE MaxAge}

$kv del $bucket
$conn destroy
