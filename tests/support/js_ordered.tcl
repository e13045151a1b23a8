# Shared by the test files of ordered consumers: callbacks that record, and what creations asked for. Needs js_tools.tcl.

proc data {message} {
    lappend ::got [nats::msg data $message]
}

proc seqs {message} {
    lappend ::got [lindex [split [dict get $message reply] .] end-3]
}

proc event {name text} {
    lappend ::events [list $name $text]
}

proc background {message options} {
    lappend ::background [list $message [dict get $options -errorcode]]
}
interp bgerror {} background

# The stream S with n messages m1 ... on s.a, and an empty record.
proc begin {n args} {
    js_fresh S s.> {*}$args
    js_fill s.a $n
    lassign {} ::got ::events ::background ::errors
    $::px clear
}

proc ordered {args} {
    set ::o [$::js ordered_consumer S {*}$args]
    trace add variable ${::o}::last_error write note_error
    return $::o
}

proc note_error {name args} {
    upvar #0 ${::o}::last_error error
    lappend ::errors [lindex [dict get $error code] 1]
}

proc end {} {
    catch {$::o destroy}
    js_wipe
}

# Names of the events so far, in order.
proc event_names {} {
    return [lmap event $::events {lindex $event 0}]
}

# The requests for consumers: list of {subject config}, the subjects with N in place of the names' unique part.
proc creations {} {
    set out {}
    foreach pub [wire_pubs] {
        if {[string match *.CONSUMER.CREATE.* [lindex $pub 0]]} {
            set config [dict get [json_typed [lindex $pub 3]] config]
            lappend out [list [regsub {\w{22}_} [lindex $pub 0] N_] $config]
        }
    }
    return $out
}

# Where the consumers were to start: list of policies, or sequences.
proc starts {} {
    return [lmap creation [creations] {
        set config [lindex $creation 1]
        expr {[dict exists $config opt_start_seq] ? [dict get $config opt_start_seq] : [string trim [dict get $config deliver_policy] \"]}
    }]
}

proc got {n {ms 20000}} {
    wait_until [format {[llength $::got] >= %d} $n] $ms
    return $::got
}
