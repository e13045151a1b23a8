# Shared by the faults_*.test files: a server behind a proxy, and what may happen to both. Needs js_tools.tcl.
#   faults_begin ?server options?   ::srv ::px; ::c ::js through the proxy, which meet the faults; ::other ::admin straight at the server
#   faults_end                      takes it all down again

proc faults_begin {args} {
    set ::srv [server start {*}$args]
    set ::px [proxy start [$::srv host] [$::srv port]]
    faults_pair c js [$::px url]
    faults_pair other admin [$::srv url]
}

# A connection and a JetStream object in these global variables; what goes wrong on purpose is not logged.
proc faults_pair {connVar jsVar urls args} {
    upvar #0 $connVar conn $jsVar stream
    set conn [nats::connection new -log_level error -log_chan $::faults_silence]
    $conn configure -servers $urls -reconnect_time_wait 20 -max_reconnect_attempts -1 {*}$args
    $conn connect
    set stream [$conn jet_stream -timeout 5000]
}
set faults_silence [open /dev/null w]

proc faults_end {} {
    foreach object [list $::js $::c $::admin $::other $::px $::srv] {
        catch {$object destroy}
    }
}

# Nothing but the stream S, in a file, with this consumer C unless it is `-`; the records are empty.
proc faults_fresh {{consumer {}} args} {
    faults_wipe
    make_stream $::admin add_stream S -subjects s.> {*}$args
    if {$consumer ne "-"} {
        $::admin add_pull_consumer S C {*}$consumer
    }
    lassign {} ::got ::events ::errors
    $::px clear
}

# After a test that failed half-way, too.
proc faults_wipe {} {
    $::srv resume
    $::px thaw
    wait_until {![catch {$::admin stream_names} ::faults_names]} 30000
    foreach name $::faults_names {
        $::admin delete_stream $name
    }
    faults_sweep
    wait_until {[$::c cget -status] eq "connected"} 30000
}

# The folders of deleted streams. nats-server 2.15 answers before it has removed them, and now and then leaves one for good: a stream of that
# name would begin with what is there, and its consumers with the state of those before.
proc faults_sweep {} {
    set left {glob -nocomplain -types d [file join [$::srv dir] store jetstream * streams *]}
    catch {wait_until {[llength [eval $left]] == 0} 300}
    wait_until {[catch {file delete -force {*}[eval $left]}] == 0 && [llength [eval $left]] == 0}
}

proc reconnects {conn} {
    return [dict get [$conn statistics] reconnects]
}

# The server is `killed` and started again, or the connections through the proxy are `cut` or `reset`: returns when all are back, and the
# server's JetStream with its stream.
proc meet {fault {stream S}} {
    set conns [expr {$fault eq "killed" ? [list $::c $::other] : [list $::c]}]
    set before [lmap conn $conns {reconnects $conn}]
    if {$fault eq "killed"} {
        $::srv kill
        $::srv restart
    } else {
        $::px $fault
    }
    foreach conn $conns number $before {
        wait_until {[reconnects $conn] > $number && [$conn cget -status] eq "connected"} 30000
    }
    wait_until {![catch {$::admin stream_info $stream}]} 30000
}

# The server is frozen until this is true.
proc freeze_until {expression} {
    $::srv pause
    try {
        uplevel 1 [list wait_until $expression 30000]
    } finally {
        $::srv resume
    }
}

# Stream S is deleted and made again with the consumer C, unless it is `-`. It is in memory then: in a file it could find what its namesake had
# (`make_stream`), and there is no time to see to that while a test goes on with it.
proc made_again {{consumer {}} args} {
    $::admin delete_stream S
    $::admin add_stream S -subjects s.> -storage memory {*}$args
    if {$consumer ne "-"} {
        $::admin add_pull_consumer S C {*}$consumer
    }
}
