# Shared by the test files of JetStream clusters: what is refused or not answered without a leader is repeated, leaders step down. Needs
# js_tools.tcl; the tests have a connection in ::c and a JetStream object in ::js, and their stream is called S unless they say otherwise in
# ::clustered.

set clustered S

# Repeats what is refused while there is no leader.
proc persist {script} {
    set deadline [expr {[clock milliseconds] + 30000}]
    while {[catch {uplevel 1 $script} result options]} {
        if {[clock milliseconds] > $deadline} {
            return -options $options $result
        }
        settle 50
    }
    return $result
}

# The answer to a question that servers do not answer at all in an election within the first 10 s of a stream or consumer.
proc asked {method args} {
    set short [$::c jet_stream -timeout 1000]
    try {
        return [persist {$short $method {*}$args}]
    } finally {
        $short destroy
    }
}

# The name of the server that leads the STREAM or its CONSUMER C; empty if there is none.
proc leader {what} {
    set info [expr {$what eq "STREAM" ? [asked stream_info $::clustered] : [asked consumer_info $::clustered C]}]
    return [expr {[dict exists $info cluster leader] ? [dict get $info cluster leader] : ""}]
}

proc await_leader {args} {
    foreach what $args {
        wait_until {[leader $what] ne ""} 30000
    }
}

# All copies of the stream have all of it.
proc await_replicas {} {
    wait_until {[leader STREAM] ne "" && [llength [lsearch -all -inline [lmap peer [dict get [asked stream_info $::clustered] cluster replicas] {dict get $peer current}] true]] == 2} 60000
}

# All servers run, also after a test that failed half-way.
proc revive {} {
    foreach server [$::clu servers] {
        if {![$server running]} {
            $server restart
        }
    }
}

# The server with this name of the cluster in ::clu.
proc server_of {name} {
    return [lindex [$::clu servers] [expr {[string index $name end] - 1}]]
}

# The server that leads the STREAM or its CONSUMER C, once there is one.
proc leading {what} {
    wait_until {[set ::led [leader $what]] ne ""} 30000
    return [server_of $::led]
}

# Another leader of the stream or the consumer.
proc step_down {what} {
    set subject [expr {$what eq "STREAM" ? "\$JS.API.STREAM.LEADER.STEPDOWN.$::clustered" : "\$JS.API.CONSUMER.LEADER.STEPDOWN.$::clustered.C"}]
    await_leader $what
    set before [leader $what]
    set deadline [expr {[clock milliseconds] + 60000}]
    while {[clock milliseconds] < $deadline} {
        persist {
            set answer [$::c request $subject {} -timeout 2000]
            if {![string match {*"success":true*} $answer]} {
                error $answer
            }
        }
        # On a busy machine the same server may be elected again.
        if {![catch {wait_until {[leader $what] ni [list "" $before]} 5000}]} {
            return
        }
    }
    error "$before leads $what for ever"
}

# Stores these numbers, each once.
proc store {from to} {
    for {set i $from} {$i <= $to} {incr i} {
        persist {$::js publish s.a $i -msg_id $i -timeout 1000}
    }
}

# It may have been deleted although the answer did not come.
proc drop_stream {} {
    persist {
        if {[catch {$::js delete_stream $::clustered} message options] && [lindex [dict get $options -errorcode] end] ne "10059"} {
            throw [dict get $options -errorcode] $message
        }
    }
}
