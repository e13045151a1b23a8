# Load on a cluster of three servers of which one is killed or stopped and started again every few seconds.
#
#   tclsh bench/soak.tcl ?seconds?
#
# Publishes, subscribes, requests and JetStream go on for so many seconds (default: SOAK_SECONDS, else 600). It fails, with
# exit status 1, if
#
#   - the process hangs: no progress of some kind of work for 30 s,
#   - a JetStream message that was acknowledged to the publisher does not reach the consumer,
#   - a message comes twice or out of order, a reply is not that of its request, a request ends in an odd way or not at all,
#   - a background error comes,
#   - the statistics of a connection do not agree with what the script has counted,
#   - memory goes on growing after the first quarter, or threads, descriptors or objects stay behind.
#
# Environment: SOAK_SECONDS, SOAK_RESTART_MS (time between two restarts, 5000), NATS_BUILD (folder of the package).

package require Tcl 8.6-

set root [file dirname [file dirname [file normalize [info script]]]]
source [file join $root tools nats_server.tcl]
source [file join $root bench soak_tools.tcl]
load_package $root

proc from_env {name default} {
    global env
    return [expr {[info exists env($name)] ? $env($name) : $default}]
}
set seconds [expr {$argc > 0 ? [lindex $argv 0] : [from_env SOAK_SECONDS 600]}]
if {![string is integer -strict $seconds] || $seconds < 20} {
    puts stderr "usage: soak.tcl ?seconds?, at least 20"
    exit 2
}

# Kinds of work that must go on, and what else is counted.
set work {published received replies callbacks acknowledged consumed visits}
array set count {timeouts 0 redelivered 0 restarts 0 asked 0 asyncAsked 0 asyncTimeouts 0 served 0 moves 0}
foreach kind $work {
    set count($kind) 0
}
set failures {}
set stopping 0
# Coroutines and callbacks of the load that have not ended.
set busy 0
# Numbers of the messages that the server has acknowledged and the consumer has not yet seen, or the other way round.
array set unseen {}

proc fail {text} {
    global failures
    puts "FAILED: $text"
    lappend failures $text
}
interp bgerror {} {apply {{message options} {
    fail "background error: $message [dict get $options -errorinfo]"
}}}

proc threads {} {llength [glob -directory /proc/self/task *]}
proc descriptors {} {llength [glob -tails -directory /proc/self/fd *]}

proc connected {} {
    set c [nats::connection new -log_chan $::log]
    $c configure -servers $::urls -reconnect_time_wait 50 -max_reconnect_attempts -1 -connect_timeout 2000
    $c connect
    # Counted by hand, to be compared with its statistics.
    set ::restored($c) 0
    set status [info object namespace $c]::status
    trace add variable $status write [list apply {{c status args} {
        if {[set $status] eq "connected"} {
            incr ::restored($c)
            incr ::count(moves)
        }
    }} $c $status]
    return $c
}

# Messages without acknowledgement: some get lost with a server, none comes twice or late.
proc publisher {c} {
    global stopping count
    while {!$stopping} {
        for {set i 0} {$i < 20} {incr i} {
            $c publish soak.core [incr count(published)]
        }
        sleep 10
    }
    incr ::busy -1
}
set newest 0
proc receive {subject message reply} {
    global newest count
    if {$message <= $newest} {
        fail "message $message came after $newest"
    }
    set newest $message
    incr count(received)
}

proc serve {c subject message reply} {
    incr ::count(served)
    $c publish $reply <$message>
}
proc requester {c name} {
    global stopping count
    for {set i 0} {!$stopping} {incr i} {
        incr count(asked)
        try {
            if {[$c request soak.echo $name.$i -timeout 2000] ne "<$name.$i>"} {
                fail "a reply is not that of its request"
            }
            incr count(replies)
        } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} {
            # Lost with a server, or the service is back a moment later than this connection.
            incr count(timeouts)
            sleep 20
        }
        sleep 2
    }
    incr ::busy -1
}
proc async_requester {c} {
    global stopping count
    for {set i 0} {!$stopping} {incr i} {
        if {$count(asyncAsked) - $count(callbacks) < 500} {
            incr count(asyncAsked)
            $c request soak.echo async.$i -timeout 2000 -callback [list async_reply async.$i]
        }
        if {$i % 10 == 0} {
            sleep 5
        }
    }
    incr ::busy -1
}
proc async_reply {asked timedOut reply} {
    global count
    incr count(callbacks)
    if {$timedOut} {
        incr count(asyncTimeouts)
    } elseif {$reply ne "<$asked>"} {
        fail "a reply is not that of its asynchronous request"
    }
}

# Each message is published until it is acknowledged; a repetition is no loss.
proc js_publisher {js} {
    global stopping count unseen
    for {set number 1} {!$stopping} {incr number} {
        set acknowledged 0
        while {!$acknowledged && !$stopping} {
            try {
                $js publish soak.js $number -timeout 1000
                set acknowledged 1
            } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} - trap {NATS ErrJSResponse 503} {} {
                # A server is down, or the stream without a leader.
                sleep 20
            }
        }
        if {$acknowledged} {
            incr count(acknowledged)
            # The consumer may have been quicker than the acknowledgement.
            if {[info exists unseen($number)]} {
                unset unseen($number)
            } else {
                set unseen($number) acknowledged
            }
        }
        # Unconsumed messages would count as growth.
        while {!$stopping && [array size unseen] > 1000} {
            sleep 20
        }
    }
    incr ::busy -1
}
proc waiting_to_be_consumed {} {
    return [lmap {number state} [array get ::unseen] {expr {$state eq "acknowledged" ? $number : [continue]}}]
}
proc js_consumer {js} {
    global stopping count unseen
    set highest 0
    while {!$stopping || [llength [waiting_to_be_consumed]] > 0} {
        set messages {}
        try {
            set messages [$js consume SOAK worker -batch_size 50 -timeout 300]
        } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} - trap {NATS ErrConnectionClosed} {} {
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
    incr ::busy -1
}

# Connections that come and go: what they leave behind would add up.
proc visitor {} {
    global stopping count
    while {!$stopping} {
        set c [nats::connection new -log_chan $::log]
        $c configure -servers $::urls -connect_timeout 1000
        try {
            $c connect
            $c subscribe visit.> -callback list
            $c publish visit.me hello
            $c ping -timeout 1000
            incr count(visits)
        } trap NATS {} {
            # Its server goes down just now.
        } finally {
            $c destroy
        }
        sleep 20
    }
    incr ::busy -1
}

proc restarter {cluster} {
    global stopping count
    while {!$stopping} {
        sleep [from_env SOAK_RESTART_MS 5000]
        if {$stopping} break
        set server [lindex [$cluster servers] [expr {$count(restarts) % 3}]]
        # Killed and stopped in turn: three servers are an odd number, so each gets both.
        $server [expr {$count(restarts) % 2 ? "kill" : "stop"}]
        sleep 200
        $server restart
        incr count(restarts)
    }
    incr ::busy -1
}

# A sample each second; work that stands still for 30 s has hung.
array set samples {resident {} threads {} descriptors {}}
array set moved {}
proc sample {} {
    global samples moved count work stopping seconds begin
    foreach what {resident threads descriptors} {
        lappend samples($what) [$what]
    }
    foreach kind $work {
        if {![info exists moved($kind)] || [lindex $moved($kind) 0] != $count($kind)} {
            set moved($kind) [list $count($kind) [clock seconds]]
        } elseif {[clock seconds] - [lindex $moved($kind) 1] > 30} {
            fail "hangs: $kind stays at $count($kind)"
            set moved($kind) [list $count($kind) [clock seconds]]
        }
    }
    if {[llength $samples(resident)] % 15 == 0} {
        puts "[llength $samples(resident)] s: [join [lmap kind $work {string cat "$kind $count($kind)"}] {, }], restarts $count(restarts),\
            resident [resident] KiB, threads [threads], descriptors [descriptors]"
    }
    if {!$stopping} {
        after 1000 sample
    }
}
# The least of a part of the samples: above it is what happens to be in use just then.
proc least {what from to} {lindex [lsort -integer [lrange $::samples($what) $from $to]] 0}
proc most {what from to} {lindex [lsort -integer [lrange $::samples($what) $from $to]] end}

fconfigure stdout -buffering line
set log [open /dev/null w]
set cluster [cluster start 3]
set urls [$cluster urls]
# The first connection starts what stays for the life of the process.
[connected] destroy
later 200
set before [list [threads] [descriptors]]

set sender [connected]
set receiver [connected]
set asker [connected]
set worker [connected]
$receiver subscribe soak.core -callback receive
$receiver subscribe soak.echo -callback [list serve $receiver]
$receiver ping
array set base [$receiver statistics]
set js [$worker jet_stream]
$js add_stream SOAK -subjects soak.js -retention workqueue -num_replicas 3
$js add_consumer SOAK -durable_name worker -ack_policy explicit -ack_wait 2000
set settled [list [threads] [descriptors]]

set jobs [list [list publisher $sender] [list js_publisher $js] [list js_consumer $js] visitor [list restarter $cluster] [list async_requester $asker]]
foreach name {a b c d e f g h} {
    lappend jobs [list requester $asker $name]
}
set busy [llength $jobs]
set begin [clock milliseconds]
foreach job $jobs {
    coroutine job[incr job_number] {*}$job
}
sample
later [expr {$seconds * 1000}]
set stopping 1
await "the end of the load ([llength [waiting_to_be_consumed]] acknowledged messages not consumed)" 60000 {$busy == 0}
await "the callbacks of asynchronous requests" 10000 {$count(callbacks) == $count(asyncAsked)}
foreach c [list $sender $receiver $asker $worker] {
    await "the connection $c" 20000 {[$c cget -status] eq "connected"}
    $c ping
}
later 500

if {$count(asked) != $count(replies) + $count(timeouts)} {
    fail "$count(asked) requests, $count(replies) replies, $count(timeouts) failed"
}
foreach kind $work {
    if {$count($kind) == 0} {
        fail "nothing was done: $kind"
    }
}
foreach c [list $sender $receiver $asker $worker] {
    set figures [$c statistics]
    if {[dict get $figures reconnects] != $restored($c)} {
        fail "$c: reconnects [dict get $figures reconnects], restored $restored($c) times"
    }
    if {[dict get $figures outbox_bytes] != 0 || [dict get $figures dropped] != 0} {
        fail "$c: something is left or was dropped: $figures"
    }
}
set sent [dict get [$sender statistics] out_msgs]
set came [expr {[dict get [$receiver statistics] in_msgs] - $base(in_msgs)}]
set answered [expr {[dict get [$receiver statistics] out_msgs] - $base(out_msgs)}]
if {$sent != $count(published)} {
    fail "published $count(published), out_msgs says $sent"
}
if {$came != $count(received) + $count(served)} {
    fail "callbacks [expr {$count(received) + $count(served)}], in_msgs says $came"
}
if {$answered != $count(served)} {
    fail "served $count(served), out_msgs says $answered"
}

set total [llength $samples(resident)]
set quarter [expr {$total / 4}]
set early [least resident $quarter [expr {$quarter * 2}]]
set late [least resident [expr {$quarter * 3}] end]
# A tenth and 4 MiB are the play of the allocator.
if {$late > $early * 1.1 + 4096} {
    fail "memory grew from $early to $late KiB"
}
foreach what {threads descriptors} now $settled {
    # The visitor comes and goes.
    if {[least $what [expr {$quarter * 3}] end] > $now + 2 || [most $what 0 end] > $now + 8} {
        fail "$what: $now at first, later [least $what [expr {$quarter * 3}] end] to [most $what 0 end]"
    }
}
foreach object [list $sender $receiver $asker $worker $js] {
    $object destroy
}
foreach class {nats::connection nats::jet_stream} {
    if {[llength [info class instances $class]] > 0} {
        fail "objects of $class stay behind: [info class instances $class]"
    }
}
await "threads and descriptors ($before before)" 10000 {[list [threads] [descriptors]] eq $before}
puts "counts: [join [lmap {name value} [lsort -stride 2 [array get count]] {string cat "$name $value"}] {, }]"
puts "lost with a server: [expr {$count(published) - $count(received)}] of $count(published) messages without acknowledgement"
puts "resident: $early KiB early, $late KiB late, at most [most resident 0 end]; threads [least threads 0 end] to [most threads 0 end];\
    descriptors [least descriptors 0 end] to [most descriptors 0 end]"
$cluster destroy
puts [expr {[llength $failures] == 0 ? "soak passed" : "soak failed"}]
exit [expr {[llength $failures] > 0}]
