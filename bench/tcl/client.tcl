# client.tcl URL TASK COUNT: this package measured as bench/run.py measures every client; prints one JSON line.

package require nats

set payload 0123456789abcdef
set in_flight 1000

proc report {task count micros args} {
    set figures ""
    foreach {name value} $args {
        append figures ",\"$name\":$value"
    }
    puts [format {{"client":"tcl","task":"%s","count":%d,"seconds":%.6f,"rate":%.0f%s}} \
        $task $count [expr {$micros / 1e6}] [expr {$count * 1e6 / $micros}] $figures]
}

proc publish {c count} {
    global payload
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $c publish bench.publish $payload
    }
    $c ping -timeout 60000
    report publish $count [expr {[clock microseconds] - $start}]
}

proc receive {c count} {
    global got wanted begin end over
    set got 0
    set wanted $count
    $c subscribe bench.receive.* -callback on_message
    $c ping
    puts READY
    flush stdout
    vwait over
    report receive $got [expr {$end - $begin}] lost [expr {$count - $got}]
}
proc on_message {subject message reply} {
    global got wanted begin end
    if {$subject eq "bench.receive.end"} {
        set ::over 1
        return
    }
    if {$got == 0} {
        set begin [clock microseconds]
    }
    incr got
    if {($got & 1023) == 0 || $got == $wanted} {
        set end [clock microseconds]
    }
}

proc request {c count} {
    global payload
    $c request bench.service $payload -timeout 60000
    set micros {}
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        set sent [clock microseconds]
        $c request bench.service $payload -timeout 60000
        lappend micros [expr {[clock microseconds] - $sent}]
    }
    set total [expr {[clock microseconds] - $start}]
    set micros [lsort -integer $micros]
    report request $count $total p50_us [lindex $micros [expr {($count - 1) * 50 / 100}]] \
        p99_us [lindex $micros [expr {($count - 1) * 99 / 100}]]
}

# Keeps `in_flight` calls waiting: each answer starts the next one. `call` is completed with the callback's name.
proc keep_in_flight {task call count} {
    global in_flight left pending over
    set left $count
    set pending $call
    set ::unanswered $count
    set start [clock microseconds]
    for {set i 0} {$i < min($in_flight, $count)} {incr i} {
        incr left -1
        {*}$call
    }
    vwait over
    report $task $count [expr {[clock microseconds] - $start}]
}
proc on_answer {timed_out args} {
    global left pending unanswered
    if {$timed_out || ([llength $args] == 2 && [lindex $args 1] ne {})} {
        puts stderr "failed: $timed_out $args"
        exit 1
    }
    if {$left > 0} {
        incr left -1
        {*}$pending
    }
    if {[incr unanswered -1] == 0} {
        set ::over 1
    }
}

proc request_async {c count} {
    global payload
    $c request bench.service $payload -timeout 60000
    keep_in_flight request_async [list $c request bench.service $payload -timeout 60000 -callback on_answer] $count
}

proc stream {c} {
    set js [$c jet_stream -timeout 60000]
    catch {$js delete_stream BENCH}
    $js add_stream BENCH -subjects bench.js -storage memory
    return $js
}

proc js_publish {c count} {
    global payload
    set js [stream $c]
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $js publish bench.js $payload
    }
    report js_publish $count [expr {[clock microseconds] - $start}]
}

proc js_publish_async {c count} {
    global payload
    set js [stream $c]
    keep_in_flight js_publish_async [list $js publish bench.js $payload -callback on_answer] $count
}

lassign $argv url task count
set c [nats::connection new]
$c configure -servers [list $url]
$c connect
$task $c $count
$c destroy
