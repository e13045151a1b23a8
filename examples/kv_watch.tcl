# Watching a bucket: keep a Tcl array equal to it, whatever happens to the connection.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh kv_watch.tcl
#
# Needs a server with JetStream. Exits with 1 if the array does not follow the bucket.
package require nats

proc fail {text} {
    puts stderr $text
    exit 1
}

# Called for every entry, with an empty status, and for what happens to the watch itself.
proc changed {arrayName status entry} {
    upvar #0 $arrayName mirror
    switch -- $status {
        "" {
            set key [dict get $entry key]
            if {[dict get $entry operation] eq "PUT"} {
                set mirror($key) [dict get $entry value]
                puts "$key = $mirror($key)"
            } else {
                unset -nocomplain mirror($key)
                puts "$key is gone ([dict get $entry operation])"
            }
        }
        end_of_initial_data {
            puts "-- that was the bucket as it stood; updates follow"
            set ::complete 1
        }
        error {
            # The watch goes on by itself; nothing needs to be done but to say so.
            puts "-- trouble: $entry"
        }
        ok {
            puts "-- all is well again"
        }
    }
}

# Waits with the event loop running until the expression, evaluated at global level, is true.
proc wait_for {expression} {
    set timer [after 20000 [list fail "waited too long for $expression"]]
    while {![uplevel #0 [list expr $expression]]} {
        after 5 [list set ::tick 1]
        vwait ::tick
    }
    after cancel $timer
}

set conn [nats::connection new "kv_watch example"]
$conn configure -servers $env(NATS_URL) -reconnect_time_wait 100
$conn connect
set js [$conn jet_stream]
set kv [$js key_value]

set bucket example_watch_[pid]
$kv add $bucket -storage memory
$kv put $bucket server.one up
$kv put $bucket server.two up
$kv put $bucket other ignored

# A wildcard in place of a token: the keys of all servers, and nothing else. The server is asked for a sign of life each second; three that do
# not come are trouble.
set complete 0
set watch [$kv watch $bucket server.* -callback {changed servers} -idle_heartbeat 1000]
wait_for {$complete}
if {[lsort [array names servers]] ne {server.one server.two}} {
    fail "initial data: [array get servers]"
}

# From here on the array follows what anybody writes.
$kv put $bucket server.one down
$kv put $bucket server.three up
$kv del $bucket server.two
wait_for {![info exists servers(server.two)]}
if {[array get servers server.one] ne {server.one down} || [array get servers server.three] ne {server.three up}} {
    fail "updates: [array get servers]"
}

# A watch outlives the connection: what was written meanwhile arrives after the next connect, once.
set writer [nats::connection new]
$writer configure -servers $env(NATS_URL)
$writer connect
set js2 [$writer jet_stream]
set kv2 [$js2 key_value]
$conn disconnect
$kv2 put $bucket server.four up
$conn connect
wait_for {[info exists servers(server.four)]}

# Only the operations that matter, without their values, and nothing of the past.
set touched {}
proc touch {status entry} {
    if {$status eq ""} {
        lappend ::touched [dict get $entry key]
    }
}
$kv unwatch $watch
set watch [$kv watch $bucket -callback touch -updates_only true -headers_only true -ignore_deletes true]
$kv2 del $bucket other
$kv2 put $bucket another x
wait_for {[llength $touched] > 0}
if {$touched ne "another"} {
    fail "touched: $touched"
}

$kv unwatch $watch
$kv del $bucket
foreach object [list $kv2 $js2 $writer $kv $js $conn] {
    $object destroy
}
puts done
