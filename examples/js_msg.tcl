# JetStream messages: confirmed publishing, pull consumers, all kinds of acknowledgement, push consumers with idle heartbeats.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh js_msg.tcl
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
proc payloads {messages} {
    lmap message $messages {nats::msg data $message}
}

set conn [nats::connection new "js_msg example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream -timeout 5000]

set stream EXAMPLE_MSG_[pid]
set subject example.msg.[pid]
$js add_stream $stream -subjects $subject.> -storage memory

# Publishing. The acknowledgement says where the message is stored; -stream makes sure that it is the right stream.
set ack [$js publish $subject.a one -stream $stream]
expect "stored in:" [dict get $ack stream] $stream
expect "as number:" [dict get $ack seq] 1

# A message with an ID is stored once, however often it is published.
set msg [nats::msg create $subject.a -data two]
nats::header set msg Nats-Msg-Id two
$js publish_msg $msg
expect "published again:" [dict get [$js publish_msg $msg] duplicate] true

# Asynchronous publishing: many in flight, each with its outcome.
set confirmed 0
proc published {timedOut pubAck pubError} {
    if {$timedOut || $pubError ne ""} {
        puts stderr "not stored: $pubError"
        exit 1
    }
    incr ::confirmed
}
foreach text {three four five} {
    $js publish $subject.a $text -callback published
}
while {$confirmed < 3} {
    vwait confirmed
}
expect "messages in the stream:" [dict get [$js stream_info $stream] state messages] 5

# A pull consumer. Without -timeout `consume` returns what is there at once; with it, it waits for a full batch.
$js add_pull_consumer $stream pull -ack_wait 30000 -max_deliver 3
set batch [$js consume $stream pull -batch_size 5 -timeout 5000]
expect "batch:" [payloads $batch] {one two three four five}

lassign $batch one two three four five
# Confirmed by the server: safer than `ack`, which only sends.
$js ack_sync $one
$js ack $two
# Needs more time: the redelivery timer begins anew.
$js in_progress $three
$js ack_sync $three
# Cannot be done now, try again in 50 ms.
$js nak $four -delay 50
# Never to be delivered again.
$js term $five
set again [$js consume $stream pull -batch_size 1 -timeout 5000]
expect "delivered again:" [payloads $again] four
set meta [$js metadata [lindex $again 0]]
expect "number of deliveries:" [dict get $meta num_delivered] 2
$js ack_sync [lindex $again 0]
expect "nothing else is left:" [$js consume $stream pull -batch_size 5] {}

# Asynchronous: one callback a message; if the batch was not filled, a last one with timedOut 1.
set pulled {}
set ended 0
proc pulled {timedOut message} {
    if {$timedOut} {
        set ::ended 1
        return
    }
    lappend ::pulled [nats::msg data $message]
    $::js ack $message
}
$js publish $subject.b six
$js consume $stream pull -batch_size 2 -timeout 1500 -callback pulled
vwait ended
expect "pulled by callback:" $pulled six

# A push consumer delivers to a subject; a core subscription receives it. With idle heartbeats the server also sends status
# messages when there is nothing to deliver, so that a silent consumer can be told from a dead one: filter them out by their
# status, 100. The subscription must be there before the consumer.
set pushed {}
set heartbeats 0
proc pushed {subject message replyTo} {
    if {[nats::msg idle_heartbeat $message]} {
        incr ::heartbeats
        return
    }
    lappend ::pushed [nats::msg data $message]
    $::js ack $message
}
set delivery [$conn inbox]
$conn subscribe $delivery -dictmsg true -callback pushed
$js add_push_consumer $stream push $delivery -idle_heartbeat 200 -deliver_policy last
while {$heartbeats < 2} {
    vwait heartbeats
}
expect "pushed:" $pushed six

# A message can be read without any consumer.
set stored [$js stream_msg_get $stream -last_by_subj $subject.a]
expect "last of its subject:" [list [nats::msg seq $stored] [nats::msg data $stored]] {5 five}

$js delete_stream $stream
$js destroy
$conn destroy
