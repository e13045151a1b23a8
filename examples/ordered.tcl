# A whole stream in order, for a script that only reads: no acknowledgements, and nothing to look after.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh ordered.tcl
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

set conn [nats::connection new "ordered example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream -timeout 5000]

set stream EXAMPLE_ORDERED_[pid]
set subject example.ordered.[pid]
$js add_stream $stream -subjects $subject.> -storage memory
foreach reading {20.1 20.3 20.2} {
    $js publish $subject.kitchen $reading
    $js publish $subject.cellar 12.0
}

# A loop over what is there. It waits for more, so -stop_after says where it ends.
set kitchen {}
set reader [$js ordered_consumer $stream -filter_subject $subject.kitchen -stop_after 3]
$reader each message {
    lappend kitchen [nats::msg data $message]
}
expect "kitchen:" $kitchen {20.1 20.3 20.2}
$reader destroy

# From now on, by a callback. The consumer in the server is made by the object, and made anew when it is lost.
set log {}
proc reading {message} {
    lappend ::log [nats::msg data $message]
}
proc event {name text} {
    puts "event: $name $text"
}
set reader [$js ordered_consumer $stream -deliver_policy new -callback reading -events event]
$js publish $subject.kitchen 20.4
while {[llength $log] < 1} {
    vwait log
}
# Somebody removes the consumer, while more is published: nothing is missed, nothing comes twice.
$js delete_consumer $stream [$reader name]
$js publish $subject.kitchen 20.5
$js publish $subject.kitchen 20.6
while {[llength $log] < 3} {
    vwait log
}
expect "from now on:" $log {20.4 20.5 20.6}
expect "why it was made anew:" [lindex [dict get [set ${reader}::last_error] code] 1] ErrConsumerNotActive
$reader destroy

# The last reading of each room, as a list.
proc rooms {messages} {
    set ::rooms [lmap message $messages {nats::msg data $message}]
}
set reader [$js ordered_consumer $stream -deliver_policy last_per_subject -batch 10 -batch_wait 500 -stop_after 2 -callback rooms]
vwait rooms
expect "rooms:" $rooms {12.0 20.6}
$reader destroy

$js delete_stream $stream
$js destroy
$conn destroy
