# Shared by the test files of services on a cluster, which is in ::clu; sourced after harness.tcl, core.tcl and service.tcl.

proc node {n} {
    return [lindex [$::clu servers] $n-1]
}

# A connection that knows no server but the n-th: it waits for that one to come back. `end` destroys it.
proc pinned {n} {
    set c [client [[node $n] url] -ignore_discovered true -reconnect_time_wait 20 -max_reconnect_attempts -1 -request_timeout 20000]
    lappend ::clients $c
    return $c
}
# One that begins at the n-th server and goes to the next one when it is lost.
proc roaming {n} {
    set urls [$::clu urls]
    set c [nats::connection new -log_level error]
    lappend ::clients $c
    $c configure -randomize false -reconnect_time_wait 20 -max_reconnect_attempts -1 -request_timeout 20000 \
        -servers [concat [lrange $urls $n-1 end] [lrange $urls 0 $n-2]]
    $c connect
    return $c
}
# One that reaches the cluster through the proxy ::px, at first the n-th server: `away` and `back` decide when, and where.
proc detoured {n} {
    set ::px [proxy start [[node $n] host] [[node $n] port]]
    set c [client [$::px url] -ignore_discovered true -reconnect_time_wait 20 -max_reconnect_attempts -1 -request_timeout 20000]
    lappend ::clients $c
    return $c
}
# The server of such a connection is killed, and there is no other way.
proc away {c n} {
    $::px refuse 1
    [node $n] kill
    await_status $c reconnecting
}
# It comes back at the n-th server, which knows the others' subscriptions, unlike one that has just been started.
proc back {n} {
    $::px target [[node $n] host] [[node $n] port]
    $::px refuse 0
}
# The number of the server that a connection is at.
proc at {c} {
    set port [lindex [$c current_server] 1]
    return [expr {[lsearch [lmap server [$::clu servers] {$server port}] $port] + 1}]
}
proc await_status {c wanted} {
    wait_until {[status_of $c] eq $wanted}
}
# A roaming connection is somewhere else.
proc moved {c n} {
    wait_until {[status_of $c] eq "connected" && [at $c] != $n}
}

proc add {a b} {
    expr {$a + $b}
}
# A handler that waits for ::go.
proc hold {x} {
    lappend ::held $x
    while {![info exists ::go]} {pause 3}
    return <$x>
}
proc stopped {n service reason} {
    lappend ::ends [list $n $reason]
}

# The n-th instance of the service s: `who` is for all of them, `i<n>.add`, `.refuse` and `.hold` are its own. The last
# subscription is behind those of the service, also when they are restored.
proc instance {n c args} {
    set s [$c service s 1.0.$n -metadata [list instance $n] -on_stop [list stopped $n] {*}$args]
    $s endpoint who {} [list return $n]
    set own [$s group i$n]
    $own endpoint add -proc add -args list
    $own endpoint refuse {} {nats::service::fail 403 "not you" "the data"}
    $own endpoint hold -proc hold
    echo_service $c behind.$n
    return $s
}
# Servers tell each other of subscriptions in their order: who reaches the last one of an instance reaches all of it.
proc reach {c args} {
    foreach n $args {
        wait_until {![catch {$c request behind.$n {} -timeout 2000}]}
    }
}
# The server of $c has heard that the connection of an instance has ended.
proc miss {c n} {
    wait_until {[code_of {$c request behind.$n {} -timeout 2000}] eq "ErrNoResponders"}
}

# The last word of the error code; `none` without an error.
proc code_of {script} {
    return [expr {[catch {uplevel 1 $script} message options] ? [lindex [dict get $options -errorcode] end] : "none"}]
}
# The payload, or code, message and data of an error.
proc result_of {script} {
    if {![catch {uplevel 1 $script} message options]} {
        return $message
    }
    set data [expr {[dict exists $options -data] ? [dict get $options -data] : "-"}]
    return [list [lrange [dict get $options -errorcode] 1 end] $message $data]
}
set no_responders {ErrNoResponders {No responders available for request} -}

# What all of `n` instances answer to a question, sorted, with words for IDs and times.
proc answers_of {c verb n} {
    return [lsort [lmap m [$c request \$SRV.$verb.s {} -max_msgs $n] {
        set answer [regsub {"id":"\w{22}"} [nats::msg data $m] {"id":"ID"}]
        set answer [regsub {"started":"[^"]+Z"} $answer {"started":"T"}]
        regsub -all {"(processing_time|average_processing_time)":\d+} $answer {"\1":N}
    }]]
}
# The versions of the instances that are found, sorted.
proc versions {c} {
    return [lsort [lmap ping [$c service_ping s -stall 150] {dict get $ping version}]]
}
# On a busy machine an answer may come after the others are no longer waited for.
proc finds {c args} {
    wait_until {[versions $c] eq $args}
    return $args
}
# Requests that an instance has counted: who add refuse hold.
proc requests {s} {
    return [lmap endpoint [dict get [$s stats] endpoints] {dict get $endpoint num_requests}]
}

proc begin {} {
    set ::clients {}
    set ::ends {}
    set ::held {}
    set ::got {}
    set ::out {}
    unset -nocomplain ::go ::over
    collect_bgerrors
}
proc end {} {
    foreach server [$::clu servers] {
        if {![$server running]} {
            $server restart
        } else {
            $server resume
        }
    }
    foreach c $::clients {
        catch {$c destroy}
    }
    if {[info exists ::px]} {
        $::px destroy
        unset ::px
    }
    # What ended services tell comes in events of its own.
    update
    release_bgerrors
}
