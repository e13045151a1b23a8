# Watches of a key-value bucket on a server that is killed, stopped and started again:
#
#   tclsh bench/kv_soak.tcl ?seconds 120? ?milliseconds between two restarts 10000? ?seed?
#
# One process changes 200 keys at random while four others, each with a watch on the whole bucket, rebuild it in an array.
# Fails, with exit status 1, if
#
#   - an array is not what `keys` and `get` read from the bucket at the end, or the bucket not what was acknowledged,
#   - a watch leaves out an entry that is still there, delivers one twice or out of order, ends the initial data not exactly
#     once, tells the same trouble twice or `ok` without trouble, or tells of an outage shorter than its three heartbeats,
#   - a change is refused that had to be accepted, or the other way round,
#   - the watches leave more or less than one consumer each on the bucket, and none after their end.
#
# This file is also the program of the processes that it starts; they end with their standard input, so that none outlives it.
# Environment: NATS_BUILD (folder with the package, build/), NATS_TCLSH, NATS_TEST_SERVER (current or old).

package require Tcl 8.6-

namespace eval kv_soak {
    variable script [file normalize [info script]]
    variable root [file dirname [file dirname $script]]
    # The key that is written last.
    variable last_key the.end
    variable keys 200
    # So many of the keys are never purged: with a long history, what they hold at the end goes back some restarts.
    variable lasting 20
    # Options of the watches. Three heartbeats of the first are longer than any outage here, those of the others are not.
    variable watches {
        {}
        {-idle_heartbeat 1000 -include_history 1}
        {-idle_heartbeat 400}
        {-idle_heartbeat 200 -check_bucket 0}
    }
    # Time without a server in ms, in turn; the first comes with a kill, the second with an orderly end, and so on.
    variable outages {0 1500 2500 0}
    variable deadline 60000
}
source [file join $kv_soak::root bench kv_soak_judge.tcl]
namespace eval kv_soak {source [file join $root bench soak_tools.tcl]}

# ---- The processes ---------------------------------------------------------------------------------------------------------

# Sets c, js and kv in the caller.
proc kv_soak::open_store {url {timeout 1000}} {
    upvar 1 c c js js kv kv
    variable root
    load_package $root
    set c [nats::connection new -log_level error]
    $c configure -servers [list $url] -reconnect_time_wait 50 -max_reconnect_attempts -1
    $c connect
    set js [$c jet_stream -timeout $timeout]
    set kv [$js key_value]
    return
}

# One line, flushed: its reader waits for it.
proc kv_soak::say {args} {
    puts $args
    flush stdout
}

# The first line of standard input asks for the end, the end of the input for that at once.
proc kv_soak::obey {} {
    variable stop 0
    fconfigure stdin -blocking 0
    fileevent stdin readable {
        if {[gets stdin] >= 0} {
            set ::kv_soak::stop 1
        } elseif {[eof stdin]} {
            exit 1
        }
    }
}

# Process that watches; says `watching`, `reached` with the last key, and what it saw when it is asked to end.
proc kv_soak::watcher {url options} {
    variable bucket
    variable last_key
    variable seen [nothing_seen]
    obey
    open_store $url
    interp bgerror {} [list apply {{message options} {
        dict lappend ::kv_soak::seen wrong "background error: $message [dict get $options -errorcode]"
    }}]
    $kv watch $bucket -callback ::kv_soak::watched {*}$options
    say watching
    vwait ::kv_soak::stop
    $kv destroy
    # The round trip lets the server remove the consumer before the line breaks.
    $c ping
    say seen $seen
    $c destroy
}

proc kv_soak::watched {status entry} {
    variable seen
    variable last_key
    see seen $status $entry
    if {$status eq "" && [dict get $entry key] eq $last_key} {
        say reached [dict get $entry revision]
    }
}

# Number of times that this process has lost the server, and when it had it again last.
namespace eval kv_soak {
    variable gone 0
    variable back 0
}
proc kv_soak::note_status {name args} {
    if {[set $name] eq "connected"} {
        set ::kv_soak::back [clock milliseconds]
    } else {
        incr ::kv_soak::gone
    }
}

# Process that changes; says `filled`, and when it is asked to end what the bucket must hold.
proc kv_soak::changer {url seed lasting} {
    variable keys
    variable stop
    # Key -> {operation revision value} of what was acknowledged last; {} where that is not known.
    variable known [dict create]
    variable report [dict create acknowledged 0 refused 0 unknown 0 operations {put 0 create 0 update 0 del 0 purge 0} wrong {}]
    variable highest 0
    expr {srand($seed)}
    obey
    open_store $url
    trace add variable ${c}::status write ::kv_soak::note_status
    for {set number 1} {$number <= $keys} {incr number} {
        change $kv create key.$number "first $number"
    }
    say filled
    while {!$stop} {
        set index [expr {1 + int(rand() * $keys)}]
        set operation [lindex {put put put create update update update del purge} [expr {int(rand() * 9)}]]
        if {$operation eq "purge" && $index <= $lasting} {
            set operation del
        }
        change $kv $operation key.$index "$number [string repeat x [expr {int(rand() * 300)}]]"
        if {[incr number] % 8 == 0} {
            # Room for the others on a small machine.
            later 5
        }
    }
    # What is not known is made known.
    foreach key [dict keys $known] {
        while {[dict get $known $key] eq {}} {
            change $kv put $key "last $number"
        }
    }
    $c destroy
    set must {}
    dict for {key state} $known {
        if {[lindex $state 0] eq "PUT"} {
            dict set must $key [lrange $state 1 2]
        }
    }
    say changed [dict replace $report entries $must]
}

# A change, and whether it ended as it had to. After one of which nobody knows, only a put can tell what the key holds: messages
# stay in order, so it comes behind whatever is still on its way.
proc kv_soak::change {kv operation key value} {
    variable bucket
    variable known
    variable report
    variable highest
    set state [expr {[dict exists $known $key] ? [dict get $known $key] : {absent 0}}]
    lassign $state latest revision
    if {$state eq {} || ($operation eq "update" && $latest ne "PUT")} {
        set operation put
    }
    set stale [expr {$operation eq "update" && rand() < 0.2}]
    set words [list $bucket $key]
    switch -- $operation {
        update { lappend words [expr {$revision - $stale}] $value }
        put - create { lappend words $value }
    }
    set must_fail [expr {$stale || ($operation eq "create" && $latest eq "PUT")}]
    set gone $::kv_soak::gone
    try {
        set result [$kv $operation {*}$words -check_bucket [expr {rand() < 0.5}]]
    } trap {NATS WrongLastSequence} {} {
        dict incr report refused
        # A create that is refused asks why; where the server has just been away, the refusal is all that is known.
        set away [expr {$gone != $::kv_soak::gone || [clock milliseconds] - $::kv_soak::back < 3000}]
        if {!$must_fail && !($operation eq "create" && $away)} {
            dict lappend report wrong "$operation of $key refused, which is $state"
        }
        return
    } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} - trap {NATS ErrJSResponse 503} {} {
        # The server is away, or its JetStream not up yet.
        dict incr report unknown
        dict set known $key {}
        later 20
        return
    } trap NATS {message options} {
        dict lappend report wrong "$operation of $key: $message [dict get $options -errorcode]"
        dict set known $key {}
        later 20
        return
    }
    dict incr report acknowledged
    dict set report operations $operation [expr {[dict get $report operations $operation] + 1}]
    if {$must_fail} {
        dict lappend report wrong "$operation of $key accepted, which is $state"
    }
    set revision [expr {$operation eq "purge" ? [dict get $result seq] : $result}]
    if {$operation eq "del"} {
        dict set known $key {DEL 0}
        return
    }
    if {$revision <= $highest} {
        dict lappend report wrong "revision $revision of $key after $highest"
    }
    set highest $revision
    dict set known $key [expr {$operation eq "purge" ? [list PURGE $revision] : [list PUT $revision $value]}]
    return
}

# ---- The run ---------------------------------------------------------------------------------------------------------------

# Starts this file as another process in the given role; its lines go to the array `heard`, by word.
proc kv_soak::start {role args} {
    global env
    variable script
    set tclsh [expr {[info exists env(NATS_TCLSH)] && $env(NATS_TCLSH) ne "" ? $env(NATS_TCLSH) : [list [info nameofexecutable]]}]
    set channel [open [list | {*}$tclsh $script $role {*}$args 2>@stderr] r+]
    fconfigure $channel -blocking 0 -buffering line -encoding utf-8 -translation lf
    fileevent $channel readable [list ::kv_soak::hear $channel]
    return $channel
}

proc kv_soak::hear {channel} {
    variable heard
    while {[gets $channel line] >= 0} {
        set heard($channel,[lindex $line 0]) [lindex $line 1]
    }
    if {[eof $channel]} {
        fileevent $channel readable {}
        set heard($channel,ended) 1
    }
}

# The value of the line that begins with `word`, from each of these processes.
proc kv_soak::expect {channels word} {
    variable heard
    variable deadline
    set end [expr {[clock milliseconds] + $deadline}]
    foreach channel $channels {
        while {![info exists heard($channel,$word)]} {
            if {[info exists heard($channel,ended)] || [clock milliseconds] > $end} {
                error "a process [expr {[info exists heard($channel,ended)] ? "ended" : "waited too long"}] before it said: $word"
            }
            later 10
        }
        lappend values $heard($channel,$word)
    }
    return $values
}

# Waits until the bucket has this many consumers: those that a crash left behind go after a while.
proc kv_soak::consumers {js count} {
    variable bucket
    variable deadline
    set end [expr {[clock milliseconds] + $deadline}]
    while {[llength [$js consumer_names KV_$bucket]] != $count && [clock milliseconds] < $end} {
        later 50
    }
    return [llength [$js consumer_names KV_$bucket]]
}

# Returns how long the server was away, in ms.
proc kv_soak::restart {server number} {
    variable outages
    set begin [clock milliseconds]
    $server [expr {$number % 2 ? "stop" : "kill"}]
    later [lindex $outages [expr {$number % [llength $outages]}]]
    $server restart
    return [expr {[clock milliseconds] - $begin}]
}

# Returns what went wrong.
proc kv_soak::run {seconds interval seed} {
    variable root
    variable bucket
    variable last_key
    variable keys
    variable lasting
    variable watches
    source [file join $root tools nats_server.tcl]
    set server [server start]
    open_store [$server url] 20000
    $kv add $bucket -history 64
    puts "server [$server version], $seconds s, a restart every $interval ms, seed $seed"
    # A consumer of server 2.9.10 skips an entry that is stored while a purge of another key is at work; its own sequence goes on, so
    # that no client can tell.
    set changer [start changer [$server url] $seed [expr {[package vcompare [$server version] 2.10] < 0 ? $keys : $lasting}]]
    # The watches begin amid the changes.
    expect $changer filled
    set watchers [lmap options $watches {start watcher [$server url] $options}]
    expect $watchers watching
    set begin [clock milliseconds]
    set restarts 0
    set away {}
    while {($restarts + 1) * $interval < $seconds * 1000} {
        later [expr {max(0, $begin + ($restarts + 1) * $interval - [clock milliseconds])}]
        lappend away [restart $server $restarts]
        incr restarts
    }
    later [expr {max(0, $begin + $seconds * 1000 - [clock milliseconds])}]
    puts $changer stop
    set report [lindex [expect $changer changed] 0]

    set end [$kv put $bucket $last_key over]
    expect $watchers reached
    set wrong {}
    set count [consumers $js [llength $watchers]]
    if {$count != [llength $watchers]} {
        lappend wrong "$count consumers for [llength $watchers] watches"
    }
    set contents {}
    foreach key [$kv keys $bucket] {
        set entry [$kv get $bucket $key]
        dict set contents $key [list [dict get $entry revision] [dict get $entry value]]
    }
    set stored [lmap entry [$kv history $bucket] {dict get $entry revision}]
    foreach watcher $watchers {
        puts $watcher stop
    }
    set processes [list $changer {*}$watchers]
    set seen [expect $watchers seen]
    set count [consumers $js 0]
    if {$count != 0} {
        lappend wrong "$count consumers stay behind"
    }

    foreach text [dict get $report wrong] {
        lappend wrong "changes: $text"
    }
    dict set report entries $last_key [list $end over]
    foreach text [differences $contents [dict get $report entries]] {
        lappend wrong "bucket: $text"
    }
    puts "restarts: $restarts, ms without a server: $away"
    puts "changes: [dict get $report acknowledged] acknowledged ([dict get $report operations]), [dict get $report refused] refused,\
        [dict get $report unknown] of unknown outcome; last revision $end, [dict size $contents] keys and [llength $stored] entries left"
    set number 0
    foreach one $seen options $watches {
        incr number
        puts "watch $number ($options): [dict get $one count]; notices: [dict get $one notices]"
        foreach text [judge $one $contents $stored [expr {$number == 1}]] {
            lappend wrong "watch $number: $text"
        }
    }
    expect $processes ended
    foreach channel $processes {
        # Only a blocking close tells the exit status.
        fconfigure $channel -blocking 1
        if {[catch {close $channel} message]} {
            lappend wrong "a process failed: $message"
        }
    }
    $kv destroy
    $js destroy
    $c destroy
    $server destroy
    return $wrong
}

proc kv_soak::main {words} {
    lassign $words role
    if {$role in {watcher changer}} {
        kv_soak::$role {*}[lrange $words 1 end]
        return 0
    }
    lassign $words seconds interval seed
    foreach {name default} [list seconds 120 interval 10000 seed [expr {[clock milliseconds] % 1000000}]] {
        if {[set $name] eq ""} {
            set $name $default
        }
    }
    set wrong [run $seconds $interval $seed]
    foreach text [lrange $wrong 0 19] {
        puts "FAILED: $text"
    }
    puts [expr {$wrong eq {} ? "kv-soak passed" : "kv-soak failed: [llength $wrong]"}]
    return [expr {$wrong ne {}}]
}

if {[info exists argv0] && [file normalize $argv0] eq $kv_soak::script} {
    exit [kv_soak::main $argv]
}
