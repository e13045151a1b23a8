# A tour of the package; `make demo` runs it with a nats-server of its own.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh tour.tcl
#
# Needs a server with JetStream. Each step checks what it shows; exits with 1 if something is not as it should be.
package require nats

set failed 0
proc step {title} {
    puts "\n$title"
}
proc expect {what got wanted} {
    puts [format "  %-46s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "  wanted: $wanted"
        set ::failed 1
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

step "1. Connect"
set url [expr {[info exists env(NATS_URL)] ? $env(NATS_URL) : "nats://127.0.0.1:4222"}]
set conn [nats::connection new "tour"]
$conn configure -servers $url
$conn connect
expect "status:" [set ${conn}::status] connected
puts "  server: nats-server [dict get [$conn server_info] version] at [join [$conn current_server] :]"

step "2. Publish and subscribe; `*` stands for one token of the subject"
set heard {}
proc hear {subject message replyTo} {
    lappend ::heard $subject $message
}
set sub [$conn subscribe weather.* -callback hear]
$conn publish weather.berlin "12 degrees"
$conn publish weather.oslo "4 degrees"
$conn publish sports.oslo "nobody listens to this"
wait_for {[llength $heard] >= 4}
expect "heard:" $heard {weather.berlin {12 degrees} weather.oslo {4 degrees}}
$conn unsubscribe $sub

step "3. A queue group: each message goes to one of its members"
array set done {a 0 b 0 c 0}
proc work {member subject message replyTo} {
    incr ::done($member)
}
set members [lmap member {a b c} {$conn subscribe jobs -queue workers -callback [list work $member]}]
for {set i 0} {$i < 30} {incr i} {
    $conn publish jobs "job $i"
}
wait_for {$done(a) + $done(b) + $done(c) >= 30}
puts "  shares of the three members: $done(a) $done(b) $done(c)"
expect "together:" [expr {$done(a) + $done(b) + $done(c)}] 30
foreach member $members {
    $conn unsubscribe $member
}

step "4. Requests"
# The service answers to the reply subject of each message.
proc double {subject message replyTo} {
    $::conn publish $replyTo [expr {2 * $message}]
}
$conn subscribe service.double -callback double
expect "synchronous: 21 doubled is" [$conn request service.double 21 -timeout 5000] 42

set answers {}
proc answered {number timedOut reply} {
    dict set ::answers $number [list $timedOut $reply]
}
foreach number {1 2 3} {
    $conn request service.double $number -timeout 5000 -callback [list answered $number]
}
wait_for {[dict size $answers] == 3}
expect "asynchronous, all three at once:" $answers {1 {0 2} 2 {0 4} 3 {0 6}}

step "5. Requests inside coroutines: written as if they blocked, while everything else runs on"
set results {}
proc compute {name number} {
    foreach round {1 2 3} {
        set number [$::conn request service.double $number -timeout 5000]
    }
    dict set ::results $name $number
}
coroutine first compute first 1
coroutine second compute second 10
wait_for {[dict size $results] == 2}
expect "doubled three times, first:" [dict get $results first] 8
expect "doubled three times, second:" [dict get $results second] 80

step "6. A message with headers"
set received {}
proc inspect {subject message replyTo} {
    set ::received $message
}
$conn subscribe orders -dictmsg true -callback inspect
set msg [nats::msg create orders -data "two apples"]
nats::header set msg Customer ada Priority high
$conn publish_msg $msg
wait_for {$received ne ""}
expect "payload:" [nats::msg data $received] "two apples"
expect "header Customer:" [nats::header get $received Customer] ada
expect "header Colour, with a default:" [nats::header lookup $received Colour none] none

step "7. JetStream: messages are stored, and consumed when the consumer is ready"
set js [$conn jet_stream -timeout 5000]
set stream TOUR_[pid]
$js add_stream $stream -subjects tour.[pid].> -storage memory
set ack [$js publish tour.[pid].new "first order" -stream $stream]
expect "stored in the stream under sequence:" [dict get $ack seq] 1
# Many at a time: the acknowledgements come to a callback.
set stored 0
proc confirmed {timedOut pubAck pubError} {
    if {$timedOut || $pubError ne ""} {
        puts stderr "  not stored: $pubError"
        exit 1
    }
    incr ::stored
}
for {set i 2} {$i <= 5} {incr i} {
    $js publish tour.[pid].new "order $i" -callback confirmed
}
wait_for {$stored == 4}
expect "messages in the stream:" [dict get [$js stream_info $stream] state messages] 5

$js add_pull_consumer $stream worker -ack_policy explicit
set batch [$js consume $stream worker -batch_size 5 -timeout 5000]
expect "consumed:" [llength $batch] 5
foreach message $batch {
    $js ack_sync $message
}
expect "payload of the first:" [nats::msg data [lindex $batch 0]] "first order"
expect "its sequence, from the metadata:" [dict get [$js metadata [lindex $batch 0]] stream_seq] 1
expect "left to be acknowledged:" [dict get [$js consumer_info $stream worker] num_ack_pending] 0
expect "nothing is left:" [$js consume $stream worker] {}
$js delete_stream $stream

step "8. Errors are trapped by their codes"
try {
    $conn request nobody.here hello -timeout 5000
    set outcome "an answer"
} trap {NATS ErrNoResponders} {message} {
    set outcome $message
}
expect "a request without a service:" $outcome "No responders available for request"
try {
    $js stream_info $stream
    set outcome "information"
} trap {NATS ErrJSResponse 404} {message options} {
    set outcome "$message, code [lrange [dict get $options -errorcode] 2 3]"
}
expect "a stream that is gone:" $outcome "stream not found, code 404 10059"

step "9. Key-value: the last value of each key, with revisions"
set kv [$js key_value]
set bucket tour_[pid]
$kv add $bucket -history 3 -storage memory
set changes {}
proc changed {status entry} {
    lappend ::changes [expr {$status eq "" ? [dict get $entry value] : $status}]
}
$kv watch $bucket -callback changed
expect "first revision:" [$kv put $bucket theme dark] 1
expect "second revision:" [$kv put $bucket theme light] 2
expect "value:" [dict get [$kv get $bucket theme] value] light
try {
    $kv update $bucket theme 1 blue
    set outcome "updated"
} trap {NATS WrongLastSequence} {message} {
    set outcome $message
}
expect "an update based on the first revision:" $outcome "wrong last sequence: 2"
wait_for {[llength $changes] == 3}
expect "a watch saw:" $changes {end_of_initial_data dark light}
$kv del $bucket

foreach object [list $kv $js $conn] {
    $object destroy
}
puts [expr {$failed ? "\nSomething is not as it should be." : "\nAll steps did what they should."}]
exit $failed
