# Publish and subscribe: wildcards, queue groups, limits, headers, text and bytes.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh pubsub.tcl
#
# Exits with 1 if something is not as the comments say.
package require nats

proc expect {what got wanted} {
    puts [format "%-44s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}

set conn [nats::connection new "pubsub example"]
$conn configure -servers $env(NATS_URL)
$conn connect

# Callbacks are command prefixes: what the subscription is to know of itself goes into the prefix.
proc collect {listName subject message replyTo} {
    lappend ::$listName "$subject=$message"
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

# `*` is one token, `>` is all that follow.
set one {}
set all {}
set star [$conn subscribe plant.*.temperature -callback {collect one}]
set rest [$conn subscribe plant.> -callback {collect all}]
$conn publish plant.boiler.temperature 81
$conn publish plant.boiler.pressure 2.4
$conn publish plant.boiler.inlet.temperature 60
wait_for {[llength $one] == 1 && [llength $all] == 3}
expect "plant.*.temperature:" $one plant.boiler.temperature=81
expect "plant.>:" $all {plant.boiler.temperature=81 plant.boiler.pressure=2.4 plant.boiler.inlet.temperature=60}
$conn unsubscribe $star
$conn unsubscribe $rest

# A subscription that ends by itself. Afterwards its ID is unknown.
set few {}
set limited [$conn subscribe news -max_msgs 2 -callback {collect few}]
foreach headline {first second third} {
    $conn publish news $headline
}
wait_for {[llength $few] == 2}
# A round trip, in case that there were more to come.
$conn ping
update
expect "two messages and no more:" $few {news=first news=second}
try {
    $conn unsubscribe $limited
    set outcome "no error"
} trap {NATS ErrBadSubscription} {message} {
    set outcome "ended"
}
expect "the subscription has:" $outcome ended

# The members of a queue group share the messages; a subscriber outside of the group gets each.
set group {}
set audit {}
foreach member {1 2 3} {
    $conn subscribe task -queue workers -callback {collect group}
}
$conn subscribe task -callback {collect audit}
foreach number {1 2 3 4 5 6} {
    $conn publish task $number
}
wait_for {[llength $group] >= 6 && [llength $audit] >= 6}
expect "the group got each once:" [lsort $group] {task=1 task=2 task=3 task=4 task=5 task=6}
expect "the auditor too:" [llength $audit] 6

# Headers: a name has a list of values. `-dictmsg` delivers messages with theirs.
set letter {}
proc read_letter {subject message replyTo} {
    set ::letter $message
}
$conn subscribe letters -dictmsg true -callback read_letter
set msg [nats::msg create letters -data "Dear reader" -reply letters.answers]
nats::header add msg Tag important
nats::header add msg Tag personal
$conn publish_msg $msg
wait_for {$letter ne ""}
expect "values of Tag:" [nats::header values $letter Tag] {important personal}
expect "where to answer:" [nats::msg reply $letter] letters.answers

# A payload is bytes, one per character; -utf8_convert makes it text.
set texts {}
$conn subscribe text -callback {collect texts}
$conn configure -utf8_convert true
$conn publish text "Gr\u00fc\u00dfe"
wait_for {[llength $texts] == 1}
expect "text:" $texts [list "text=Gr\u00fc\u00dfe"]

$conn destroy
