# Services: procedures that others discover and call, and a worker that itself waits for other services.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh services.tcl
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
set server [open_connection "server"]
set client [open_connection "client"]

# A calculator in ten lines. A procedure is an endpoint, its result is the reply; an error is an error reply.
proc add {a b} {
    expr {$a + $b}
}
set calc [$server service calc 1.0.0 -description "sums"]
$calc endpoint add -proc add -args list
$calc endpoint div {a b} {
    if {$b == 0} {nats::service::fail 400 "division by zero"}
    expr {double($a) / $b}
}

# A worker that waits for the calculator. Each request has a coroutine of its own: while one waits, others are handled.
# At most 50 do so at the same time, further ones queue up.
set worker [$server service worker 1.0.0 -concurrency 50]
$worker endpoint mean args {
    set sum 0
    foreach number $args {
        set sum [$::server call add [list $sum $number]]
    }
    $::server call div [list $sum [llength $args]]
}
# The server knows the endpoints before the client asks.
$server ping

# By subject, with a Tcl list of the arguments.
expect "call:" [$client call add {20 22}] 42
expect "a call that waits for others:" [$client call mean {1 2 3 6}] 3.0

# An error reply is an error, with the code that the service gave.
try {
    $client call div {1 0}
} trap {NATS ErrService} {message options} {
}
expect "an error:" [list [lindex [dict get $options -errorcode] 2] $message] {400 {division by zero}}

# A service elsewhere as an object: its endpoints are methods.
set remote [$client service_remote calc]
expect "as an object:" [$remote add 1 2] 3

# A hundred calls at once.
proc answered {error reply} {
    incr ::answers [expr {$error eq "" && $reply == 2.0}]
}
set answers 0
for {set i 0} {$i < 100} {incr i} {
    $client call mean {1 2 3} -callback answered
}
while {$answers < 100} {
    vwait answers
}
expect "side by side:" $answers 100

# Who is there, and what they have done.
expect "services:" [lsort [lmap found [$client service_ping -stall 1000] {dict get $found name}]] {calc worker}
set stats [lindex [$client service_stats worker -stall 1000] 0]
expect "handled:" [dict get [lindex [dict get $stats endpoints] 0] num_requests] 101

# A service that stops lets its handlers end.
$worker stop
expect "left:" [lmap found [$client service_ping -stall 1000] {dict get $found name}] calc

$client destroy
$server destroy
