# Runs the test files, each in a tclsh of its own, several at a time; the last line is `N passed, N failed, N skipped`.
#
#   tclsh tests/all.tcl ?-file globs? ?-cargo log? ?-also name tclsh? ?option of tcltest value ...?
#
# -file takes a list of patterns; -cargo names the output of `cargo test`, whose totals are added; -also runs all files again
# with another tclsh, and counts them as skipped, for want of `name`, if that is empty; the rest, such as -match, goes to every
# file. Environment: NATS_TEST_JOBS (default: twice as many as there are cores, since tests mostly wait), NATS_TEST_LIMIT (seconds a file
# may take, 300), NATS_TCLSH (command that starts tclsh). A file that crashes, hangs or holds no test has failed.

package require Tcl 8.6-

set here [file dirname [file normalize [info script]]]
array set total {Passed 0 Failed 0 Skipped 0}
set ran 0
set constraints [dict create]
set failures {}
set running 0

proc from_env {name default} {
    global env
    return [expr {[info exists env($name)] && $env($name) ne "" ? $env($name) : $default}]
}

proc cores {} {
    if {[catch {exec nproc} count]} {
        return 2
    }
    return $count
}

# All files with a tclsh, which `label` tells from the other.
proc jobs {label tclsh} {
    lmap file $::files {list $label $tclsh $file}
}

proc start_next {} {
    global queue running arguments limit run
    if {[llength $queue] == 0} {
        if {$running == 0} {
            set ::finished 1
        }
        return
    }
    set queue [lassign $queue job]
    lassign $job label tclsh file
    incr running
    # Child processes of the tests are of the same Tcl.
    set ::env(NATS_TCLSH) $tclsh
    # A file may read its input: it is empty, not the terminal.
    set channel [open [list | {*}$tclsh $file {*}$arguments </dev/null 2>@1] r]
    fconfigure $channel -blocking 0 -encoding utf-8 -translation lf
    set run($channel) [dict create file [file tail $file]$label output {} begin [clock milliseconds] late 0 \
        timer [after [expr {$limit * 1000}] [list hung $channel]]]
    fileevent $channel readable [list gather $channel]
}

# Its servers and proxies end with it: see tools/server_guard.py.
proc hung {channel} {
    global run
    dict set run($channel) late 1
    catch {exec kill -KILL [lindex [pid $channel] end]}
}

proc gather {channel} {
    global run
    dict append run($channel) output [read $channel]
    if {[eof $channel]} {
        ended $channel
    }
}

proc ended {channel} {
    global run running failures limit
    after cancel [dict get $run($channel) timer]
    fconfigure $channel -blocking 1
    set how {}
    if {[catch {close $channel} message options]} {
        set code [dict get $options -errorcode]
        set how [switch -- [lindex $code 0] {
            CHILDSTATUS {string cat "ended with status " [lindex $code 2]}
            CHILDKILLED {string cat "was killed by " [lindex $code 2]}
            default {set message}
        }]
    }
    if {[dict get $run($channel) late]} {
        set how "hung: killed after $limit s"
    }
    dict with run($channel) {
        set counts [count_tests $output]
        if {$how eq {} && $counts eq {}} {
            set how "printed no totals"
        } elseif {$how eq {} && [dict get $counts Total] == 0} {
            set how "holds no test"
        }
        if {$how ne {}} {
            incr ::total(Failed)
        }
        set bad [expr {$how ne {} || [dict get $counts Failed] > 0}]
        puts [format {%-40s %s %6.1f s  %s} $file [expr {$bad ? "FAIL" : "ok  "}] \
            [expr {([clock milliseconds] - $begin) / 1000.0}] [expr {$how ne {} ? $how : $counts}]]
        if {$bad} {
            lappend failures "######## $file $how\n$output"
        }
    }
    unset run($channel)
    incr running -1
    start_next
}

# Adds what a file says of itself to the totals: a dict Total Passed Skipped Failed, empty if it says nothing.
proc count_tests {output} {
    global total constraints
    set counts {}
    foreach {line numbers} [regexp -all -inline -line {^\S+:\t(Total\t\d+\tPassed\t\d+\tSkipped\t\d+\tFailed\t\d+)$} $output] {
        set counts [string map {\t " "} $numbers]
    }
    if {$counts ne {}} {
        foreach name {Passed Failed Skipped} {
            incr total($name) [dict get $counts $name]
        }
        incr ::ran [dict get $counts Total]
        if {[regexp {Number of tests skipped for each constraint:\n((?:\t\d+\t[^\n]*\n?)+)} $output -> lines]} {
            foreach {line number constraint} [regexp -all -inline -line {^\t(\d+)\t(.*)$} $lines] {
                dict incr constraints $constraint $number
            }
        }
    }
    return $counts
}

# The totals of `cargo test`; output without any means that it did not come to run.
proc count_cargo {log} {
    global total failures
    set file [open $log]
    fconfigure $file -encoding utf-8
    set output [read $file]
    close $file
    set found [regexp -all -inline {test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored} $output]
    foreach {line passed failed ignored} $found {
        incr total(Passed) $passed
        incr total(Failed) $failed
        incr total(Skipped) $ignored
    }
    if {[llength $found] == 0} {
        incr total(Failed)
        lappend failures "######## cargo test ran no test\n$output"
    }
}

# The file, and for each test that failed what it gave instead.
proc in_short {failure} {
    set lines [list [lindex [split $failure \n] 0]]
    foreach {all name text} [regexp -all -inline {==== (\S+?) [^\n]*? FAILED\n(.*?)\n==== \S+? FAILED} $failure] {
        # What comes before is the test itself.
        regexp -- {---- .*} $text text
        lappend lines "$name: [string range [regsub -all {\s+} $text { }] 0 999]"
    }
    return [join $lines \n]
}

set patterns *.test
set arguments {}
set also {}
while {[llength $argv] > 0} {
    set argv [lassign $argv name value]
    switch -- $name {
        -file {set patterns $value}
        -cargo {count_cargo $value}
        -also {
            set also $value
            set argv [lassign $argv other]
        }
        default {lappend arguments $name $value}
    }
}
set limit [from_env NATS_TEST_LIMIT 300]
# The longest are at the end of the alphabet: begun last they would run alone.
set files [lmap file [lsort -unique -decreasing [glob -nocomplain -directory $here -- {*}$patterns]] {
    expr {[file extension $file] eq ".test" ? $file : [continue]}
}]
set queue [jobs {} [from_env NATS_TCLSH [list [info nameofexecutable]]]]
if {$also ne {} && $other ne {}} {
    lappend queue {*}[jobs " ($also)" $other]
}
if {[llength $queue] == 0} {
    incr total(Failed)
    lappend failures "######## no test file matches $patterns"
}
fconfigure stdout -buffering line
for {set job 0} {$job < [from_env NATS_TEST_JOBS [expr {2 * [cores]}]]} {incr job} {
    start_next
}
if {![info exists finished]} {
    vwait finished
}

if {$also ne {} && $other eq {}} {
    puts "$also is not to be had here: each of the $ran tests counts as skipped there"
    incr total(Skipped) $ran
    dict incr constraints $also $ran
}

if {[dict size $constraints] > 0} {
    puts "\nSkipped, by constraint: [join [lmap {constraint number} [lsort -stride 2 $constraints] {string cat $constraint " " $number}] {, }]"
}
foreach failure $failures {
    puts \n$failure
}
# Once more and short: of a long log often only the end is at hand.
foreach failure $failures {
    puts \n[in_short $failure]
}
puts "\n$total(Passed) passed, $total(Failed) failed, $total(Skipped) skipped"
exit [expr {$total(Failed) > 0}]
