# Codecs: a bucket whose keys are paths and whose values only those can read who know a password.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh kv_codec.tcl
#
# Needs nats-server with JetStream. Exits with 1 if something is not as the comments say.
package require nats

proc expect {what got wanted} {
    puts [format "%-40s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}

# A codec of one's own: a command prefix, invoked as `prefix encode|decode|filter bytes`. This one is a toy that hides values from a
# passing glance and keeps nobody out: take a real cipher in its place, such as that of a crypto package.
proc cipher {password what bytes} {
    if {$what eq "encode"} {
        # Different each time, so that equal values do not look equal. Keys could not be encoded so: the same key must always
        # be stored in the same way.
        set salt [expr {int(rand() * 0x7fffffff)}]
        return [binary format Ia* $salt [stream $password $salt "ok$bytes"]]
    }
    if {[binary scan $bytes Ia* salt hidden] != 2} {
        error "too short"
    }
    set shown [stream $password $salt $hidden]
    if {[string range $shown 0 1] ne "ok"} {
        error "another password"
    }
    return [string range $shown 2 end]
}

proc stream {password salt bytes} {
    set state $salt
    binary scan $password cu* letters
    foreach letter $letters {
        set state [expr {($state * 31 + $letter) & 0x7fffffff}]
    }
    binary scan $bytes cu* numbers
    set out {}
    foreach number $numbers {
        set state [expr {($state * 1103515245 + 12345) & 0x7fffffff}]
        lappend out [expr {$number ^ (($state >> 16) & 255)}]
    }
    return [binary format c* $out]
}

set conn [nats::connection new "kv_codec example" -log_level error]
$conn configure -servers $env(NATS_URL)
$conn connect
set js [$conn jet_stream]
set bucket example_codec_[pid]

# A list of codecs: the cipher first, then base64, so that what is stored is text. The cipher is a prefix of two words, and so a list itself.
set kv [$js key_value -key_codec path -value_codec [list [list cipher "open sesame"] base64]]
$kv add $bucket -storage memory
$kv mput $bucket {/users/ann 30 /users/bob 41 /groups/staff 2}

expect "keys as the script has them:" [$kv keys $bucket -filter /users/*] {/users/ann /users/bob}
expect "values:" [$kv mget $bucket {/users/ann /groups/*}] {/users/ann 30 /groups/staff 2}

# What others see, who know nothing of codecs.
set plain [$js key_value]
expect "keys as they are stored:" [$plain keys $bucket] {_root_.users.ann _root_.users.bob _root_.groups.staff}
expect "a value as it is stored is another one:" [expr {[dict get [$plain get $bucket _root_.users.ann] value] eq "30"}] 0

# With a wrong password nothing can be read: `get` says so, what shows many entries leaves out those that it cannot decode.
set other [$js key_value -key_codec path -value_codec [list [list cipher "open barley"] base64]]
try {
    $other get $bucket /users/ann
    set code {}
} trap {NATS KvCodec} {message} {
    set code KvCodec
}
expect "get with another password:" $code KvCodec
expect "all entries with another password:" [$other entries $bucket] {}

$kv del $bucket
$conn destroy
