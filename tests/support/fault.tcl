# Helpers of the fault tests; sourced after harness.tcl, conn.tcl and the package. A test breaks something beneath a
# connection, then looks at four things: the writes of last_error and status, the log, whether everything works again,
# and what is left behind when the connection has been destroyed.

# Threads and descriptors of this process.
proc resources {} {
    return [list threads [llength [glob -directory /proc/self/task *]] descriptors [llength [glob -tails -directory /proc/self/fd *]]]
}

# The first connection starts what stays for the life of the process, such as Tcl's notifier thread.
proc warm_up {server} {
    set c [quick_conn [$server url]]
    $c connect
    $c ping
    $c destroy
    wait_until {[lindex [resources] 1] <= 2} 15000
}

# A connection ::c with a log ::log; ::resources is what there was before it. Proxies and servers come before it.
proc fault_conn {urls args} {
    set ::log [log_open]
    set ::c [nats::connection new joe -log_chan $::log]
    set ::resources [resources]
    $::c configure -randomize false -connect_timeout 5000 -reconnect_time_wait 20 -max_reconnect_attempts -1 {*}$args -servers $urls
    record_writes $::c writes last_error status
    trace add variable [var_of $::c last_error] write [list note_text [var_of $::c last_error]]
    set ::texts {}
}

# The same, connected through a proxy ::p to a server.
proc fault_proxied {server args} {
    set ::p [proxy start [$server host] [$server port]]
    fault_conn [$::p url] {*}$args
    $::c connect
    set ::writes {}
}

proc fault_close {} {
    catch {$::c destroy}
    if {[info exists ::p]} {
        $::p destroy
        unset ::p
    }
    log_close $::log
}

proc note_text {variable args} {
    if {[set $variable] ne ""} {
        lappend ::texts [dict get [set $variable] errorMessage]
    }
}

# `lost` if the writes are those of one loss with that code that was made good, and each cause is in the log as a warning;
# else what was written and logged.
proc one_loss {code {more {}}} {
    set expected [list [list last_error $code] {status reconnecting} {*}$more {last_error {}} {status connected}]
    if {$::writes ne $expected} {
        return "written: $::writes, texts: $::texts"
    }
    return [logged_all]
}

# Each text of an error is a warning of its own, in order, and nothing else is; an error line may tell of the end.
proc logged_all {} {
    set lines [lmap line [log_lines $::log warn] {regsub {^\[\S+ } $line {}}]
    set expected [lmap text $::texts {string cat "joe warn\] " $text}]
    if {$lines ne $expected} {
        return "logged: $lines, texts: $::texts"
    }
    return lost
}

# Waits for the end of a loss that is made good.
proc restored {{count 4}} {
    wait_until {[llength $::writes] >= $count && [lindex $::writes end] eq {status connected}} 20000
}

# Publish, subscribe, request and ping, at a connection that has been through something.
proc works {c} {
    set name [nats::connection new -log_chan $::log_null]
    set subject works.[namespace tail $name]
    $name destroy
    set ::works_got {}
    set id [$c subscribe $subject -callback [list works_note $c]]
    $c publish $subject plain
    set reply [$c request $subject asked -timeout 20000]
    wait_until {[llength $::works_got] == 2} 20000
    set ping [$c ping -timeout 20000]
    $c unsubscribe $id
    if {$::works_got ne {plain asked} || $reply ne "<asked>" || $ping ne "true"} {
        return "does not work: $::works_got, $reply, $ping"
    }
    return works
}
proc works_note {c subject message reply} {
    lappend ::works_got $message
    if {$reply ne ""} {
        $c publish $reply <$message>
    }
}

# Destroys the connection; `nothing` if threads and descriptors are as they were before it.
proc left_behind {} {
    $::c destroy
    try {
        wait_until {[resources] eq $::resources} 10000
    } trap {HARNESS TIMEOUT} {} {
        return "before: $::resources, now: [resources], [lmap f [glob -directory /proc/self/task */comm] {read_line $f}]"
    }
    return nothing
}
proc read_line {path} {
    set file [open $path]
    try {
        return [gets $file]
    } finally {
        close $file
    }
}

# Kilobytes of this process that are in memory.
proc resident {} {
    regexp {VmRSS:\s+(\d+)} [read_all /proc/self/status] -> kilobytes
    return $kilobytes
}
proc read_all {path} {
    set file [open $path]
    try {
        return [read $file]
    } finally {
        close $file
    }
}
