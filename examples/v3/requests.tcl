# Dialect 3: requests and replies.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh requests.tcl
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

set conn [nats::connection new "requests example"]
$conn configure -servers $env(NATS_URL)
$conn connect

$conn subscribe service.[pid] -callback {apply {{subject message replyTo} {
    $::conn publish $replyTo [string toupper $message]
}}}
expect "a reply:" [$conn request service.[pid] hello] HELLO

# A request without -timeout ends after -request_timeout, here 10 s.
expect "the limit of requests, in ms:" [$conn cget -request_timeout] 10000
catch {$conn request nobody.[pid] x} text options
expect "nobody there:" [dict get $options -errorcode] {NATS ErrNoResponders}

# The connection takes all objects made from it along.
$conn destroy
