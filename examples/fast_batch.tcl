# A fast batch: any number of messages to a stream, with one acknowledgement for many of them.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh examples/fast_batch.tcl
package require nats

set conn [nats::connection new example]
$conn configure -servers [expr {[info exists env(NATS_URL)] ? $env(NATS_URL) : "nats://127.0.0.1:4222"}]
$conn connect
set js [$conn jet_stream]
if {[$js api_level] < 4} {
    puts "Fast batches need nats-server 2.14 or newer."
    $conn destroy
    exit
}
$js create_stream LOG -subjects log.> -storage memory -allow_batched true

set batch [$js fast_publisher]
for {set i 1} {$i <= 10000} {incr i} {
    $batch publish log.app "line $i"
}
puts "published 10000, acknowledged so far: [$batch acked]"
puts "stored: [dict get [$batch commit log.app {the last line}] count]"
$batch destroy

# A message that the stream refuses ends the batch, unless -gap ok says otherwise.
proc event {kind args} {
    if {$kind eq "error"} {
        lassign $args number error
        puts "message $number: [dict get $error message]"
    } else {
        puts "messages [lindex $args 0] to [expr {[lindex $args 1] - 1}] did not arrive"
    }
}
set batch [$js fast_publisher -events event]
$batch publish log.app one
$batch publish log.app two -expected_last_seq 7
set ack [$batch commit log.app three]
puts "stored: [dict get $ack count], [expr {[dict exists $ack complete] ? "the batch ended early" : "complete"}]"
update
$batch destroy

$js delete_stream LOG
$conn destroy
