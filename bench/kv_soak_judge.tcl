# What the callbacks of a watch on a whole bucket were told, and whether it may be so; for kv_soak.tcl and its test.

package require Tcl 8.6-

namespace eval kv_soak {
    variable bucket soak
}

# `seen` is a dict: entries (key -> {revision value}), revisions (all of them), last, initial (last of the initial data), count
# (operation -> n), told (reasons of the present trouble), notices, wrong.
proc kv_soak::nothing_seen {} {
    return [dict create entries {} revisions {} last 0 initial 0 told {} notices {} wrong {} \
        count {PUT 0 DEL 0 PURGE 0 end_of_initial_data 0 error 0 ok 0}]
}

proc kv_soak::see {varName status entry} {
    upvar 1 $varName seen
    set key [expr {$status eq "" && [dict exists $entry operation] ? [dict get $entry operation] : $status}]
    if {![dict exists $seen count $key]} {
        dict lappend seen wrong "unknown status or operation: $status $entry"
        return
    }
    dict set seen count $key [expr {[dict get $seen count $key] + 1}]
    switch -- $status {
        "" {
            see_entry seen $entry
        }
        error {
            dict lappend seen notices $entry
            if {$entry ne "Server disconnected" && ![string match "Error resetting consumer: ?*" $entry]} {
                dict lappend seen wrong "unknown reason of trouble: $entry"
            } elseif {$entry in [dict get $seen told]} {
                dict lappend seen wrong "trouble told twice: $entry"
            }
            dict lappend seen told $entry
        }
        ok {
            dict lappend seen notices ok
            if {[dict get $seen told] eq {} || $entry ne ""} {
                dict lappend seen wrong "ok without trouble, or with a text: $entry"
            }
            dict set seen told {}
        }
        end_of_initial_data {
            dict set seen initial [dict get $seen last]
            if {[dict get $seen count $status] > 1 || $entry ne ""} {
                dict lappend seen wrong "end of the initial data twice, or with an entry: $entry"
            }
        }
    }
    return
}

proc kv_soak::see_entry {varName entry} {
    variable bucket
    upvar 1 $varName seen
    set revision [dict get $entry revision]
    if {$revision <= [dict get $seen last]} {
        dict lappend seen wrong "revision $revision after [dict get $seen last]"
    }
    if {[dict get $entry bucket] ne $bucket} {
        dict lappend seen wrong "entry of another bucket: $entry"
    }
    dict set seen last $revision
    dict lappend seen revisions $revision
    dict set seen told {}
    if {[dict get $entry operation] eq "PUT"} {
        dict set seen entries [dict get $entry key] [list $revision [dict get $entry value]]
    } else {
        dict unset seen entries [dict get $entry key]
    }
    return
}

# What is wrong with a watch when all is over. `bucket`: key -> {revision value}; `stored`: revisions of all entries that are still
# there, each of which the watch was told if it came after the initial data; `quiet`: no outage was long enough to be told.
proc kv_soak::judge {seen bucket stored {quiet 0}} {
    set wrong [dict get $seen wrong]
    set initial [dict get $seen count end_of_initial_data]
    if {$initial != 1} {
        lappend wrong "end of the initial data $initial times"
    }
    if {[dict get $seen told] ne {}} {
        lappend wrong "trouble that does not end: [dict get $seen told]"
    }
    set told [dict create]
    foreach revision [dict get $seen revisions] {
        dict set told $revision 1
    }
    set lost [lmap revision $stored {expr {$revision <= [dict get $seen initial] || [dict exists $told $revision] ? [continue] : $revision}}]
    if {$lost ne {}} {
        lappend wrong "never told of [lrange $lost 0 9]"
    }
    if {$quiet && [dict get $seen notices] ne {}} {
        lappend wrong "notices of short outages: [dict get $seen notices]"
    }
    return [concat $wrong [differences [dict get $seen entries] $bucket]]
}

proc kv_soak::differences {have want} {
    set result {}
    foreach key [lsort -unique [concat [dict keys $have] [dict keys $want]]] {
        lassign [lmap side [list $have $want] {expr {[dict exists $side $key] ? [dict get $side $key] : "nothing"}}] a b
        if {$a ne $b} {
            lappend result "$key is [string range $a 0 60], must be [string range $b 0 60]"
        }
    }
    return $result
}
