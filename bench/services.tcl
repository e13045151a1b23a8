# What a service costs: requests answered by an endpoint of `nats::service`, against a plain subscription whose callback publishes.
#
#   tclsh tools/with-server.tcl bench/services.tcl ?requests? ?rounds?
#
# Another process keeps 1000 requests in flight; the two take turns, so that the machine's other work meets both. Prints the medians of the
# rates and their ratio, which is meant to be at least 0.9, and the same of the processor time of this process for each answer.
package require nats

set count [expr {[llength $argv] > 0 ? [lindex $argv 0] : 60000}]
set rounds [expr {[llength $argv] > 1 ? [lindex $argv 1] : 7}]

proc open_connection {} {
    set c [nats::connection new -log_level error]
    $c configure -servers $::env(NATS_URL)
    $c connect
    return $c
}

# The other process: for each line, a subject, asks `count` times and says how many microseconds that took.
if {[lindex $argv 2] eq "asks"} {
    set c [open_connection]
    set payload [string repeat x 16]
    proc answered {timed_out reply} {
        if {$::left > 0} {
            incr ::left -1
            $::c request $::subject $::payload -callback answered
        }
        if {[incr ::unanswered -1] == 0} {set ::over 1}
    }
    while {[gets stdin subject] >= 0} {
        set left [expr {$count - 1000}]
        set unanswered $count
        set start [clock microseconds]
        for {set i 0} {$i < 1000} {incr i} {$c request $subject $payload -callback answered}
        vwait over
        puts [expr {[clock microseconds] - $start}]
        flush stdout
    }
    $c destroy
    exit
}

set c [open_connection]
$c subscribe plain -queue q -callback {apply {{subject message reply} {$::c publish $reply $message}}}
set service [$c service bench 1.0.0]
$service endpoint served message {set message}
$c ping

set other [open [list | [info nameofexecutable] [info script] $count $rounds asks] r+]
chan configure $other -buffering line
proc ask {subject} {
    chan event $::other readable {set ::micros [gets $::other]}
    puts $::other $subject
    set before [ticks]
    vwait ::micros
    return [list [expr {$::count * 1e6 / $::micros}] [expr {([ticks] - $before) * 1e4 / $::count}]]
}
# Processor time of this process, in hundredths of a second.
proc ticks {} {
    set file [open /proc/self/stat]
    set words [read $file]
    close $file
    # The name of the program may hold blanks.
    set words [lrange [string range $words [string last ) $words]+1 end] 11 12]
    return [expr [join $words +]]
}
proc median {values} {
    return [lindex [lsort -real $values] [expr {[llength $values] / 2}]]
}
foreach subject {plain served} {ask $subject}
for {set round 0} {$round < $rounds} {incr round} {
    foreach subject {plain served} {
        lassign [ask $subject] rate micros
        lappend rates($subject) $rate
        lappend costs($subject) $micros
    }
    lappend ratios [expr {[lindex $rates(served) end] / [lindex $rates(plain) end]}]
    lappend savings [expr {[lindex $costs(plain) end] / [lindex $costs(served) end]}]
}
puts [format "1000 in flight: plain %.0f, service %.0f answers/s; ratio %.2f (median of %d rounds)" [median $rates(plain)] [median $rates(served)] [median $ratios] $rounds]
puts [format "processor time: plain %.2f, service %.2f us an answer; ratio %.2f" [median $costs(plain)] [median $costs(served)] [median $savings]]
close $other
$c destroy
