# What the wire_*.test files share; sourced after harness.tcl. Brings the helpers of the other files along.

foreach file {core conn fault} {
    source [file join $::harness::support $file.tcl]
}
package require nats

# A connection ::c, named joe, through a recording proxy ::p, with ::writes and a log; see fault.tcl. Another one that is
# there already, ::other, goes straight to the server.
proc wired {server args} {
    set ::other [quick_conn [list [$server url]]]
    $::other connect
    set ::got {}
    fault_proxied $server {*}$args
}
proc unwired {} {
    fault_close
    $::other destroy
}

# Waits for the event loop to run a while: for what must NOT happen and has no end of its own.
proc let_pass {ms} {
    after $ms {set ::let_passed 1}
    vwait ::let_passed
}

proc collect {subject message reply} {
    lappend ::got $message
}

# The protocol lines in what a client sent, without payloads; those alone that match the pattern.
proc wire_lines {bytes {pattern *}} {
    set lines {}
    set at 0
    while {[set end [string first \r\n $bytes $at]] >= 0} {
        set line [string range $bytes $at $end-1]
        set at [expr {$end + 2}]
        if {[regexp -nocase {^H?(PUB|MSG) .* (\d+)$} $line all verb size]} {
            incr at [expr {$size + 2}]
        }
        if {[string match $pattern $line]} {
            lappend lines $line
        }
    }
    return $lines
}

# The text of the CONNECT that went through the proxy last.
proc connect_text {p} {
    return [string range [lindex [wire_lines [$p sent] "CONNECT *"] end] 8 end]
}

# Names of the members of a flat JSON object, in order.
proc json_names {text} {
    return [lmap {all name} [regexp -all -inline {[\{,]"(\w+)":} $text] {set name}]
}

# The errors that ::writes holds, as codes.
proc codes_written {} {
    return [lmap pair $::writes {
        if {[lindex $pair 0] ne "last_error" || [lindex $pair 1] eq ""} continue
        lindex $pair 1
    }]
}
# `steady` if the connection is the first one still, without any error; else what happened.
proc steady {} {
    if {$::writes eq {} && [$::p accepted] == 1 && [status_of $::c] eq "connected"} {
        return steady
    }
    return "written: $::writes, texts: $::texts, connections: [$::p accepted]"
}
