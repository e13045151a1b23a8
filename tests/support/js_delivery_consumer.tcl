# Child of js_delivery_run.tcl: consumes from the pull consumer C of S until its input says `stop`.
#   arguments: url way      (way: ack_sync, ack, or callback)
# Prints `ready` when it is connected; then `got stream_seq payload num_delivered consumer_seq milliseconds` for each message received, and `done`.

package require nats
lassign $argv url way
set c [nats::connection new -log_level error]
$c configure -servers [list $url] -reconnect_time_wait 50 -max_reconnect_attempts -1
$c connect
set js [$c jet_stream -timeout 2000]
puts ready
flush stdout
set got {}
set unconfirmed 0
set stop 0
fileevent stdin readable {
    gets stdin
    set stop 1
}

proc note {message} {
    set about [$::js metadata $message]
    lappend ::got "got [dict get $about stream_seq] [nats::msg data $message] [dict get $about num_delivered] [dict get $about consumer_seq] [clock milliseconds]"
}

# Errors are expected while the server is away; what was not acknowledged comes again.
proc take {verb} {
    try {
        set messages [$::js consume S C -batch_size 100 -timeout 500]
    } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} {
        return
    }
    foreach message $messages {
        note $message
        try {
            $::js $verb $message
        } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} {
            incr ::unconfirmed
        }
    }
}

proc pull {} {
    set ::left 100
    $::js consume S C -batch_size $::left -timeout 500 -callback pulled
}

proc pulled {timedOut message} {
    if {!$timedOut} {
        note $message
        $::js ack $message
    }
    if {$timedOut || [incr ::left -1] == 0} {
        pull
    }
}

if {$way eq "callback"} {
    pull
    vwait stop
} else {
    while {!$stop} {
        take $way
    }
}
puts [join $got \n]
puts "unconfirmed $unconfirmed"
puts done
flush stdout
