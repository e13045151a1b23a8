# A process that writes to a bucket, and what is wrong with what others read meanwhile; for kv_writers.test and kv_writers_v3.test.

# Writes to keys of b until it is told to end: arguments are URL, number of keys, ms between writes, and what to do.
set writer {
    package require nats
    lassign $argv url keys pause how
    set conn [nats::connection new]
    $conn configure -servers $url
    $conn connect
    set js [$conn jet_stream]
    set kv [$js key_value]
    set flying 0
    proc answered {args} {
        incr ::flying -1
        set ::go 1
    }
    fconfigure stdin -blocking 0
    fileevent stdin readable {if {[eof stdin]} exit; gets stdin}
    puts started
    flush stdout
    for {set n 0} {1} {incr n} {
        set key k[expr {int(rand() * $keys)}]
        switch $how {
            put {$kv put b $key $n}
            create {
                # Keys that come and go beside those that stay.
                $kv put b come.$key $n
                if {$n % 2} {$kv del b come.$key} else {$kv purge b come.$key}
                $kv put b $key $n
            }
            flood {
                # Others are purged as fast as the server can, and written now and then.
                for {} {$flying < 100} {incr flying} {
                    set header [expr {[incr n] % 8 ? "KV-Operation PURGE Nats-Rollup sub" : ""}]
                    $js publish \$KV.b.come.k[expr {int(rand() * $keys)}] "" -header $header -callback answered
                }
                vwait ::go
                continue
            }
        }
        after $pause {set ::go 1}
        vwait ::go
    }
}
set script [makeFile $writer writer.tcl]

# What is wrong with a list in which each of the keys k0 ... must be.
proc lacks {keys list} {
    set missing 0
    set have [dict create]
    foreach key $list {
        dict set have $key 1
    }
    for {set i 0} {$i < $keys} {incr i} {
        incr missing [expr {![dict exists $have k$i]}]
    }
    return $missing
}

# Runs the script, which sets `result`, again and again for a while; what it gave, each once.
proc again {ms script} {
    set end [expr {[clock milliseconds] + $ms}]
    set results {}
    while {[clock milliseconds] < $end} {
        dict set results [uplevel 1 $script] 1
    }
    return [dict keys $results]
}
