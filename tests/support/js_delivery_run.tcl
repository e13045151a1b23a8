# One process publishes with acknowledgements, three consume, and the server is killed and started again meanwhile.
#
#   delivery_run count burst interval kills ?ms?  -> dict, see the end of the procedure
#
# As a program: tclsh tests/support/js_delivery_run.tcl ?count? ?burst? ?interval? ?kills?

if {[info commands ::harness::clean_up] eq ""} {
    set delivery_program 1
    set delivery_words $argv
    set argv {}
    source [file join [file dirname [file normalize [info script]]] harness.tcl]
    package require nats
}

# The fields of the lines of a child that begin with this word.
proc delivery_lines {child word} {
    return [lmap line [split [$child stdout] \n] {expr {[lindex $line 0] eq $word ? [lrange $line 1 end] : [continue]}}]
}

# A second delivery of the same message: the server says so itself, or it had been killed between the two and forgotten the first.
proc delivery_explained {first again kills} {
    # One of them is a redelivery; it may have been looked at first, by a consumer that had less to do.
    if {[lindex $again 2] != [lindex $first 2]} {
        return 1
    }
    foreach {killed back} $kills {
        # What had arrived before the kill may be looked at a little later.
        if {[lindex $first 4] < $back + 2000 && [lindex $again 4] > $killed} {
            return 1
        }
    }
    return 0
}

proc delivery_run {count burst interval kills {ms 120000}} {
    set started [clock milliseconds]
    set srv [server start]
    set support $::harness::support
    set c [nats::connection new -log_level error]
    $c configure -servers [list [$srv url]] -reconnect_time_wait 50 -max_reconnect_attempts -1
    $c connect
    set js [$c jet_stream]
    $js add_stream S -subjects d.>
    $js add_pull_consumer S C -ack_wait 2000
    set ways {ack_sync ack callback}
    set consumers [lmap way $ways {tcl_child_start [file join $support js_delivery_consumer.tcl] [$srv url] $way}]
    # The first kill must not meet one that connects.
    wait_until {[llength [concat {*}[lmap child $consumers {lsearch -all [split [$child stdout] \n] ready}]]] == [llength $consumers]} $ms
    set publisher [tcl_child_start [file join $support js_delivery_publisher.tcl] [$srv url] $count $burst $interval]
    set times {}
    try {
        for {set i 1} {$i <= $kills} {incr i} {
            set mark [expr {$count * $i / ($kills + 1)}]
            wait_until {[lindex [delivery_lines $publisher progress] end] >= $mark} $ms
            lappend times [clock milliseconds]
            $srv kill
            $srv restart
            lappend times [clock milliseconds]
        }
        wait_until {[lindex [split [string trimright [$publisher stdout]] \n] end] eq "done"} $ms
        set published [clock milliseconds]
        wait_until {![catch {$js consumer_info S C} info]
            && [dict get $info num_pending] == 0 && [dict get $info num_ack_pending] == 0} $ms
        set consumed [clock milliseconds]
        foreach child $consumers {
            $child send stop
        }
        foreach child [linsert $consumers 0 $publisher] {
            set end [$child wait $ms]
            if {[dict get $end exit] ne "0" || [dict get $end stderr] ne ""} {
                error "a child ended with [dict get $end exit]: [dict get $end stderr]"
            }
        }
        set state [dict get [$js stream_info S] state]
        set acked {}
        foreach pair [delivery_lines $publisher acked] {
            dict set acked {*}$pair
        }
        set result [delivery_judge $acked [lmap child $consumers {delivery_lines $child got}] $times]
        return [dict merge [dict create acknowledged [dict size $acked] stored [dict get $state messages] last_seq [dict get $state last_seq]] $result \
            [dict create shares [lmap child $consumers {llength [delivery_lines $child got]}] attempts [delivery_lines $publisher attempts] \
            unconfirmed [lmap child $consumers {delivery_lines $child unconfirmed}] restarts [expr {[llength $times] / 2}] \
            published_ms [expr {$published - $started}] consumed_ms [expr {$consumed - $started}]]]
    } finally {
        foreach object [list {*}$consumers $publisher $js $c $srv] {
            $object destroy
        }
    }
}

# Holds what was received against what was acknowledged.
#   missing     numbers acknowledged to the publisher and never consumed
#   invented    received with a payload that was not published, or under another sequence than the acknowledgement's
#   repeated    deliveries beyond the first of a message
#   unexplained those of them that are no redeliveries of the server
proc delivery_judge {acked received kills} {
    set invented {}
    set unexplained {}
    set repeated 0
    set first {}
    foreach entry [lsort -integer -index 4 [concat {*}$received]] {
        lassign $entry seq payload
        if {![dict exists $acked $payload] || [dict get $acked $payload] != $seq} {
            lappend invented $entry
        } elseif {[dict exists $first $payload]} {
            incr repeated
            if {![delivery_explained [dict get $first $payload] $entry $kills]} {
                lappend unexplained [list [dict get $first $payload] $entry]
            }
        } else {
            dict set first $payload $entry
        }
    }
    set missing [lmap number [dict keys $acked] {expr {[dict exists $first $number] ? [continue] : $number}}]
    return [dict create missing $missing invented $invented unexplained $unexplained repeated $repeated]
}

if {[info exists delivery_program]} {
    lassign $delivery_words count burst interval kills
    foreach {name default} {count 100000 burst 50 interval 10 kills 5} {
        if {[set $name] eq ""} {
            set $name $default
        }
    }
    dict for {name value} [delivery_run $count $burst $interval $kills 600000] {
        puts [format {%-13s %s} $name $value]
    }
    cleanupTests
}
