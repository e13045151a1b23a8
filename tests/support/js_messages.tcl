# Shared by the test files of `messages`: callbacks that record, and what pulls asked for. Needs js_tools.tcl.

proc data {message} {
    lappend ::got [nats::msg data $message]
}

proc event {name text} {
    lappend ::events [list $name $text]
}

proc background {message options} {
    lappend ::background [list $message [dict get $options -errorcode]]
}

# A consumer with n messages, and an empty record.
proc begin {n args} {
    fresh_pull $n {*}$args
    set ::events {}
    set ::background {}
}

proc end {} {
    catch {$::m destroy}
    catch {$::n destroy}
    js_wipe
}

# What pulls asked for: list of the values of a field.
proc asked {field} {
    set out {}
    foreach pub [wire_pubs] {
        if {[string match *.MSG.NEXT.* [lindex $pub 0]]} {
            lappend out [dict get [json_typed [lindex $pub 3]] $field]
        }
    }
    return $out
}

proc ack_pending {} {
    return [dict get [$::js consumer_info S C] num_ack_pending]
}

# A scripted server, and an object of its own that does not ask for the consumer.
proc begin_fake {args} {
    set info "{\"server_id\":\"X\",\"version\":\"2.15.1\",\"headers\":true,\"max_payload\":1048576,\"proto\":1,\"jetstream\":true}"
    set ::f [fake start -greet "INFO $info\r\n" -on PING "PONG\r\n"]
    set ::c2 [nats::connection new -log_level error]
    $::c2 configure -servers [list [$::f url]] -reconnect_time_wait 20 -max_reconnect_attempts -1
    $::c2 connect
    set ::js2 [$::c2 jet_stream -timeout 5000]
    lassign {} ::events ::got
    set ::m [$::js2 messages S C -check false -events event {*}$args]
    wait_until {[pulls] == 1}
}

proc end_fake {} {
    $::m destroy
    $::js2 destroy
    $::c2 destroy
    $::f destroy
}

# How many pulls there were; what was told before the last of them has been heard.
proc pulls {} {
    set count [llength [regexp -all -inline {PUB \S+NEXT\.S\.C } [$::f received]]]
    update
    return $count
}

# A message to the inbox of this number.
proc say_message_to {number seq} {
    set sid [lindex [regexp -all -inline {SUB _INBOX\S+ +(\d+)\r\n} [$::f received]] [expr {2 * $number - 1}]]
    $::f say "MSG s.a $sid \$JS.ACK.S.C.1.$seq.$seq.1700000000000000000.0 2\r\nm$seq\r\n"
}

# The server's word to the present inbox.
proc say_status {line {headers {}}} {
    set inboxes [regexp -all -inline {SUB (_INBOX\S+) +(\d+)\r\n} [$::f received]]
    lassign [lrange $inboxes end-1 end] inbox sid
    set block "NATS/1.0 $line\r\n"
    foreach {name value} $headers {
        append block "$name: $value\r\n"
    }
    append block \r\n
    $::f say "HMSG $inbox $sid [string length $block] [string length $block]\r\n$block\r\n"
}

proc say_message {seq {delivered 1}} {
    set sid [lindex [regexp -all -inline {SUB _INBOX\S+ +(\d+)\r\n} [$::f received]] end]
    $::f say "MSG s.a $sid \$JS.ACK.S.C.$delivered.$seq.$seq.1700000000000000000.0 2\r\nm$seq\r\n"
}

# What the pulls asked for: list of the values of these fields, of those that were there.
proc pulled_for {args} {
    lmap {match body} [regexp -all -inline {PUB \S+NEXT\.S\.C \S+ \d+\r\n(\{[^\r]*\})} [$::f received]] {
        pick [json_typed $body] {*}$args
    }
}

proc batches {} {
    return [lmap pull [pulled_for batch] {dict get $pull batch}]
}

interp bgerror {} background
