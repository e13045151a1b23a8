# Helpers of the kv_*.test files; sourced after harness.tcl. Tests share one server per file, so every test starts with no bucket at all
# and leaves none: only then can results be compared literally.

# Opens a connection to url: sets conn, js and kv (with these suffixes) in the caller. The short reconnect wait keeps failovers quick; what
# goes wrong with servers on purpose is not logged.
proc kv_open {url {suffix ""} args} {
    upvar 1 conn$suffix conn js$suffix js kv$suffix kv
    set conn [nats::connection new -log_level error]
    $conn configure -servers $url -reconnect_time_wait 50 -max_reconnect_attempts -1
    $conn connect
    set js [$conn jet_stream]
    set kv [$js key_value {*}$args]
}

# What most tests begin with: conn, js, kv on the server of the file, and the bucket b made with these options.
proc kv_setup {args} {
    uplevel 1 {kv_open [$srv url]}
    upvar 1 kv kv
    $kv add b -storage memory -history 8 {*}$args
    return
}

# What most tests end with: the objects that kv_open made are gone (a test may have destroyed them itself), and so is every bucket.
proc kv_cleanup {{url ""}} {
    upvar 1 srv srv
    if {$url eq ""} {
        # A test that failed half-way may have left it down.
        if {![$srv running]} {
            $srv restart
        }
        set url [$srv url]
    }
    foreach suffix {"" 2 3} {
        foreach name [list kv$suffix js$suffix conn$suffix] {
            upvar 1 $name var
            if {[info exists var]} {
                catch {$var destroy}
                unset var
            }
        }
    }
    kv_open $url _admin
    foreach bucket [$kv_admin ls] {
        $kv_admin del $bucket
    }
    foreach name [$js_admin stream_names] {
        $js_admin delete_stream $name
    }
    $conn_admin destroy
    foreach object [list $kv_admin $js_admin] {
        $object destroy
    }
    unset -nocomplain ::log ::log2
    return
}

# The fields of an entry that a test can know beforehand.
proc brief {entry} {
    list [dict get $entry key] [dict get $entry value] [dict get $entry operation] [dict get $entry revision]
}

proc briefs {entries} {
    lmap entry $entries {brief $entry}
}

# Callback of watches: appends {key value operation revision}, or {status text}, to the global variable.
proc kv_seen {varName status entry} {
    if {$status eq ""} {
        lappend ::$varName [brief $entry]
    } else {
        lappend ::$varName [list $status $entry]
    }
    return
}

# The entries in what kv_seen collected.
proc kv_entries_of {events} {
    lsearch -all -inline -regexp $events { (PUT|DEL|PURGE) [0-9]+$}
}

# Names of the bucket's consumers, empty if the bucket is gone.
proc kv_consumers {js {bucket b}} {
    $js consumer_names KV_$bucket
}

# A hub (JetStream domain hub) and a leaf server (domain leaf) connected to it: sets hub, leaf and leaf_dir in the caller, and returns once
# the hub's JetStream answers through the leaf.
proc kv_start_leaf_pair {} {
    upvar 1 hub hub leaf leaf leaf_dir leaf_dir
    set port [::nats_server::free_port]
    set leaf_dir [file join $::harness::folder leaf-pair]
    set block {jetstream { store_dir: "%s", domain: %s }}
    set hub [server start -jetstream 0 -name hub -config "[format $block $leaf_dir/hub hub]
leafnodes { host: 127.0.0.1, port: $port }"]
    set leaf [server start -jetstream 0 -name leaf -config "[format $block $leaf_dir/leaf leaf]
leafnodes { reconnect: 1, remotes: \[ { url: \"nats-leaf://127.0.0.1:$port\" } \] }"]
    set conn [nats::connection new]
    $conn configure -servers [$leaf url]
    $conn connect
    wait_until {![catch {$conn request {$JS.hub.API.INFO} "" -timeout 500}]} 20000
    $conn destroy
    return
}

proc kv_stop_leaf_pair {} {
    upvar 1 hub hub leaf leaf leaf_dir leaf_dir
    $leaf destroy
    $hub destroy
    file delete -force $leaf_dir
    return
}
