# Ends calls that wait too long, and tells of those that nothing ends.

namespace eval ::fuzz {
    # How long a call may wait before it is ended, in ms.
    variable patience 80
    # A call hangs if nothing ends it in so many turns of the event loop, each at least so many ms after the one before. Turns and not time
    # alone: a machine that gives this process no processor for ten seconds is no fault of the package.
    variable turns 100
    variable turn 100
    variable begun {}
}

proc ::fuzz::watch_begin {} {
    variable number
    variable watchdog
    variable patience
    variable begun [list [clock milliseconds] [processor]]
    set watchdog [after $patience [list ::fuzz::watch $number 0]]
}

# By one of the ways that a script has; at last by all of them.
proc ::fuzz::watch {call stage} {
    variable number
    variable finished
    variable objects
    variable turns
    variable turn
    variable watchdog
    if {$call != $number} return
    set watchdog [after [expr {$stage < 3 ? 150 : $turn}] [list ::fuzz::watch $call [expr {$stage + 1}]]]
    switch -- $stage {
        0 {
            set command ::fuzz::co_$number
            if {$call % 3 == 0 && [llength [info commands $command]]} {
                catch {rename $command {}}
                set finished 1
            } else {
                foreach connection [lsort -unique [dict get $objects connection]] {
                    catch {$connection disconnect}
                }
            }
        }
        1 {
            foreach object [instances] {
                catch {$object disconnect}
            }
        }
        2 {
            foreach object [instances] {
                catch {$object destroy}
            }
        }
        default {
            if {$stage == 3 + $turns} {
                hangs
            }
        }
    }
}

# Says what a call that does not end waits for, and ends the process: there is no way on.
proc ::fuzz::hangs {} {
    variable executor
    variable begun
    variable performed
    variable finished
    variable pending
    variable failures
    lassign $begun time before
    set now [processor]
    set asked [catch {$executor ping -timeout 5000} answer]
    fail [join [list "hangs for [expr {[clock milliseconds] - $time}] ms" \
        "the call [lindex {{has not begun} {is under way} {is over}} $performed], the event loop [expr {$finished ? {knows} : {does not know}}], [llength $pending] wait for the executor" \
        "meanwhile the process had the processor for [expr {[lindex $now 0] - [lindex $before 0]}] ms and waited for it for [expr {[lindex $now 1] - [lindex $before 1]}] ms" \
        "the executor: $asked $answer [set [info object namespace $executor]::status] [set [info object namespace $executor]::last_error]" \
        "commands [info commands ::fuzz::co_*], objects [instances], events [lmap event [after info] {shorten [after info $event]}]"] {; }]
    # Then nothing that waits for it is to blame.
    server_gone
    for {set level 1} {$level <= [info frame]} {incr level} {
        if {[dict exists [info frame $level] cmd]} {
            lappend failures "    frame $level: [shorten [dict get [info frame $level] cmd]]"
        }
    }
    puts stderr [join $failures \n]
    exit 3
}

# What the kernel says of the threads of this process: ms on a processor, ms of waiting for one.
proc ::fuzz::processor {} {
    set sums {0 0}
    foreach path [glob -nocomplain /proc/self/task/*/schedstat] {
        # A thread may have ended.
        if {![catch {open $path} file]} {
            if {![catch {read $file} numbers] && [llength $numbers] == 3} {
                set sums [list [expr {[lindex $sums 0] + [lindex $numbers 0]}] [expr {[lindex $sums 1] + [lindex $numbers 1]}]]
            }
            close $file
        }
    }
    return [lmap sum $sums {expr {$sum / 1000000}}]
}
