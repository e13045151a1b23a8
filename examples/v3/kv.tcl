# Dialect 3: a bucket, and an array that follows it.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh kv.tcl
#
# Needs a server with JetStream. Exits with 1 if something is not as the comments say.
package require nats 3

proc expect {what got wanted} {
    puts [format "%-44s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}
# Serves events until the expression, evaluated at global level, is true.
proc wait_for {expression} {
    set timer [after 10000 {puts stderr "waited too long"; exit 1}]
    while {![uplevel #0 [list expr $expression]]} {
        after 2 {set ::tick 1}
        vwait ::tick
    }
    after cancel $timer
}

set conn [nats::connection new "kv example"]
$conn configure -servers $env(NATS_URL)
$conn connect

set js [$conn jet_stream]
set bucket example_[pid]
set kv [$js create_kv_bucket $bucket -history 5 -storage memory]
expect "first revision:" [$kv put color blue] 1
expect "value:" [$kv get_value color] blue
expect "compare and set:" [$kv update color red 1] 2
catch {$kv update color green 1} text options
expect "somebody else was faster:" [dict get $options -errorcode] {NATS ErrWrongLastSequence}

# The array has an element for each key that has a value.
set watcher [$kv watch > -values_array ::settings]
wait_for {[info exists ::settings(color)]}
expect "the array:" [array get ::settings] {color red}
$kv put size large
wait_for {[info exists ::settings(size)]}
$kv delete color
wait_for {![info exists ::settings(color)]}
expect "after a put and a delete:" [array get ::settings] {size large}
$watcher destroy

expect "keys:" [$kv keys] size
expect "entries of color:" [llength [$kv history color]] 3
expect "removed:" [$js delete_kv_bucket $bucket] true

# The connection takes all objects made from it along.
$conn destroy
