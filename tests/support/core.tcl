# Helpers shared by the tests of messages, subscriptions, requests and callbacks.

# A connected client that logs nothing a test would print.
proc client {url args} {
    set c [nats::connection new -log_level error]
    $c configure -servers [list $url] {*}$args
    $c connect
    return $c
}

# The value of one of the public variables of a connection.
proc status_of {c} {
    set [info object namespace $c]::status
}
proc last_error_of {c} {
    set [info object namespace $c]::last_error
}

# Collects the codes of all asynchronous errors in ::error_codes, since a later success empties the variable.
proc watch_errors {c} {
    set ::error_codes {}
    trace add variable [info object namespace $c]::last_error write \
        [list apply {{c args} {
            set error [last_error_of $c]
            if {$error ne {}} {lappend ::error_codes [dict get $error code]}
        }} $c]
}

# Collects the words that status takes in ::statuses: `reconnecting` may be over before a wait looks.
proc watch_status {c} {
    set ::statuses {}
    trace add variable [info object namespace $c]::status write \
        [list apply {{c args} {lappend ::statuses [status_of $c]}} $c]
}

# A callback that appends its arguments, as one element, to a global list.
proc note {var args} {
    lappend ::$var $args
}

# A callback that appends only the message.
proc note_data {var subject message reply} {
    lappend ::$var $message
}

# A service that answers each request with its payload.
proc echo_service {c subject} {
    $c subscribe $subject -callback [list echo_reply $c]
}
proc echo_reply {c subject message reply} {
    if {$reply ne {}} {$c publish $reply $message}
}

# Three round trips: what was on its way when they began is delivered when they are over. Tests use it before
# they assert that something did NOT happen.
proc settle {args} {
    for {set i 0} {$i < 3} {incr i} {
        foreach c $args {$c ping -timeout 20000}
        update
    }
}

# Waits without the event loop, for tests of a script that stays out of it.
proc busy_until {condition {ms 20000}} {
    set end [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[clock milliseconds] > $end} {error "timed out waiting for: $condition"}
        after 2
    }
}

# Background errors go to ::bgerrors as {errorCode message}.
proc collect_bgerrors {} {
    set ::bgerrors {}
    set ::bgerror_before [interp bgerror {}]
    interp bgerror {} {apply {{message options} {
        # break and its like come without an error code
        set code [expr {[dict exists $options -errorcode] ? [dict get $options -errorcode] : {}}]
        lappend ::bgerrors [list $code $message]
    }}}
}
proc release_bgerrors {} {
    interp bgerror {} $::bgerror_before
}

# One test for each row `script errorCode message` (glob patterns), with a connected client in ::c.
proc error_tests {prefix rows} {
    set n 0
    foreach {script code message} $rows {
        incr n
        uplevel 1 [list test $prefix.$n "error of: $script" -setup {
            set c [client $url]
        } -body [list caught $script] -cleanup {
            $c destroy
        } -match glob -result [list $code $message]]
    }
}

# Sends protocol bytes to a server over a socket of its own and waits until the server has taken them.
proc raw_send {url bytes} {
    regexp {:(\d+)/?$} $url -> port
    set s [socket 127.0.0.1 $port]
    fconfigure $s -translation binary
    gets $s
    puts -nonewline $s "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"protocol\":1,\"lang\":\"raw\",\"version\":\"1\"}\r\n"
    puts -nonewline $s "${bytes}PING\r\n"
    flush $s
    while {[gets $s line] >= 0} {
        if {[string match PONG* $line]} break
    }
    close $s
}

# Sends a message that a stream stores, which it does a moment later, and waits until it has.
proc raw_store {url js stream bytes} {
    set before [dict get [$js stream_info $stream] state last_seq]
    raw_send $url $bytes
    wait_until {[dict get [$js stream_info $stream] state last_seq] == $before + 1}
}

# HPUB bytes of a header block taken as it is.
proc hpub {subject block {payload {}}} {
    set head [string length $block]
    set total [expr {$head + [string length $payload]}]
    return "HPUB $subject $head $total\r\n$block$payload\r\n"
}

# Cuts the connection at the proxy and waits until it is there again. The words are taken by a trace, since
# `reconnecting` may be over before a wait looks.
proc break_connection {c p} {
    watch_status $c
    $p cut
    wait_until {"reconnecting" in $::statuses && [lindex $::statuses end] eq "connected"} 20000
}
