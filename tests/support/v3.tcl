# Helpers of the v3_*.test files; sourced after js_tools.tcl, with dialect 3.

# An empty server, and no object of an earlier test that would follow the streams of the next one.
rename js_wipe js_wipe_streams
proc js_wipe {} {
    foreach class {kv_watcher ordered_consumer key_value} {
        foreach object [info class instances nats::$class] {
            $object destroy
        }
    }
    js_wipe_streams
}

# The bucket b, in memory; ::kv is its object, ::seen what callbacks got.
proc kv_fresh {args} {
    js_wipe
    set ::kv [$::js create_kv_bucket b -storage memory {*}$args]
    set ::seen {}
    $::px clear
}
proc brief {entry} {
    list [dict get $entry key] [dict get $entry value] [dict get $entry operation] [dict get $entry revision]
}
proc briefs {entries} {
    lmap entry $entries {brief $entry}
}

# Callback of ordered consumers, and a trace on their last_error: payloads in ::got, codes and texts in ::errors.
proc ordered_note {message} {
    lappend ::got [nats::msg data $message]
}
proc ordered_error {variable args} {
    set error [set $variable]
    lappend ::errors [list [lrange [dict get $error code] 1 end] [dict get $error errorMessage]]
}

# A callback of watchers: entries in ::seen, shortened, the empty string as `end`.
proc seen {entry} {
    lappend ::seen [expr {$entry eq "" ? "end" : [brief $entry]}]
}
proc seen_wait {n} {
    wait_until [format {[llength $::seen] >= %d} $n] 20000
    return $::seen
}
