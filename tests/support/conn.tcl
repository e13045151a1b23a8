# Helpers for the tests of the connection object; sourced after harness.tcl.

# Log lines of connections that are not about logging must not mix with the report of tcltest on stdout.
set log_null [open /dev/null w]

# A connection with a silent log; the words are those of the constructor.
proc new_conn {args} {
    nats::connection new {*}$args -log_chan $::log_null
}

# A connection that does not wait between attempts longer than a test can afford.
proc quick_conn {urls args} {
    set c [new_conn]
    try {
        $c configure -randomize false -connect_timeout 5000 -reconnect_time_wait 20 {*}$args -servers $urls
    } on error {text options} {
        $c destroy
        return -options $options $text
    }
    return $c
}

# Nothing ever listens on these privileged ports, while a port found free may be taken by a test running beside this one.
proc dead_url {{n 1}} {
    return nats://127.0.0.1:$n
}

# The fully qualified name of one of the three public variables.
proc var_of {c name} {
    return [info object namespace $c]::$name
}

proc status_of {c} {
    return [set [var_of $c status]]
}

proc last_error {c} {
    return [set [var_of $c last_error]]
}

# The code of last_error without the leading word NATS; empty if there was no error.
proc last_code {c} {
    set error [last_error $c]
    if {$error eq ""} {
        return ""
    }
    return [lindex [dict get $error code] 1]
}

proc wait_status {c wanted {ms 20000}} {
    set name [var_of $c status]
    wait_until {[set $name] eq $wanted} $ms
}

# Records the writes of the named variables into the global list, in order, as {name value}; last_error as its code.
proc record_writes {c list args} {
    set ::$list {}
    foreach name $args {
        trace add variable [var_of $c $name] write [list note_write $list $name [var_of $c $name]]
    }
}

proc note_write {list name variable args} {
    set value [set $variable]
    if {$name eq "last_error" && $value ne ""} {
        set value [lindex [dict get $value code] 1]
    }
    lappend ::$list [list $name $value]
}

# Waits for a number of recorded writes: polling the status itself could miss a short `reconnecting`.
proc wait_writes {list count {ms 20000}} {
    wait_until {[llength [set ::$list]] >= $count} $ms
}

# Runs a script that breaks the connection and waits until it has been lost and made again.
proc lose {c script} {
    record_writes $c lost_writes status
    uplevel 1 $script
    wait_writes lost_writes 2
    set name [var_of $c status]
    trace remove variable $name write [list note_write lost_writes status $name]
    if {[written lost_writes] ne {reconnecting connected}} {
        error "not lost and made again, but: [written lost_writes]"
    }
}

# Waits without an event loop, as a busy script does.
proc busy_until {expression {ms 20000}} {
    set deadline [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list expr $expression]]} {
        if {[clock milliseconds] > $deadline} {
            error "timed out, busy, waiting for: $expression"
        }
        after 5
    }
}

# The values only, for lists that hold the writes of one variable.
proc written {list} {
    return [lmap pair [set ::$list] {lindex $pair 1}]
}

# An INFO line of a scripted server; the arguments are field names and JSON values.
proc info_line {args} {
    set fields {
        server_id {"FAKE"} server_name {"fake"} version {"2.10.0"} proto 1 go {"go1.21"} host {"127.0.0.1"}
        port 4222 headers true max_payload 1048576 client_id 7
    }
    set members {}
    dict for {name value} [dict merge $fields $args] {
        lappend members "\"$name\":$value"
    }
    return "INFO {[join $members ,]}\r\n"
}

# A scripted server that completes the handshake and then answers PING only.
proc polite_fake {args} {
    return [fake start -greet [info_line {*}$args] -on PING "PONG\r\n"]
}

# The reference leaves open whether an option is named with its dash in these texts.
proc undash {caught} {
    lassign $caught code text
    return [list $code [regsub {(option |enum )-} $text {\1}]]
}

# A server dict without the fields that depend on time.
proc server_key {server} {
    return [dict get $server host]:[dict get $server port]
}

proc server_keys {c} {
    return [lmap server [$c all_servers] {server_key $server}]
}

# Log channels that can be read back while the connection writes.
proc log_open {} {
    set chan [file tempfile path]
    chan configure $chan -buffering line -encoding utf-8
    set ::log_paths($chan) $path
    return $chan
}

proc log_text {chan} {
    flush $chan
    set in [open $::log_paths($chan)]
    chan configure $in -encoding utf-8
    set text [read $in]
    close $in
    return $text
}

# The lines of one level (a glob pattern).
proc log_lines {chan {level *}} {
    set pattern "\\\[* $level\\\] *"
    return [lmap line [split [string trimright [log_text $chan] \n] \n] {
        if {![string match $pattern $line]} continue
        set line
    }]
}

proc log_close {chan} {
    close $chan
    file delete $::log_paths($chan)
    unset ::log_paths($chan)
}

# Connections of the class that exist now, to see that none was left behind.
proc connections_now {} {
    return [llength [info class instances ::nats::connection]]
}
