# Both dialects in one process: an older script and a newer one, each in an interpreter of its own.
#
#   NATS_URL=nats://127.0.0.1:4222 tclsh both.tcl
#
# Needs a server with JetStream. Exits with 1 if something is not as the comments say.
proc expect {what got wanted} {
    puts [format "%-44s %s" $what $got]
    if {$got ne $wanted} {
        puts stderr "wanted: $wanted"
        exit 1
    }
}

# The dialect belongs to the interpreter that asks for it.
foreach {name version} {older 2 newer 3} {
    interp create $name
    $name eval [list set auto_path $auto_path]
    $name eval [list package require nats $version]
    $name eval {
        set conn [nats::connection new "both example"]
        $conn configure -servers $env(NATS_URL)
        $conn connect
        set js [$conn jet_stream]
    }
    expect "dialect of the $name script:" [$name eval {set nats::dialect}] $version
}

# The newer script makes a bucket and has an object for it; the older one names the bucket in each call.
set bucket both_[pid]
newer eval [list set bucket $bucket]
newer eval {set kv [$js create_kv_bucket $bucket -storage memory]; $kv put color blue}
older eval [list set bucket $bucket]
older eval {set kv [$js key_value]}
expect "the older script reads:" [dict get [older eval {$kv get $bucket color}] value] blue
older eval {$kv put $bucket color red}
expect "the newer script reads:" [newer eval {$kv get_value color}] red

# Errors have the codes that each script knows.
foreach {name script code} {
    older {$kv get $bucket shape} {NATS KeyNotFound}
    newer {$kv get shape} {NATS ErrKeyNotFound}
} {
    catch {$name eval $script} text options
    expect "no such key, $name script:" [dict get $options -errorcode] $code
}

# One asks, the other one answers.
older eval {$conn subscribe service.$bucket -callback {apply {{subject message replyTo} {
    $::conn publish $replyTo [string toupper $message]
}}}; $conn ping}
expect "a reply across dialects:" [newer eval {$conn request service.$bucket hello}] HELLO

newer eval {$js delete_kv_bucket $bucket; $conn destroy}
older eval {$conn destroy}
