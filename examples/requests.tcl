# Requests and services: synchronous, asynchronous, in coroutines, several replies, time-outs.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh requests.tcl
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

# Two connections, as if they were two programs.
proc open_connection {name} {
    set conn [nats::connection new $name]
    $conn configure -servers $::env(NATS_URL) -request_timeout 5000
    $conn connect
    return $conn
}
set service [open_connection "service"]
set client [open_connection "client"]

# A service subscribes and publishes its answer to the reply subject. With a queue group there may be many of it.
proc upper {subject message replyTo} {
    $::service publish $replyTo [string toupper $message]
}
$service subscribe text.upper -queue text -callback upper
# One that never answers.
proc ignore {subject message replyTo} {}
$service subscribe text.silent -callback ignore
# The server knows the subscriptions before the client asks.
$service ping

# Synchronous: the call returns the reply. Events are served while it waits.
expect "reply:" [$client request text.upper hello] HELLO

# A service that does not answer, and one that does not exist.
try {
    $client request text.silent hello -timeout 100
} trap {NATS ErrTimeout} {message} {
}
expect "no answer:" $message "Request to text.silent timed out"
try {
    $client request text.lower hello
} trap {NATS ErrNoResponders} {message} {
}
expect "no service:" $message "No responders available for request"

# Asynchronous: the call returns an ID, and the callback is invoked once.
proc reply_came {timedOut reply} {
    set ::outcome [list $timedOut $reply]
}
$client request text.upper later -callback reply_came
vwait outcome
expect "asynchronous reply:" $outcome {0 LATER}
$client request text.silent later -timeout 100 -callback reply_came
vwait outcome
expect "asynchronous time-out:" $outcome {1 {}}
# A cancelled request calls nothing.
set outcome untouched
set id [$client request text.upper never -callback reply_came]
$client cancel_request $id
$client ping
update
expect "a cancelled request:" $outcome untouched

# In a coroutine a synchronous call yields to the event loop; the others run on meanwhile.
proc conversation {name words} {
    foreach word $words {
        append said [$::client request text.upper $word] " "
    }
    dict set ::said $name [string trim $said]
    incr ::finished
}
set finished 0
coroutine one conversation one {good morning}
coroutine two conversation two {good evening everybody}
while {$finished < 2} {
    vwait finished
}
expect "first coroutine:" [dict get $said one] "GOOD MORNING"
expect "second coroutine:" [dict get $said two] "GOOD EVENING EVERYBODY"

# Several answers to one question: up to -max_msgs, or what has come when the time is over. They are always message dicts.
foreach number {1 2 3} {
    $service subscribe who.is.there -callback [list apply {{number subject message replyTo} {
        $::service publish $replyTo "number $number"
    }} $number]
}
$service ping
set replies [$client request who.is.there {} -max_msgs 10 -timeout 2000]
expect "all who answered:" [lsort [lmap reply $replies {nats::msg data $reply}]] {{number 1} {number 2} {number 3}}

$client destroy
$service destroy
