# Publishers without an answer, for js_publisher.test. Needs js_tools.tcl.

# A publisher whose messages go to a subscriber that keeps silent.
proc mute_publisher {args} {
    set ::mute [$::c subscribe mute]
    return [$::js publisher {*}$args]
}

# A publisher whose messages go to a subscriber that keeps silent until `speak`, and answers from then on.
proc held_publisher {args} {
    lassign {} ::held
    set ::mute [$::c subscribe mute -dictmsg 0 -callback {apply {{subject message reply} {
        if {$::held eq "spoken"} {
            acknowledge $reply
        } else {
            lappend ::held $reply
        }
    }}}]
    return [$::js publisher -timeout 20000 {*}$args]
}
proc acknowledge {reply} {
    $::c publish $reply {{"stream":"S","seq":1}}
}
proc speak {} {
    foreach reply $::held {
        acknowledge $reply
    }
    set ::held spoken
}
