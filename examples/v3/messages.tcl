# Dialect 3: publishing to a stream, fetching, acknowledging.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh messages.tcl
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

set conn [nats::connection new "messages example"]
$conn configure -servers $env(NATS_URL)
$conn connect

set js [$conn jet_stream]
set stream EXAMPLE_[pid]
$js add_stream $stream -subjects example.[pid].> -storage memory
expect "stored with sequence:" [dict get [$js publish example.[pid].a one -stream $stream] seq] 1
$js publish example.[pid].b two

$js add_pull_consumer $stream worker
foreach message [$js fetch $stream worker -batch_size 10] {
    expect "message [dict get [nats::metadata $message] stream_seq]:" [nats::msg data $message] [expr {[nats::msg subject $message] eq "example.[pid].a" ? "one" : "two"}]
    $js ack_sync $message
}
expect "nothing is left:" [$js fetch $stream worker -timeout 100] {}

# A pull that brings nothing tells why.
catch {$js fetch $stream nobody -timeout 200} text options
expect "no such consumer:" [dict get $options -errorcode] {NATS ErrConsumerNotFound}
$js delete_stream $stream

# The connection takes all objects made from it along.
$conn destroy
