# Publishing to a stream with a window: many messages on their way, acknowledgements that cost the script nothing.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh examples/publisher.tcl
package require nats

set conn [nats::connection new example]
$conn configure -servers [expr {[info exists env(NATS_URL)] ? $env(NATS_URL) : "nats://127.0.0.1:4222"}]
$conn connect
set js [$conn jet_stream]
$js create_stream ORDERS -subjects orders.> -storage memory

# Each message gets an ID: what nobody acknowledges in time is sent again, and stored once.
set publisher [$js publisher -window 500 -msg_ids true -on_ack acknowledged -ack_every 1000]
proc acknowledged {number ack} {
    puts "message $number is in the stream, at [dict get $ack seq]"
}
for {set i 1} {$i <= 3000} {incr i} {
    $publisher publish orders.new "order $i"
}
# One that the stream refuses: it expects another last message.
$publisher publish orders.new late -expected_last_seq 7

set counts [$publisher flush]
puts "acknowledged: [dict get $counts acked], failed: [dict get $counts failed]"
foreach failure [$publisher failures] {
    puts "message [dict get $failure number]: [dict get $failure message]"
}
$publisher destroy
$js delete_stream ORDERS
$conn destroy
