# nats.py as the other client (peer.py), for tests with the constraint `natspy`; sourced after harness.tcl. `peer_start` and `peer_stop` are
# of the server ::srv, `peer operation ?name value ...?` is one command.

set peer_python [file join $::harness::root .tools venv bin python]
testConstraint natspy [expr {[file executable $peer_python] && ![catch {exec $peer_python -c {import nats}}]}]

# A JSON value as a Tcl value: arrays are lists, objects dicts, strings the words that they hold (no test needs more escapes than these).
proc peer_value {text} {
    set position 0
    return [peer_word $text position]
}

proc peer_word {text positionName} {
    upvar 1 $positionName at
    regexp -indices -start $at {\A[\s,:]*} $text skipped
    set at [expr {[lindex $skipped 1] + 1}]
    set first [string index $text $at]
    if {$first in {"[" "\{"}} {
        incr at
        set values {}
        while {1} {
            regexp -indices -start $at {\A[\s,:]*} $text skipped
            set at [expr {[lindex $skipped 1] + 1}]
            if {[string index $text $at] in {"]" "\}"}} {
                incr at
                return $values
            }
            lappend values [peer_word $text at]
        }
    }
    regexp -start $at {\A("[^"]*"|[^\s,:"\]\}]+)} $text word
    incr at [string length $word]
    return [string trim $word {"}]
}

# Starts nats.py on the server of the file.
proc peer_start {} {
    set ::peer [open [list | $::peer_python [file join $::harness::support peer.py] 2>@stderr] r+]
    chan configure $::peer -buffering line
    peer connect url [$::srv url]
}

proc peer_stop {} {
    close $::peer
    unset ::peer
}

# One command; the value, or {error <class>}. Events are served meanwhile: the peer may ask this process.
proc peer {operation args} {
    set fields [list "\"op\":\"$operation\""]
    foreach {name value} $args {
        lappend fields "\"$name\":[expr {[string is integer -strict $value] && $name ne "value" ? $value : "\"$value\""}]"
    }
    unset -nocomplain ::peer_line
    chan event $::peer readable {set ::peer_line [gets $::peer]}
    puts $::peer "{[join $fields ,]}"
    wait_until {[info exists ::peer_line]} 20000
    chan event $::peer readable {}
    if {$::peer_line eq ""} {
        error "nats.py ended"
    }
    set answer [peer_value $::peer_line]
    expr {[dict exists $answer ok] ? [dict get $answer ok] : $answer}
}

proc hex {text} {
    binary encode hex $text
}
