# A lock that several processes share: who holds it does the work; if it dies, its lease ends and the next one goes on.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh kv_lock.tcl
#
# Needs nats-server 2.11 with JetStream. Exits with 1 if something is not as the comments say.
package require nats

set conn [nats::connection new "kv_lock example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set kv [[$conn jet_stream] key_value]

# Leases need a bucket that keeps one entry of each key and leaves markers for those that end.
set bucket example_lock_[pid]
$kv add $bucket -storage memory -history 1 -limit_marker_ttl 1000

# Three workers, as if they were three processes. Each number of the lock is greater than the one before: what is written with a
# smaller one comes from somebody who has lost the lock and does not know yet.
proc work {name} {
    for {set i 0} {$i < 2} {incr i} {
        set lock [nats::lock $::kv $::bucket nightly -ttl 10000]
        lappend ::numbers [$lock fence]
        puts "$name works, number [$lock fence]"
        after 10 [list [info coroutine]]
        yield
        $lock release
        $lock destroy
    }
    incr ::done
}
set done 0
foreach name {one two three} {
    coroutine worker-$name work $name
}
while {$done < 3} {
    vwait done
}
set ok [expr {[llength $numbers] == 6 && [lsort -integer -unique $numbers] eq $numbers}]
$kv del $bucket
$conn destroy
exit [expr {!$ok}]
