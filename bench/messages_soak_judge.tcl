# What readers of a stream of the numbers 1, 2, 3 ... were given, and whether it may be so; for messages_soak.tcl and its test.

package require Tcl 8.6-

namespace eval messages_soak {}

# `seen` is a dict: floor (all numbers up to it were seen), above (numbers above the floor -> 1), highest (consumer -> greatest sequence of a
# delivery), count (of all deliveries), again (of those marked as redelivered), forgotten, wrong.
proc messages_soak::nothing_seen {} {
    return [dict create floor 0 above {} highest {} count 0 again 0 forgotten 0 wrong {}]
}

# A delivery to one of those who share a consumer: each number once, others only with the mark. A server whose own count of deliveries has gone
# back has forgotten what it delivered just before its end: no client can tell, so that is counted apart.
proc messages_soak::see {varName number consumer consumerSeq delivered} {
    upvar 1 $varName seen
    dict incr seen count
    set highest [expr {[dict exists $seen highest $consumer] ? [dict get $seen highest $consumer] : 0}]
    if {$delivered > 1} {
        dict incr seen again
    } elseif {$number <= [dict get $seen floor] || [dict exists $seen above $number]} {
        if {$consumerSeq <= $highest} {
            dict incr seen forgotten
        } else {
            dict lappend seen wrong "$number twice without the mark, delivery $consumerSeq of $consumer after $highest"
        }
    }
    dict set seen highest $consumer [expr {max($highest, $consumerSeq)}]
    note seen $number
    return
}

# A delivery of an ordered consumer: each number once, in order.
proc messages_soak::see_next {varName number} {
    upvar 1 $varName seen
    dict incr seen count
    set last [dict get $seen floor]
    if {$number != $last + 1} {
        dict lappend seen wrong "$number after $last"
    }
    dict set seen floor $number
    return
}

# A delivery of a consumer that may be made anew: every number, whatever comes twice.
proc messages_soak::note {varName number} {
    upvar 1 $varName seen
    if {$number <= [dict get $seen floor]} {
        return
    }
    dict set seen above $number 1
    set floor [dict get $seen floor]
    while {[dict exists $seen above [expr {$floor + 1}]]} {
        dict unset seen above [incr floor]
    }
    dict set seen floor $floor
    return
}

# What is wrong when all is over and the numbers up to `last` are stored.
proc messages_soak::judge {seen last} {
    set wrong [dict get $seen wrong]
    if {[dict get $seen floor] != $last || [dict size [dict get $seen above]]} {
        lappend wrong "lost: [expr {[dict get $seen floor] + 1}] and perhaps more, of $last; seen above it: [dict size [dict get $seen above]]"
    }
    return $wrong
}
