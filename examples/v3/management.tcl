# Dialect 3: streams and consumers.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh management.tcl
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

set conn [nats::connection new "management example"]
$conn configure -servers $env(NATS_URL)
$conn connect

set js [$conn jet_stream]
set stream EXAMPLE_[pid]
set made [$js add_stream $stream -subjects example.[pid].> -storage memory -max_msgs 10]
expect "created:" [dict get $made did_create] true

# add_stream only creates; update_stream changes what it names.
catch {$js add_stream $stream -subjects example.[pid].> -storage memory -max_msgs 20} text options
expect "another configuration:" [dict get $options -errorcode] {NATS ErrJSResponse 400 10058}
expect "after the update:" [dict get [$js update_stream $stream -max_msgs 20] config max_msgs] 20

$js add_consumer $stream -durable_name reader -ack_wait 5000
expect "consumers:" [$js consumer_names $stream] reader
expect "in ms:" [dict get [$js update_consumer $stream -durable_name reader -ack_wait 7000] config ack_wait] 7000

# Parts of a configuration are made by helpers.
$js add_stream ${stream}_COPY -storage memory -mirror [nats::make_stream_source -name $stream]
expect "a mirror of:" [dict get [$js stream_info ${stream}_COPY] config mirror name] $stream
$js delete_stream ${stream}_COPY
expect "deleted:" [$js delete_stream $stream] true
catch {$js stream_info $stream} text options
expect "gone:" [dict get $options -errorcode] {NATS ErrStreamNotFound}

# The connection takes all objects made from it along.
$conn destroy
