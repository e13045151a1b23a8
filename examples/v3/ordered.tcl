# Dialect 3: every message of a stream, once and in order.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh ordered.tcl
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

set conn [nats::connection new "ordered example"]
$conn configure -servers $env(NATS_URL)
$conn connect

set js [$conn jet_stream]
set stream EXAMPLE_[pid]
$js add_stream $stream -subjects example.[pid] -storage memory
foreach text {one two three} {
    $js publish example.[pid] $text
}
set got {}
set consumer [$js ordered_consumer $stream -idle_heartbeat 200 -callback {apply {{message} {lappend ::got [nats::msg data $message]}}}]
wait_for {[llength $::got] == 3}
expect "in order:" $got {one two three}

# The consumer is deleted in the server: a new one takes over.
$js delete_consumer $stream [$consumer name]
$js publish example.[pid] four
wait_for {[llength $::got] == 4}
expect "nothing is lost:" $got {one two three four}
expect "why:" [dict get [set ${consumer}::last_error] code] {NATS ErrConsumerNotActive}
$js delete_stream $stream

# The connection takes all objects made from it along.
$conn destroy
