# Shared by the test files of `messages`: callbacks that record, and what pulls asked for. Needs js_tools.tcl.

proc data {message} {
    lappend ::got [nats::msg data $message]
}

proc event {name text} {
    lappend ::events [list $name $text]
}

proc background {message options} {
    lappend ::background [list $message [dict get $options -errorcode]]
}

# A consumer with n messages, and an empty record.
proc begin {n args} {
    fresh_pull $n {*}$args
    set ::events {}
    set ::background {}
}

proc end {} {
    catch {$::m destroy}
    js_wipe
}

# What pulls asked for: list of the values of a field.
proc asked {field} {
    set out {}
    foreach pub [wire_pubs] {
        if {[string match *.MSG.NEXT.* [lindex $pub 0]]} {
            lappend out [dict get [json_typed [lindex $pub 3]] $field]
        }
    }
    return $out
}

proc ack_pending {} {
    return [dict get [$::js consumer_info S C] num_ack_pending]
}

interp bgerror {} background
