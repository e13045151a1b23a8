# A mirror of a bucket: reads are answered by the mirror, writes go to the origin, and come back from there.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh kv_mirror.tcl
#
# Needs a server with JetStream. Where the origin is in another JetStream domain (a leaf node mirroring a bucket of its hub), add
# `-mirror_domain hub` to the line that makes the mirror; all the rest stays as it is.
# Exits with 1 if something is not as the comments say.
package require nats

proc expect {what got wanted} {
    puts [format "%-44s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}

# A mirror follows its origin with a short delay: waits, with the event loop running, until it has this revision of the key.
proc wait_for_revision {kv bucket key revision} {
    set deadline [expr {[clock milliseconds] + 10000}]
    while {[catch {$kv get $bucket $key} entry] || [dict get $entry revision] < $revision} {
        if {[clock milliseconds] > $deadline} {
            puts stderr "the mirror never got revision $revision of $key"
            exit 1
        }
        after 5 [list set ::tick 1]
        vwait ::tick
    }
}

set conn [nats::connection new "kv_mirror example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream]
set kv [$js key_value]

set origin example_origin_[pid]
set mirror example_mirror_[pid]
$kv add $origin -history 3 -storage memory
$kv put $origin greeting hello

$kv add $mirror -history 3 -storage memory -mirror_name $origin
wait_for_revision $kv $mirror greeting 1

# The entry names the bucket that it was written to.
set entry [$kv get $mirror greeting]
expect "read from the mirror:" [dict get $entry value] hello
expect "its bucket:" [dict get $entry bucket] $origin
expect "keys of the mirror:" [$kv keys $mirror] greeting
expect "the mirror's origin:" [dict get [$kv info $mirror] mirror name] KV_$origin

# Writing to the mirror writes to the origin.
set revision [$kv put $mirror greeting "good day"]
expect "read from the origin:" [dict get [$kv get $origin greeting] value] "good day"
wait_for_revision $kv $mirror greeting $revision
expect "read from the mirror:" [dict get [$kv get $mirror greeting] value] "good day"

# So compare-and-set is decided by the origin, for all mirrors together.
catch {$kv update $mirror greeting 1 "too late"} message options
expect "an update of an old revision:" [dict get $options -errorcode] {NATS WrongLastSequence}

# The mirror goes on answering when the origin is gone.
$kv del $origin
expect "the origin is gone, the mirror reads:" [dict get [$kv get $mirror greeting] value] "good day"

$kv del $mirror
foreach object [list $kv $js $conn] {
    $object destroy
}
