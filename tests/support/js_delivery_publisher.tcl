# Child of js_delivery_run.tcl: publishes 1 ... count to d.x, each again until the server has acknowledged it.
#   arguments: url count burst interval
# Every `interval` ms at most `burst` messages go out. Prints `progress n` at each hundredth, then `acked number seq` for all, then `done`.

package require nats
lassign $argv url count burst interval
set c [nats::connection new -log_level error]
$c configure -servers [list $url] -reconnect_time_wait 50 -max_reconnect_attempts -1
$c connect
# Short, so that what went out to a server that died is soon sent again.
set js [$c jet_stream -timeout 2000]
set again {}
set next 1
set attempts 0

proc send {number} {
    # The ID makes a second attempt harmless: the first may have been stored although nobody heard of it.
    set message [nats::msg create d.x -data $number]
    nats::header set message Nats-Msg-Id $number
    incr ::attempts
    $::js publish_msg $message -stream S -callback [list acknowledged $number]
}

proc acknowledged {number timedOut pubAck pubError} {
    if {$timedOut || $pubError ne ""} {
        lappend ::again $number
        return
    }
    set ::seq($number) [dict get $pubAck seq]
    set size [array size ::seq]
    if {$size % max(1, $::count / 100) == 0} {
        puts "progress $size"
        flush stdout
    }
    if {$size == $::count} {
        set ::finished 1
    }
}

proc tick {} {
    after $::interval tick
    for {set i 0} {$i < $::burst} {incr i} {
        if {[llength $::again]} {
            set ::again [lassign $::again number]
        } elseif {$::next <= $::count} {
            set number $::next
            incr ::next
        } else {
            return
        }
        send $number
    }
}

tick
vwait finished
foreach number [lsort -integer [array names seq]] {
    puts "acked $number $seq($number)"
}
puts "attempts $attempts"
puts done
flush stdout
