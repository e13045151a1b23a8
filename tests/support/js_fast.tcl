# Helpers of the js_fast*.test files; sourced after js_tools.tcl.

proc fast_fresh {args} {
    js_fresh S s.> -allow_batched true {*}$args
}

# An acknowledgement with the name of its batch as whether it is one.
proc fast_known {ack} {
    dict set ack batch [regexp {^\w{22}$} [dict get $ack batch]]
    return $ack
}

# What went out in batches: the number of inboxes, and for each message subject, flow, gap, sequence, operation and payload.
proc fast_wire {{conn ""}} {
    set inboxes {}
    set sent {}
    foreach pub [wire_pubs $conn] {
        if {[regexp {^(_INBOX\.\w{22})\.(\d+)\.(ok|fail)\.(\d+)\.(\d)\.\$FI$} [lindex $pub 1] -> inbox flow gap seq op]} {
            dict set inboxes $inbox 1
            lappend sent [list [lindex $pub 0] $flow $gap $seq $op [lindex $pub 3]]
        }
    }
    return [list [dict size $inboxes] $sent]
}

# A stream by script, below act.: calls `$::act seq op reply` for each message of a batch.
proc act_begin {script {args {}}} {
    set ::act [list apply [list {seq op reply} $script]]
    set ::acted {}
    set ::act_sub [$::c subscribe act.> -callback act_answer -dictmsg 0]
}
proc act_answer {subject data reply} {
    lassign [lrange [split $reply .] end-2 end-1] seq op
    lappend ::acted [list $seq $op]
    {*}$::act $seq $op $reply
}
proc act_end {} {
    $::c unsubscribe $::act_sub
    unset -nocomplain ::act ::acted ::act_sub
}
proc act_say {reply json} {
    $::c publish $reply $json
}
proc act_ack {reply seq msgs} {
    act_say $reply "{\"type\":\"ack\",\"seq\":$seq,\"msgs\":$msgs}"
}
proc act_stored {reply count} {
    act_say $reply "{\"stream\":\"X\",\"seq\":$count,\"batch\":\"b\",\"count\":$count}"
}
