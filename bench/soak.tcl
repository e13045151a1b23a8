# Load on a server that is stopped, killed and started again, for SOAK_SECONDS (600). Fails, with exit status 1, if
#
#   - a JetStream message that was acknowledged to the publisher does not reach the consumer,
#   - a request fails with anything but a timeout, or nothing but timeouts come,
#   - an object of a finished connection stays behind, or a background error comes,
#   - the memory of the process goes on growing after the first quarter.
#
# Environment: SOAK_SECONDS, SOAK_RESTART_MS (time between two restarts, 15000).

package require Tcl 8.6-

set root [file dirname [file dirname [file normalize [info script]]]]
source [file join $root tools nats_server.tcl]
set build [file join $root build]
if {[info exists env(NATS_BUILD)] && $env(NATS_BUILD) ne ""} {
    set build [file normalize $env(NATS_BUILD)]
}
lappend auto_path $build
package require nats

proc from_env {name default} {
    global env
    return [expr {[info exists env($name)] ? $env($name) : $default}]
}

array set count {published 0 consumed 0 redelivered 0 requests 0 timeouts 0 connections 0 restarts 0}
set failures {}
set stopping 0
# Numbers of the messages that the server has acknowledged and the consumer has not yet seen.
array set unseen {}

proc fail {text} {
    global failures
    puts "FAILED: $text"
    lappend failures $text
}
interp bgerror {} {apply {{message options} {
    fail "background error: $message [dict get $options -errorcode]"
}}}

proc sleep {ms} {
    after $ms [info coroutine]
    yield
}

# Kilobytes of this process that are in memory.
proc resident {} {
    set file [open /proc/self/status]
    set text [read $file]
    close $file
    regexp {VmRSS:\s+(\d+)} $text -> kilobytes
    return $kilobytes
}

proc connected {url} {
    set c [nats::connection new -log_chan $::log]
    $c configure -servers [list $url] -reconnect_time_wait 50 -max_reconnect_attempts -1 -connect_timeout 2000
    $c connect
    return $c
}

# Each message is published until it is acknowledged; a repetition is no loss.
proc publisher {js} {
    global stopping count unseen
    for {set number 1} {!$stopping} {incr number} {
        set acknowledged 0
        while {!$acknowledged} {
            try {
                $js publish soak.js $number -timeout 1000
                set acknowledged 1
            } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} - trap {NATS ErrJSResponse 503} {} {
                # The server is down, or its JetStream not up yet.
                sleep 20
            }
        }
        incr count(published)
        # The consumer may have been quicker than the acknowledgement.
        if {[info exists unseen($number)]} {
            unset unseen($number)
        } else {
            set unseen($number) acknowledged
        }
        # What waits to be consumed would count as growth.
        while {!$stopping && [array size unseen] > 1000} {
            sleep 20
        }
    }
    set ::publisher_ended 1
}

proc consumer {js} {
    global stopping count unseen
    set highest 0
    while {!$stopping || [array size unseen] > 0} {
        set messages {}
        try {
            set messages [$js consume SOAK worker -batch_size 50 -timeout 200]
        } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} {
            sleep 20
        }
        foreach message $messages {
            set number [nats::msg data $message]
            $js ack $message
            if {[info exists unseen($number)] && $unseen($number) eq "acknowledged"} {
                unset unseen($number)
            } elseif {$number > $highest && ![info exists unseen($number)]} {
                set unseen($number) consumed
            } else {
                incr count(redelivered)
            }
            set highest [expr {max($highest, $number)}]
            incr count(consumed)
        }
    }
    set ::consumer_ended 1
}

proc requester {c} {
    global stopping count
    while {!$stopping} {
        try {
            if {[$c request soak.echo ping -timeout 1000] ne "ping"} {
                fail "a reply is not what was sent"
            }
            incr count(requests)
        } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} {
            # The service is back a moment later than this connection.
            incr count(timeouts)
            sleep 5
        }
    }
}

# Connections that come and go: what they leave behind would add up.
proc visitor {url} {
    global stopping count
    while {!$stopping} {
        set c [nats::connection new -log_chan $::log]
        $c configure -servers [list $url] -connect_timeout 500
        try {
            $c connect
            $c subscribe soak.visitor.> -callback {apply {args {}}}
            $c request soak.nobody x -timeout 200 -callback {apply {args {}}}
            $c ping -timeout 500
            incr count(connections)
        } trap NATS {} {
            # The server is down just now.
        } finally {
            $c destroy
        }
        sleep 20
    }
}

proc restarter {srv} {
    global stopping count
    while {!$stopping} {
        sleep [from_env SOAK_RESTART_MS 15000]
        if {$stopping} {
            return
        }
        $srv [expr {$count(restarts) % 2 ? "kill" : "stop"}]
        sleep 200
        $srv restart
        incr count(restarts)
    }
}

set log [open /dev/null w]
set srv [server start]
set worker [connected [$srv url]]
set service [connected [$srv url]]
$service subscribe soak.echo -callback {apply {{subject message reply} {
    $::service publish $reply $message
}}}
$service ping
set js [$worker jet_stream]
$js add_stream SOAK -subjects soak.js -retention workqueue
$js add_consumer SOAK -durable_name worker -ack_policy explicit -ack_wait 2000

set seconds [from_env SOAK_SECONDS 600]
set begin [clock milliseconds]
coroutine publish publisher $js
coroutine consume consumer $js
coroutine ask requester $worker
coroutine visit visitor [$srv url]
coroutine restart restarter $srv

proc later {ms} {
    after $ms {set ::tick 1}
    vwait ::tick
}
later [expr {$seconds * 250}]
set settled [resident]
for {set part 1} {$part <= 3} {incr part} {
    later [expr {$seconds * 250}]
    puts "[expr {([clock milliseconds] - $begin) / 1000}] s: [array get count] resident [resident] KiB"
}
set stopping 1
after 20000 {set ::late 1; set ::consumer_ended 0}
if {![info exists publisher_ended]} {
    vwait publisher_ended
}
if {![info exists consumer_ended]} {
    vwait consumer_ended
}
if {[info exists late]} {
    fail "[array size unseen] acknowledged messages never came: [lrange [lsort -integer [array names unseen]] 0 9] ..."
}
if {$count(published) == 0 || $count(requests) == 0 || $count(connections) == 0} {
    fail "nothing was done: [array get count]"
}
# A fifth and 8 MiB are the play of the allocator.
if {[resident] > $settled * 1.2 + 8192} {
    fail "memory grew from $settled to [resident] KiB"
}
$worker destroy
$service destroy
$js destroy
# The visitor may be in the middle of its last call.
after 1500 {set ::over 1}
vwait over
foreach class {nats::connection nats::jet_stream} {
    if {[llength [info class instances $class]] > 0} {
        fail "objects of $class stay behind: [info class instances $class]"
    }
}
$srv destroy
puts [expr {[llength $failures] == 0 ? "soak passed" : "soak failed"}]
exit [expr {[llength $failures] > 0}]
