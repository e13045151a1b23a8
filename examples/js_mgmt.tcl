# Managing streams and consumers: by options, and by JSON files that the NATS CLI understands too.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh js_mgmt.tcl
#
# Needs a server with JetStream and makes, then deletes, the stream EXAMPLE_MGMT. Exits with 1 if something is not as the
# comments say.
package require nats

proc expect {what got wanted} {
    puts [format "%-44s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}
proc read_file {name} {
    set file [open [file join [file dirname [file normalize [info script]]] $name]]
    fconfigure $file -encoding utf-8
    try {
        return [read $file]
    } finally {
        close $file
    }
}

set conn [nats::connection new "js_mgmt example"]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream]

# A stream of a JSON file. The JSON goes to the server as it is, with durations in nanoseconds, and the server's JSON comes back.
set reply [$js add_stream_from_json [read_file js_stream.json]]
expect "the reply is JSON:" [string index $reply 0] \{
expect "streams:" [$js stream_names -subject example.mgmt.orders] EXAMPLE_MGMT

# Everywhere else replies are dicts and durations are milliseconds.
set config [dict get [$js stream_info EXAMPLE_MGMT] config]
expect "max_age in ms:" [dict get $config max_age] 3600000

# An update changes only the options given; the subjects have to be among them.
$js add_stream EXAMPLE_MGMT -subjects example.mgmt.> -max_msgs 500
set config [dict get [$js stream_info EXAMPLE_MGMT] config]
expect "max_msgs, changed:" [dict get $config max_msgs] 500
expect "max_age, as before:" [dict get $config max_age] 3600000

# A consumer of a JSON file, in the form of the `config` that `nats consumer info --json` prints; and one of options.
$js add_consumer_from_json EXAMPLE_MGMT worker [read_file js_consumer.json]
$js add_consumer EXAMPLE_MGMT -durable_name auditor -deliver_policy new -ack_policy none -inactive_threshold 60000
expect "consumers:" [lsort [$js consumer_names EXAMPLE_MGMT]] {auditor worker}
expect "ack_wait in ms:" [dict get [$js consumer_info EXAMPLE_MGMT worker] config ack_wait] 10000

# Deleting single messages, and all of a subject.
foreach text {a b c} {
    $js publish example.mgmt.orders $text
}
$js publish example.mgmt.returns d
expect "deleted:" [$js stream_msg_delete EXAMPLE_MGMT -seq 2] true
try {
    $js stream_msg_get EXAMPLE_MGMT -seq 2
} trap {NATS ErrJSResponse} {message options} {
}
expect "reading it:" [lrange [dict get $options -errorcode] 1 end] {ErrJSResponse 404 10037}
expect "purged of the subject:" [$js purge_stream EXAMPLE_MGMT -filter example.mgmt.orders] 2
expect "left:" [dict get [$js stream_info EXAMPLE_MGMT] state messages] 1

# What the server does not accept is an error with its code and description.
try {
    $js add_stream EXAMPLE_MGMT -subjects example.mgmt.> -storage file
    set code "no error"
} trap {NATS ErrJSResponse} {message options} {
    set code [lrange [dict get $options -errorcode] 2 3]
    puts "refused: $message"
}
expect "changing the storage of a stream:" $code {400 10058}

$js delete_consumer EXAMPLE_MGMT auditor
expect "consumers:" [$js consumer_names EXAMPLE_MGMT] worker
$js delete_stream EXAMPLE_MGMT
expect "streams:" [$js stream_names -subject example.mgmt.orders] {}

$js destroy
$conn destroy
