# Helpers for the tests of services; sourced after harness.tcl and core.tcl.

# Two clients: $c serves, $d asks.
proc service_pair {args} {
    set ::c [client [$::srv url] {*}$args]
    set ::d [client [$::srv url]]
    collect_bgerrors
}
proc service_end {} {
    foreach object {c d} {catch {[set ::$object] destroy}}
    # What ended services tell comes in events of its own.
    update
    release_bgerrors
}

# Asks once what was subscribed has reached the server.
proc ask {subject {data {}} args} {
    $::c ping -timeout 20000
    return [$::d request $subject $data -timeout 20000 {*}$args]
}

# The payload, or of an error reply `code description data`.
proc outcome {subject {data {}}} {
    set m [ask $subject $data -dictmsg true]
    if {[nats::header lookup $m Nats-Service-Error {}] eq {}} {
        return [nats::msg data $m]
    }
    return [list [nats::header get $m Nats-Service-Error-Code] [nats::header get $m Nats-Service-Error] [nats::msg data $m]]
}

# The JSON replies of all that answer.
proc answers {subject n} {
    $::c ping -timeout 20000
    return [lmap m [$::d request $subject {} -max_msgs $n -timeout 20000] {nats::msg data $m}]
}

# One endpoint in the statistics of a service, without times.
proc counts {service {index 0}} {
    set endpoint [lindex [dict get [$service stats] endpoints] $index]
    return [list [dict get $endpoint num_requests] [dict get $endpoint num_errors] [dict get $endpoint last_error]]
}

# A coroutine's wait that lets others run.
proc pause {ms} {
    after $ms [list [info coroutine]]
    yield
}
