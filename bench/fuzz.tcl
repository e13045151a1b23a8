# Calls every method and command of the package with good, boundary and senseless words, from everywhere and in every state:
#
#   tclsh bench/fuzz.tcl ?calls? ?seed? ?calls a round? ?dialect?      make fuzz-tcl FUZZ_CALLS=1000000 FUZZ_SEED=7 FUZZ_DIALECT=3
#
# A line for each round. The last line is `fuzz passed`, or `fuzz FAILED` after what was wrong: an error code that the reference does
# not name, a panic, a value changed that others share, a call that hangs, something left behind. The same seed makes the same calls.
# With FUZZ_TRACE=file each call is written there before it is made; with FUZZ_REACHED=1 a line for each method says how often it was
# called with an object that was there, how often that succeeded, and how often the object was gone.
#
# Memory is compared between the rounds: with MALLOC_ARENA_MAX=1 the C library keeps less of what many threads have freed, and with
# MALLOC_MMAP_THRESHOLD_=131072 (mallopt(3)) it keeps nothing of a large word, where it would else get used to such words.

set arguments $argv
set argv {}
source [file join [file dirname [file dirname [file normalize [info script]]]] tests support harness.tcl]
source [file join $::harness::support fuzz.tcl]

lassign $arguments calls seed round dialect
foreach {name default} [list calls 100000 seed [expr {[clock seconds] % 1000000}] round 5000 dialect 2] {
    if {[set $name] eq ""} {
        set $name $default
    }
}
package require nats $dialect
puts "seed: $seed, dialect: $dialect, Tcl: [info patchlevel]"
flush stdout

# Growth that a fault would exceed in no time, in KiB.
set room 24576
set made 0
set memory {}
set first {}
set failures {}
fuzz::begin $seed
while {$made < $calls && $failures eq ""} {
    if {[fuzz::server_gone]} {
        set failures $fuzz::failures
        break
    }
    fuzz::renew
    set count [expr {min($round, $calls - $made)}]
    set begin [clock milliseconds]
    set failures [fuzz::run $count]
    incr made $count
    set left [fuzz::resources]
    lappend memory [fuzz::memory]
    puts "calls: $made, ms: [expr {[clock milliseconds] - $begin}], memory: [lindex $memory end] KiB"
    flush stdout
    if {$first eq ""} {
        set first $left
    } elseif {[llength [lmap {name count} $left {expr {$count > [dict get $first $name] ? $name : [continue]}}]]} {
        lappend failures "left behind: $left; after the first round: $first; timers: [lmap timer [after info] {after info $timer}]"
    }
}
set half [expr {[llength $memory] / 2}]
if {$half > 0} {
    set before [lindex [lsort -integer [lrange $memory 0 $half-1]] end]
    set after [lindex [lsort -integer [lrange $memory $half end]] 0]
    # A storm of messages leaves the C library's heap in pieces, once, which it keeps and uses again: a leak grows without that, too.
    set steps [lsort -integer [lmap former [lrange $memory 0 end-1] now [lrange $memory 1 end] {expr {max(0, $now - $former)}}]]
    set steady [tcl::mathop::+ {*}[lrange $steps 0 end-1]]
    if {$after > $before + $room && $steady > $room} {
        lappend failures "memory grows: $memory KiB"
    }
}
foreach {outcome count} [lsort -stride 2 -index 1 -integer -decreasing $fuzz::outcomes] {
    puts [format {%8d %s} $count $outcome]
}
if {[info exists ::env(FUZZ_REACHED)]} {
    foreach {method counts} [lsort -stride 2 $fuzz::reached] {
        puts [format {%8d %8d %8d %s} {*}$counts $method]
    }
}
# Enough calls for each to have its turn.
if {$calls >= 10000 && $failures eq "" && [llength [fuzz::unreached]]} {
    lappend failures "never called with an object that was there: [fuzz::unreached]"
}
fuzz::end
::harness::clean_up
if {$failures ne ""} {
    puts [join $failures \n]
    puts "seed $seed: fuzz FAILED"
    exit 1
}
puts "fuzz passed"
exit 0
