# cost.tcl ?-scale factor? ?-only part,...?: what size costs, on a nats-server of its own. Prints Markdown.
#
#   size        cost of 1 to 10,000 subscriptions, 1 to 100,000 pending requests, 1 to 1,000 headers, payloads up to the
#               server's maximum, each an item; a row that costs more an item than smaller ones is superlinear
#   memory      of an idle subscription, of a queued message, and what is left after a flood
#   limit       3 million messages into a busy interpreter stay within -pending_bytes_limit plus a constant
#   fairness    delay of timers and of a synchronous request during a flood
#
# Exit status 1: a row is superlinear, or a bound does not hold. Environment: NATS_BUILD, folder of the package.

package require Tcl 8.6-

set root [file dirname [file dirname [file normalize [info script]]]]
source [file join $root tools nats_server.tcl]
set build [file join $root build]
if {[info exists env(NATS_BUILD)] && $env(NATS_BUILD) ne ""} {
    set build [file normalize $env(NATS_BUILD)]
}
set auto_path [linsert $auto_path 0 $build]
package require nats

set options [dict create -scale 1.0 -only size,memory,limit,fairness]
foreach {name value} $argv {
    if {![dict exists $options $name]} {
        puts stderr "usage: cost.tcl ?-scale factor? ?-only size,memory,limit,fairness?"
        exit 2
    }
    dict set options $name $value
}
set scale [dict get $options -scale]
# How many times the least cost an item of the smaller rows the cost an item of a row may be: the machine is noisy.
set tolerance 3.0
# Bytes that a queued message may take beyond its payload, all that -pending_bytes_limit counts, and the constant of the process.
set overhead_bytes 224
set constant_bytes [expr {32 << 20}]
set failures {}
source [file join $root bench cost_tools.tcl]

# size: every figure is the best of a few runs, in ns an item

proc best {times script} {
    set least 1e18
    for {set i 0} {$i < $times} {incr i} {
        set least [expr {min($least, [uplevel 1 $script])}]
    }
    return $least
}
# Prints a table of {size ns-per-item ...} rows; judges each size from 100 items on against the cheapest row smaller than it.
proc size_table {title heads rows} {
    puts "\n### $title\n"
    puts "| [join $heads { | }] |\n|[string repeat {---:|} [llength $heads]]"
    for {set column 1} {$column < [llength $heads]} {incr column} {
        set least($column) 1e18
    }
    set bad {}
    foreach row $rows {
        puts "| [join [lmap value $row {expr {round($value)}}] { | }] |"
        for {set column 1} {$column < [llength $heads]} {incr column} {
            set value [lindex $row $column]
            if {[lindex $row 0] >= 100 && $value > $::tolerance * $least($column)} {
                lappend bad "[lindex $row 0] ([lindex $heads $column])"
            }
            set least($column) [expr {min($least($column), $value)}]
        }
    }
    puts {}
    judge [expr {$bad eq {}}] [expr {$bad eq {} ? "$title: no row costs over $::tolerance times a smaller one" : "$title: superlinear at [join $bad {, }]"}]
}
proc sizes {most} {
    set out {}
    for {set size 1} {$size <= $most} {set size [expr {$size * 10}]} {
        lappend out $size
    }
    return $out
}

proc count_one {args} {
    incr ::got
}
proc subscriptions {} {
    set rows {}
    foreach size [sizes [scaled 10000]] {
        set times [expr {$size < 1000 ? 20 : 2}]
        array set least {subscribe 1e18 deliver 1e18 unsubscribe 1e18}
        for {set turn 0} {$turn < $times} {incr turn} {
            set c [connection]
            set t0 [clock microseconds]
            set ids {}
            for {set i 0} {$i < $size} {incr i} {
                lappend ids [$c subscribe cost.$i -callback count_one]
            }
            $c ping
            set t1 [clock microseconds]
            set ::got 0
            for {set i 0} {$i < $size} {incr i} {
                $c publish cost.$i x
            }
            while {$::got < $size} {
                vwait ::got
            }
            set t2 [clock microseconds]
            foreach id $ids {
                $c unsubscribe $id
            }
            $c ping
            set t3 [clock microseconds]
            foreach {what from to} [list subscribe $t0 $t1 deliver $t1 $t2 unsubscribe $t2 $t3] {
                set least($what) [expr {min($least($what), ($to - $from) * 1000.0 / $size)}]
            }
            $c destroy
        }
        lappend rows [list $size $least(subscribe) $least(deliver) $least(unsubscribe)]
    }
    size_table subscriptions {subscriptions {subscribe, ns} {publish to each and deliver, ns} {unsubscribe, ns}} $rows
}

proc keep_reply {subject message reply} {
    lappend ::replies $reply
}
proc requests {} {
    set rows {}
    foreach size [sizes [scaled 100000]] {
        set times [expr {$size < 1000 ? 20 : 2}]
        array set least {send 1e18 complete 1e18}
        for {set turn 0} {$turn < $times} {incr turn} {
            set c [connection]
            $c subscribe cost.service -callback keep_reply
            $c ping
            set ::replies {}
            set t0 [clock microseconds]
            for {set i 0} {$i < $size} {incr i} {
                $c request cost.service x -timeout 60000 -callback count_one
            }
            while {[llength $::replies] < $size} {
                vwait ::replies
            }
            set t1 [clock microseconds]
            set ::got 0
            foreach reply $::replies {
                $c publish $reply y
            }
            while {$::got < $size} {
                vwait ::got
            }
            set t2 [clock microseconds]
            foreach {what from to} [list send $t0 $t1 complete $t1 $t2] {
                set least($what) [expr {min($least($what), ($to - $from) * 1000.0 / $size)}]
            }
            $c destroy
        }
        lappend rows [list $size $least(send) $least(complete)]
    }
    size_table {pending requests} {{pending requests} {send, until the service has them, ns} {answer and call back, ns}} $rows
}

# Sends `message` to oneself as often as makes a measurable time; ns for each.
proc echo {c message times} {
    set ::got 0
    set start [clock microseconds]
    for {set i 0} {$i < $times} {incr i} {
        $c publish_msg $message
    }
    while {$::got < $times} {
        vwait ::got
    }
    return [expr {([clock microseconds] - $start) * 1000.0 / $times}]
}
proc headers {} {
    set rows {}
    set c [connection -dictmsg true]
    $c subscribe cost.headers -callback count_one
    foreach size [sizes [scaled 1000]] {
        set message [nats::msg create cost.headers -data x]
        for {set i 0} {$i < $size} {incr i} {
            nats::header add message Name-$i value-$i
        }
        lappend rows [list $size [expr {[best 3 {echo $c $message [expr {max(20, 20000 / $size)}]}] / $size}]]
    }
    $c destroy
    size_table headers {headers {publish and deliver as a dict, ns a header}} $rows
}
proc payloads {} {
    set rows {}
    set c [connection]
    $c subscribe cost.payload -callback count_one
    set most [dict get [$c server_info] max_payload]
    foreach size [list 16 128 1024 8192 65536 $most] {
        set message [nats::msg create cost.payload -data [string repeat x $size]]
        lappend rows [list $size [expr {[best 3 {echo $c $message [expr {max(20, min(5000, (16 << 20) / $size))}]}] / $size * 1024}]]
    }
    $c destroy
    size_table payloads {{payload, bytes} {publish and deliver, ns a KiB}} $rows
}

proc cost_size {} {
    puts "\n## Cost against size"
    subscriptions
    requests
    headers
    payloads
}

proc cost_memory {} {
    puts "\n## Memory\n"
    set c [connection]
    $c ping
    set count [scaled 10000]
    set before [resident]
    for {set i 0} {$i < $count} {incr i} {
        $c subscribe cost.idle.$i -callback count_one
    }
    $c ping
    puts "- an idle subscription: [expr {([resident] - $before) / $count}] bytes ($count of them)"
    $c destroy

    set c [connection -pending_msgs_limit -1 -pending_bytes_limit -1]
    $c subscribe cost.flood -callback count_one
    set count [scaled 1000000]
    set before [resident]
    set first 0
    foreach flood {first second third} {
        set ::got 0
        set arrived [expr {[dict get [$c statistics] in_msgs] + $count}]
        # Nothing serves events here until all has arrived.
        set pipe [publisher cost.flood $count 16]
        gets $pipe
        close $pipe
        while {[dict get [$c statistics] in_msgs] < $arrived} {
            after 10
        }
        set full [expr {[resident] - $before}]
        await {$::got >= $count}
        after 1000 {set ::tick 1}
        vwait ::tick
        puts "- $flood flood: [expr {$full / $count}] bytes a queued message of 16 bytes ($count of them), [mib $full] MiB;\
            a second after it was served [mib [expr {[resident] - $before}]] MiB"
        if {$first == 0} {
            set first $full
        }
    }
    judge [expr {$full < $first * 1.25 + (16 << 20)}] "no flood takes more than the first"
    judge [expr {[resident] - $before < $first / 8 + (8 << 20)}] "what a flood has taken is given back"
    $c destroy
}

proc cost_limit {} {
    puts "\n## The limit of queued bytes\n"
    global overhead_bytes constant_bytes
    set c [connection -pending_msgs_limit -1]
    set limit [$c cget -pending_bytes_limit]
    set subject cost.flood
    $c subscribe $subject -callback count_one
    set size 100
    set count [scaled 3000000]
    set ::got 0
    set before [resident]
    set most $before
    set pipe [publisher $subject $count $size]
    fconfigure $pipe -blocking 0
    # Busy: the interpreter serves no events, and looks at nothing but the memory.
    set published 0
    while {!$published || [dict get [$c statistics] in_msgs] < $count} {
        set published [expr {$published || [gets $pipe] eq "done"}]
        set most [expr {max($most, [resident])}]
        after 5
    }
    set most [expr {max($most, [resident])}]
    close $pipe
    set dropped [dict get [$c statistics] dropped]
    await {$::got + $dropped >= $count}
    set bound [expr {$limit + $limit / $size * $overhead_bytes + $constant_bytes}]
    judge [expr {$most - $before <= $bound}] "$count messages of $size bytes into a busy interpreter: [mib [expr {$most - $before}]] MiB,\
        limit [mib $limit] MiB, bound [mib $bound] MiB (limit, $overhead_bytes bytes a queued message, [mib $constant_bytes] MiB)"
    judge [expr {$::got + $dropped == $count}] "$::got delivered and $dropped counted as dropped make $count"
    $c destroy
}

proc fair_timer {due} {
    set now [clock microseconds]
    lappend ::delays [expr {$now - $due}]
    after 10 [list fair_timer [expr {$now + 10000}]]
}
proc percentiles {values} {
    set values [lsort -integer $values]
    set last [expr {[llength $values] - 1}]
    return [lmap share {50 99 100} {format %.1f [expr {[lindex $values [expr {$last * $share / 100}]] / 1000.0}]}]
}
proc cost_fairness {} {
    puts "\n## Fairness during a flood\n"
    set c [connection]
    set service [responder cost.service]
    $c subscribe cost.flood -callback count_one
    set ::got 0
    set pipe [publisher cost.flood 1000000 16 1]
    vwait ::got
    set ::delays {}
    set timer [fair_timer [clock microseconds]]
    set micros {}
    set begin $::got
    set start [clock microseconds]
    set end [expr {$start + int(3e6 * max(0.1, $::scale))}]
    while {[clock microseconds] < $end} {
        set sent [clock microseconds]
        $c request cost.service x -timeout 10000
        lappend micros [expr {[clock microseconds] - $sent}]
        after 20 {set ::tick 1}
        vwait ::tick
    }
    set rate [expr {($::got - $begin) * 1000000 / ([clock microseconds] - $start)}]
    stop $pipe
    stop $service
    after cancel $timer
    lassign [percentiles $::delays] p50 p99 most
    puts "| at $rate messages/s | p50, ms | p99, ms | most, ms |\n|---|---:|---:|---:|"
    puts "| delay of a timer | $p50 | $p99 | $most |"
    lassign [percentiles $micros] r50 r99 rmost
    puts "| synchronous request | $r50 | $r99 | $rmost |\n"
    judge [expr {$p99 < 50}] "99 % of timers within 50 ms"
    judge [expr {$r99 < 250}] "99 % of synchronous requests within 250 ms: the reply comes behind what the server has queued for this connection"
    $c destroy
}

set parts [split [dict get $options -only] ,]
if {[llength $parts] > 1} {
    # A process for each part: memory that one has left behind would hide what the next one takes.
    puts "# Cost of size: nats [package require nats], Tcl [info patchlevel], [clock format [clock seconds] -format %Y-%m-%d]"
    flush stdout
    foreach part $parts {
        if {[catch {exec [info nameofexecutable] [info script] -scale $scale -only $part >@stdout 2>@stderr}]} {
            lappend failures $part
        }
    }
} else {
    set server [server new -config "max_pending: 1GB"]
    cost_[lindex $parts 0]
    $server destroy
}
if {$failures ne {}} {
    puts "\n[llength $failures] failed"
    exit 1
}
