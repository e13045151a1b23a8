# Object store: files, values and channels in a bucket.
#
#   NATS_URL=nats://127.0.0.1:4222 TCLLIBPATH=build tclsh examples/objects.tcl

package require nats

set conn [nats::connection new objects]
$conn configure -servers [expr {[info exists env(NATS_URL)] ? $env(NATS_URL) : "nats://127.0.0.1:4222"}]
$conn connect
set js [$conn jet_stream]
set os [$js create_object_store example_objects -storage memory -description "Files of an example"]

# A value, with something said about it.
set info [$os put notes/today "Water the plants" -description "a note" -metadata {author me}]
puts "stored [dict get $info name]: [dict get $info size] bytes, [dict get $info digest]"
puts "read: [$os get notes/today]"

# Progress of a long transfer.
proc progress {bytes total} {
    puts [format "%3d %%" [expr {100 * $bytes / $total}]]
}
$os put picture.raw [string repeat pixel 100000] -progress progress

# A channel: text line by line.
set out [$os open log.txt w]
chan configure $out -encoding utf-8
foreach line {one zwei drei} {
    puts $out $line
}
close $out
set in [$os open log.txt]
chan configure $in -encoding utf-8
while {[gets $in line] >= 0} {
    puts "line: $line"
}
close $in

# A part of a large object, without the rest.
set in [$os open picture.raw]
seek $in 250000
puts "in the middle: [read $in 10]"
close $in

# Another name for an object, and a list.
$os link latest notes/today
puts "latest: [$os get latest]"
foreach info [$os list] {
    puts [format "%-12s %7d bytes" [dict get $info name] [dict get $info size]]
}

$os delete notes/today
puts "deleted: [expr {![$os exists notes/today]}]"

$js delete_object_store example_objects
$os destroy
$js destroy
$conn destroy
