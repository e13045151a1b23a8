# A worker: messages of a consumer as they come, acknowledged by themselves; what fails is delivered again.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh consume.tcl
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

set conn [nats::connection new "consume example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream -timeout 5000]

set stream EXAMPLE_CONSUME_[pid]
set subject example.consume.[pid]
$js add_stream $stream -subjects $subject.> -storage memory
$js add_pull_consumer $stream worker -ack_wait 10000
foreach order {apples pears plums} {
    $js publish $subject.new $order
}

# The callback deals with one message after the other. An error gives the message back; it goes to the background error handler as well.
interp bgerror {} [list apply {{message options} {puts "in the background: $message"}}]
set log {}
proc handle {message} {
    set order [nats::msg data $message]
    lappend ::log $order
    if {$order eq "pears" && [llength $::log] < 4} {
        error "no pears today"
    }
}
proc event {name text} {
    if {$name eq "ended"} {
        set ::ended $text
    }
}
# Three messages are dealt with and acknowledged one by one, and one of them twice. -keep_alive: a slow callback keeps its message.
set worker [$js messages $stream worker -callback handle -ack auto -nak_delay 200 -keep_alive true -max_msgs 10 -events event]
while {[llength $log] < 4} {
    vwait log
}
expect "dealt with:" $log {apples pears plums pears}
expect "redelivered:" [dict get [$worker status] redelivered] 1

# No more; what is buffered would still be delivered.
$worker drain
while {![info exists ended]} {
    vwait ended
}
expect "ended:" $ended drained
$worker destroy

# The same without a callback: `each` is a loop, and it waits. Inside a coroutine it yields meanwhile.
foreach order {cherries figs} {
    $js publish $subject.new $order
}
set taken {}
set loop [$js messages $stream worker -ack sync -stop_after 2]
$loop each message {
    lappend taken [nats::msg data $message]
}
expect "taken in a loop:" $taken {cherries figs}
expect "not acknowledged:" [dict get [$js consumer_info $stream worker] num_ack_pending] 0
$loop destroy

$js delete_stream $stream
$js destroy
$conn destroy
