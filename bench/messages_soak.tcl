# Continuous consumption and an ordered consumer on a cluster of three servers of which one is killed or stopped and started again every few
# seconds:
#
#   tclsh bench/messages_soak.tcl ?seconds 120? ?milliseconds between two restarts 15000?
#
# One publisher stores the numbers 1, 2, 3 ... Two `messages` objects share a durable consumer, one with a callback and `-ack auto`, one with
# `each` and `-ack sync`; a third one with `-recreate` has an ephemeral consumer, which is deleted now and then; an ordered consumer
# reads the same stream. Fails, with exit status 1, if
#
#   - a number that was acknowledged to the publisher does not reach the two, or not the third, or not the ordered consumer,
#   - the two are given a number twice without the mark of a redelivery, the ordered consumer one twice or out of order,
#   - one of them ends, or stands still for 60 s while numbers are stored,
#   - a background error comes, or memory goes on growing after the first quarter.
#
# Environment: NATS_BUILD (folder with the package, build/).

package require Tcl 8.6-

namespace eval messages_soak {
    variable script [file normalize [info script]]
    variable root [file dirname [file dirname $script]]
    # Numbers stored in a second, about.
    variable rate 200
    variable wrong {}
    variable stop 0
    variable stored 0
    variable restarts 0
    # Acknowledgements of `-ack sync` without the server's word.
    variable unanswered 0
    variable events {}
    variable resident {}
    variable readers {shared remade ordered}
}
source [file join $messages_soak::root bench messages_soak_judge.tcl]
namespace eval messages_soak {source [file join $root bench soak_tools.tcl]}

proc messages_soak::fail {text} {
    variable wrong
    puts "FAILED: $text"
    lappend wrong $text
}

proc messages_soak::connected {urls} {
    set c [nats::connection new -log_level error -log_chan [open /dev/null w]]
    $c configure -servers $urls -reconnect_time_wait 50 -max_reconnect_attempts -1 -connect_timeout 2000
    $c connect
    return $c
}

# Stores one number after the other, each until it is acknowledged: the server tells a repetition by its ID.
proc messages_soak::publish {js} {
    variable stop
    variable stored
    variable rate
    # One without an acknowledgement may be stored: it is published until it has one.
    set unclear 0
    while {!$stop || $unclear} {
        set number [expr {$stored + 1}]
        set unclear 1
        try {
            $js publish soak.n $number -msg_id $number -timeout 1000
            set stored $number
            set unclear 0
        } trap NATS {} {
            # A server is down, or the stream without a leader.
            sleep 50
        }
        if {$number % 10 == 0} {
            sleep [expr {10000 / $rate}]
        }
    }
    variable publisher_ended 1
}

proc messages_soak::shared {message} {
    variable seen
    variable js
    set meta [$js metadata $message]
    see seen(shared) [nats::msg data $message] [dict get $meta consumer] [dict get $meta consumer_seq] [dict get $meta num_delivered]
}

proc messages_soak::remade {message} {
    variable seen
    dict set seen(remade) count [expr {[dict get $seen(remade) count] + 1}]
    note seen(remade) [nats::msg data $message]
}

proc messages_soak::ordered {message} {
    variable seen
    see_next seen(ordered) [nats::msg data $message]
}

proc messages_soak::event {who name text} {
    variable events
    dict incr events "$who $name"
    if {"$who $name" eq "remade recreated"} {
        set ::messages_soak::ephemeral $text
    }
    if {$name eq "ended" && !$::messages_soak::over} {
        fail "$who ended: $text"
    }
}

proc messages_soak::each {worker} {
    variable unanswered
    while {1} {
        try {
            $worker each message {
                shared $message
            }
            return
        } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} {
            # The answer to an acknowledgement went with a server, or the consumer was without a leader.
            incr unanswered
        }
    }
}

proc messages_soak::restart {cluster interval} {
    variable restarts
    variable stop
    while {!$stop} {
        sleep $interval
        if {$stop} {
            return
        }
        set server [lindex [$cluster servers] [expr {$restarts % 3}]]
        # Killed and stopped in turn: three servers are an odd number, so each gets both.
        $server [expr {$restarts % 2 ? "kill" : "stop"}]
        sleep 1000
        $server restart
        incr restarts
        variable js
        variable ephemeral
        # Where the cluster is not ready for that yet, the next restart does it.
        catch {$js delete_consumer SOAK $ephemeral}
    }
}

# A sample each second; who stands still for 60 s has hung.
proc messages_soak::sample {} {
    variable resident
    variable seen
    variable stored
    variable restarts
    variable moved
    variable over
    variable readers
    lappend resident [resident]
    foreach who $readers {
        set floor [dict get $seen($who) floor]
        if {![info exists moved($who)] || [lindex $moved($who) 0] != $floor || $floor == $stored} {
            set moved($who) [list $floor [clock seconds]]
        } elseif {[clock seconds] - [lindex $moved($who) 1] > 60} {
            fail "$who stands still at $floor of $stored"
            set moved($who) [list $floor [clock seconds]]
        }
    }
    if {[llength $resident] % 60 == 0} {
        puts "[llength $resident] s: stored $stored, shared [dict get $seen(shared) floor], remade [dict get $seen(remade) floor], ordered [dict get $seen(ordered) floor],\
            restarts $restarts, resident [lindex $resident end] KiB"
    }
    if {!$over} {
        after 1000 ::messages_soak::sample
    }
}

# The least of a part of the samples: above it is what happens to be in use just then.
proc messages_soak::least {from to} {
    variable resident
    return [lindex [lsort -integer [lrange $resident $from $to]] 0]
}

proc messages_soak::main {seconds interval} {
    variable root
    variable seen
    variable wrong
    variable stored
    variable over 0
    variable readers
    variable resident
    variable restarts
    variable unanswered
    variable events
    load_package $root
    source [file join $root tools nats_server.tcl]
    interp bgerror {} [list apply {{message options} {
        ::messages_soak::fail "background error: $message [dict get $options -errorinfo]"
    }}]
    fconfigure stdout -buffering line
    set cluster [cluster start 3]
    puts "cluster of servers [[lindex [$cluster servers] 0] version], $seconds s, a restart every $interval ms"
    foreach who $readers {
        set seen($who) [nothing_seen]
    }
    set connections [lmap number {1 2 3 4 5} {connected [$cluster urls]}]
    set objects [lmap c $connections {$c jet_stream -timeout 5000}]
    variable js
    lassign $objects js first second third fourth
    # A cluster that has just formed may not know all its servers yet.
    set deadline [expr {[clock milliseconds] + 30000}]
    while {[catch {$js add_stream SOAK -subjects soak.n -num_replicas 3 -max_msgs 100000 -duplicate_window 120000} message options]} {
        if {[clock milliseconds] > $deadline} {
            return -options $options $message
        }
        later 50
    }
    $js add_pull_consumer SOAK WORK -ack_wait 5000 -num_replicas 3 -max_ack_pending 5000
    set made [list [$first messages SOAK WORK -ack auto -callback ::messages_soak::shared -max_msgs 100 -expires 5000 \
        -events {::messages_soak::event callback}]]
    lappend made [$second messages SOAK WORK -ack sync -max_msgs 100 -expires 5000 -events {::messages_soak::event each}]
    coroutine ::messages_soak::reader ::messages_soak::each [lindex $made 1]
    lappend made [$third ordered_consumer SOAK -callback ::messages_soak::ordered -events {::messages_soak::event ordered}]
    variable ephemeral [dict get [$js add_consumer SOAK -num_replicas 3 -ack_wait 5000 -inactive_threshold 60000] name]
    lappend made [$fourth messages SOAK $ephemeral -recreate true -ack auto -callback ::messages_soak::remade -max_msgs 100 -expires 5000 \
        -events {::messages_soak::event remade}]
    coroutine ::messages_soak::publishing ::messages_soak::publish $js
    coroutine ::messages_soak::restarting ::messages_soak::restart $cluster $interval
    sample
    later [expr {$seconds * 1000}]
    variable stop 1
    await "the end of the publisher" 30000 {[info exists ::messages_soak::publisher_ended]}
    foreach who $readers {
        await "$who: the last of $stored" 60000 {[dict get $seen($who) floor] == $stored}
    }
    # Redeliveries after lost acknowledgements come within ack_wait.
    later 6000
    set over 1
    foreach who $readers {
        foreach text [judge $seen($who) $stored] {
            fail "$who: $text"
        }
    }
    set quarter [expr {[llength $resident] / 4}]
    set early [least $quarter [expr {$quarter * 2}]]
    set late [least [expr {$quarter * 3}] end]
    # A tenth and 4 MiB are the play of the allocator.
    if {$late > $early * 1.1 + 4096} {
        fail "memory grew from $early to $late KiB"
    }
    puts "stored $stored, restarts $restarts"
    puts "shared: [dict get $seen(shared) count] deliveries, [dict get $seen(shared) again] marked as redelivered,\
        [dict get $seen(shared) forgotten] twice from a server that had forgotten the first,\
        $unanswered acknowledgements unanswered"
    puts "remade: [dict get $seen(remade) count] deliveries"
    puts "ordered: [dict get $seen(ordered) count] deliveries"
    puts "events: $events"
    puts "resident: $early KiB early, $late KiB late"
    foreach object [concat $made $objects $connections] {
        $object destroy
    }
    $cluster destroy
    puts [expr {$wrong eq {} ? "messages-soak passed" : "messages-soak failed: [llength $wrong]"}]
    return [expr {$wrong ne {}}]
}

if {[info exists argv0] && [file normalize $argv0] eq $messages_soak::script} {
    lassign $argv seconds interval
    exit [messages_soak::main [expr {$seconds eq "" ? 120 : $seconds}] [expr {$interval eq "" ? 15000 : $interval}]]
}
