# client.tcl URL TASK COUNT SIZE: a package `nats` measured as bench/run.py measures every client; prints one JSON line.

lassign $argv url task count size
# A task whose name ends so is one of dialect 3.
package require nats {*}[expr {[string match *_3 $task] ? "3" : ""}]

proc report {count micros args} {
    set figures ""
    foreach {name value} $args {
        append figures ",\"$name\":$value"
    }
    puts [format {{"count":%d,"seconds":%.6f,"rate":%.1f,"peak_kib":%d%s}} \
        $count [expr {$micros / 1e6}] [expr {$count * 1e6 / max(1, $micros)}] [peak_kib] $figures]
}
# Most memory this process has held; 0 where the system does not say (no /proc).
proc peak_kib {} {
    set kib 0
    if {[file readable /proc/self/status]} {
        set file [open /proc/self/status]
        regexp {VmHWM:\s*(\d+)} [read $file] -> kib
        close $file
    }
    return $kib
}
proc report_latency {count total micros} {
    set micros [lsort -integer $micros]
    report $count $total p50_us [lindex $micros [expr {($count - 1) * 50 / 100}]] \
        p99_us [lindex $micros [expr {($count - 1) * 99 / 100}]]
}
proc fail {text} {
    puts stderr "failed: $text"
    exit 1
}

# The cost of a connection and nothing else, to be taken off the CPU time of the others.
proc connect {c count} {
    report 0 1
}

proc publish {c count} {
    global payload
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $c publish bench.publish $payload
    }
    $c ping -timeout 60000
    report $count [expr {[clock microseconds] - $start}]
}

proc receive {c count} {
    # As with the other clients: losing messages must not look like speed. An older package has no limits.
    catch {$c configure -pending_msgs_limit -1 -pending_bytes_limit -1}
    set ::got 0
    count_to 1
    set ::wanted $count
    $c subscribe bench.receive.* -callback on_message
    $c ping
    puts READY
    flush stdout
    watch 0
    vwait ::over
    report $::wanted [expr {$::end - $::begin}] lost [expr {$count + 1 - $::got}]
}
# The callback only counts, in the way that costs a script least: what is measured is the delivery, not Tcl.
proc count_to {checkpoint} {
    proc on_message {subject message reply} [format {
        global got
        if {[incr got] >= %d} {
            checkpoint
        }
    } $checkpoint]
}
# At the first message, the last, and the one that ends them.
proc checkpoint {} {
    set ::end [clock microseconds]
    if {$::got == 1} {
        set ::begin $::end
        count_to $::wanted
    } elseif {$::got == $::wanted} {
        count_to [expr {$::wanted + 1}]
    } else {
        set ::end $::last
        set ::over 1
    }
    set ::last $::end
}
# If messages are lost the count is never reached: then nothing comes any more.
proc watch {before} {
    if {$::got > 0 && $::got == $before} {
        set ::end [clock microseconds]
        set ::over 1
    } else {
        after 3000 [list watch $::got]
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
    report_latency $count [expr {[clock microseconds] - $start}] $micros
}

# Keeps calls in flight: each answer makes the next one, as `first` makes the first ones.
proc keep_in_flight {in_flight count first} {
    set ::left [expr {$count - min($in_flight, $count)}]
    set ::unanswered $count
    set start [clock microseconds]
    for {set i 0} {$i < min($in_flight, $count)} {incr i} {
        {*}$first
    }
    vwait ::over
    report $count [expr {[clock microseconds] - $start}]
}

proc on_reply {timed_out reply} {
    global left unanswered c payload
    if {$timed_out} {
        fail timeout
    }
    if {$left > 0} {
        incr left -1
        $c request bench.service $payload -timeout 60000 -callback on_reply
    }
    if {[incr unanswered -1] == 0} {
        set ::over 1
    }
}
proc request_in_flight {c count in_flight} {
    global payload
    $c request bench.service $payload -timeout 60000
    keep_in_flight $in_flight $count [list $c request bench.service $payload -timeout 60000 -callback on_reply]
}
proc request_100 {c count} {
    request_in_flight $c $count 100
}
proc request_1000 {c count} {
    request_in_flight $c $count 1000
}

# The sum of the sequences proves that every acknowledgement came, each once.
proc on_acknowledgement {timed_out acknowledgement error} {
    global left unanswered sequences js payload
    if {$timed_out || $error ne {}} {
        fail "not acknowledged: $timed_out $error"
    }
    incr sequences [dict get $acknowledgement seq]
    if {$left > 0} {
        incr left -1
        $js publish bench.js $payload -callback on_acknowledgement
    }
    if {[incr unanswered -1] == 0} {
        set ::over 1
    }
}

proc js_publish {c count} {
    global payload
    set js [$c jet_stream -timeout 60000]
    set start [clock microseconds]
    for {set i 1} {$i <= $count} {incr i} {
        if {[dict get [$js publish bench.js $payload] seq] != $i} {
            fail "not the sequence $i"
        }
    }
    report $count [expr {[clock microseconds] - $start}]
}

proc js_publish_1000 {c count} {
    global js payload
    set js [$c jet_stream -timeout 60000]
    set ::sequences 0
    keep_in_flight 1000 $count [list $js publish bench.js $payload -callback on_acknowledgement]
    if {$::sequences != $count * ($count + 1) / 2} {
        fail "acknowledgements are missing or double"
    }
}

proc publisher {c count} {
    global payload
    set publisher [[$c jet_stream -timeout 60000] publisher]
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $publisher publish bench.js $payload
    }
    if {[$publisher flush] ne "acked $count failed 0 duplicates 0"} {
        fail "acknowledgements are missing"
    }
    report $count [expr {[clock microseconds] - $start}]
}

proc fast_batch {c count} {
    global payload
    set js [$c jet_stream -timeout 60000]
    $js update_stream BENCH -allow_batched true
    set batch [$js fast_publisher]
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $batch publish bench.js $payload
    }
    if {[dict get [$batch close] count] != $count} {
        fail "messages are missing"
    }
    report $count [expr {[clock microseconds] - $start}]
}

proc atomic_batch {c count} {
    global payload
    set js [$c jet_stream -timeout 60000]
    $js update_stream BENCH -allow_atomic true
    set start [clock microseconds]
    for {set done 0} {$done < $count} {incr done $size} {
        set size [expr {min(1000, $count - $done)}]
        set batch [$js batch]
        for {set i 1} {$i < $size} {incr i} {
            $batch add bench.js $payload
        }
        $batch commit bench.js $payload
        $batch destroy
    }
    report $count [expr {[clock microseconds] - $start}]
}

proc pull {c count batch {method consume}} {
    set js [$c jet_stream -timeout 60000]
    set start [clock microseconds]
    set got 0
    while {$got < $count} {
        foreach message [$js $method BENCH PULL -batch_size [expr {min($batch, $count - $got)}] -timeout 5000] {
            $js ack $message
            incr got
        }
    }
    $c ping -timeout 60000
    report $got [expr {[clock microseconds] - $start}]
}
proc pull_100 {c count} {
    pull $c $count 100
}
proc pull_1000 {c count} {
    pull $c $count 1000
}
proc messages {c count} {
    set ::got 0
    set ::wanted $count
    set start [clock microseconds]
    set messages [[$c jet_stream -timeout 60000] messages BENCH PULL -callback messages_got -ack auto -stop_after $count]
    vwait ::all
    $c ping -timeout 60000
    report $::got [expr {[clock microseconds] - $start}]
    $messages destroy
}
proc messages_got {message} {
    if {[incr ::got] == $::wanted} {
        set ::all 1
    }
}
proc fetch_100_3 {c count} {
    pull $c $count 100 fetch
}

# `put` and `get` are what stands before the key.
proc put_keys {count put} {
    global payload
    set micros {}
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        set sent [clock microseconds]
        {*}$put key.[expr {$i % 100}] $payload
        lappend micros [expr {[clock microseconds] - $sent}]
    }
    report_latency $count [expr {[clock microseconds] - $start}] $micros
}
proc get_keys {count get} {
    global payload
    set micros {}
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        set sent [clock microseconds]
        if {[dict get [{*}$get key.[expr {$i % 100}]] value] ne $payload} {
            fail "wrong value"
        }
        lappend micros [expr {[clock microseconds] - $sent}]
    }
    report_latency $count [expr {[clock microseconds] - $start}] $micros
}
proc kv_put {c count} {
    put_keys $count [list [[$c jet_stream -timeout 60000] key_value -check_bucket false] put bench]
}
proc kv_put_checked {c count} {
    put_keys $count [list [[$c jet_stream -timeout 60000] key_value -check_bucket true] put bench]
}
proc kv_get {c count} {
    get_keys $count [list [[$c jet_stream -timeout 60000] key_value] get bench]
}
# Keys read, 1000 with each call.
proc kv_mget {c count} {
    global payload
    set kv [[$c jet_stream -timeout 60000] key_value]
    for {set i 0} {$i < 1000} {incr i} {
        dict set values many.$i $payload
    }
    $kv mput bench $values
    set keys [dict keys $values]
    set start [clock microseconds]
    for {set read 0} {$read < $count} {incr read 1000} {
        if {[$kv mget bench $keys] ne $values} {
            fail "wrong values"
        }
    }
    report $count [expr {[clock microseconds] - $start}]
}
proc kv_put_3 {c count} {
    put_keys $count [list [[$c jet_stream -timeout 60000] bind_kv_bucket bench] put]
}
proc kv_get_3 {c count} {
    get_keys $count [list [[$c jet_stream -timeout 60000] bind_kv_bucket bench] get]
}
# Objects of one bucket, one after the other.
proc object_put {c count} {
    global payload
    set store [[$c jet_stream -timeout 60000] create_object_store objects_tcl -storage memory]
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $store put object $payload
    }
    report $count [expr {[clock microseconds] - $start}]
}
proc object_get {c count} {
    global payload size
    set store [[$c jet_stream -timeout 60000] create_object_store objects_tcl -storage memory]
    $store put object $payload
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        if {[string length [$store get object]] != $size} {
            fail "wrong object"
        }
    }
    report $count [expr {[clock microseconds] - $start}]
}

# Files, by way of the folder that the driver has made.
proc object_put_file {c count} {
    set store [[$c jet_stream -timeout 60000] object_store files]
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $store put_file object [file join $::env(BENCH_FILES) in]
    }
    report $count [expr {[clock microseconds] - $start}]
}
proc object_get_file {c count} {
    set store [[$c jet_stream -timeout 60000] object_store files]
    set start [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        $store get object -file [file join $::env(BENCH_FILES) out]
    }
    report $count [expr {[clock microseconds] - $start}]
}

# Made in one piece; the size of a file is not for the memory.
set length [expr {[string match *_file $task] ? 0 : $size}]
set payload [string repeat 0123456789abcdef [expr {$length / 16}]]
append payload [string range 0123456789abcdef 0 [expr {$length % 16 - 1}]]
set c [nats::connection new]
$c configure -servers [list $url]
$c connect
$task $c $count
$c destroy
