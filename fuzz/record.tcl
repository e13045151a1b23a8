# Records what real servers say, as seeds of the target `parser` and for src/engine/wire/differential_tests.rs:
#
#   tclsh fuzz/record.tcl        writes fuzz/corpus/parser/recorded-*
#
# The client is a plain socket; its first line is CONNECT, and each PING waits for its PONG.

set here [file dirname [file normalize [info script]]]
source [file join [file dirname $here] tools nats_server.tcl]

proc lines {args} {
    return [string cat {*}[lmap line $args {string cat $line \r\n}]]
}
proc pub {subject reply payload} {
    return [lines "PUB $subject $reply [string length $payload]" $payload]
}
proc hpub {subject reply headers payload} {
    set block "NATS/1.0\r\n[lines {*}$headers]\r\n"
    return [lines "HPUB $subject $reply [string length $block] [string length $block$payload]" $block$payload]
}
proc connect {options} {
    return [lines "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"protocol\":1,\"lang\":\"raw\",\"version\":\"1\"$options}" PING]
}

# Sends each text, and waits until what has come since matches the pattern behind it.
proc record {name server script} {
    set socket [socket [$server host] [$server port]]
    chan configure $socket -translation binary -blocking 0
    set bytes {}
    foreach {text pattern} $script {
        puts -nonewline $socket $text
        flush $socket
        set begin [string length $bytes]
        set deadline [expr {[clock milliseconds] + 10000}]
        while {![regexp $pattern [string range $bytes $begin end]]} {
            if {[clock milliseconds] > $deadline} {
                error "$name: no \"$pattern\" in [string range $bytes $begin end]"
            }
            after 5
            append bytes [read $socket]
        }
    }
    close $socket
    set file [open [file join $::here corpus parser recorded-$name] wb]
    puts -nonewline $file $bytes
    close $file
    puts "$name: [string length $bytes] bytes"
}

set server [server start]
record core $server [list \
    [connect {}] PONG \
    [lines {SUB a.> 1} {SUB a.b q 2} {SUB inbox.* 3} "SUB caf\xc3\xa9 1"] {} \
    [string cat [pub a.b {} hello] [pub a.b.c reply.to {}] [pub a.x {} "\r\nPING\r\n\x00\xff"] [pub "caf\xc3\xa9" {} x] \
        [hpub a.h inbox.1 {{Key: v} {key:  1 } {Key: w} {Empty:} {Url: a:b}} payload] [hpub a.h {} {{One: 1}} {}] \
        [hpub a.h {} [list "Text: caf\xc3\xa9 \xe6\x97\xa5"] x] [pub nobody inbox.9 x] [lines PING]] {503.*PONG} \
    [lines "UNSUB 2 1" PING] PONG]
record large $server [list \
    [connect {}] PONG \
    [string cat [lines {SUB a 1}] [pub a {} [string repeat 0123456789abcdef 2100]] [pub a {} x] [lines PING]] {PONG}]
record verbose $server [list \
    [connect {,"verbose":true,"pedantic":true,"echo":true}] PONG \
    [string cat [lines {SUB a 1} PING] [pub a {} x] [pub a..b {} x] [lines {SUB b..c 2} PING]] {Invalid Subject.*PONG}]
record jetstream $server [list \
    [connect {}] PONG \
    [string cat [lines {SUB in.* 1} {SUB push 2}] \
        [pub {$JS.API.STREAM.CREATE.S} in.1 {{"name":"S","subjects":["s.>"],"storage":"memory","allow_direct":true}}]] {in\.1 .*did_create} \
    [pub s.a in.2 one] {in\.2 .*seq} [hpub s.b in.3 {{Nats-Msg-Id: 7} {My-Key: v}} two] {in\.3 .*seq} \
    [hpub s.b in.4 {{Nats-Msg-Id: 7}} two] {in\.4 .*duplicate} \
    [pub {$JS.API.DIRECT.GET.S} in.5 {{"last_by_subj":"s.b"}}] {in\.5 .*two} \
    [pub {$JS.API.DIRECT.GET.S} in.6 {{"last_by_subj":"s.none"}}] {in\.6 .*404} \
    [pub {$JS.API.STREAM.MSG.GET.S} in.7 {{"seq":2}}] {in\.7 .*data} \
    [pub {$JS.API.CONSUMER.DURABLE.CREATE.S.C} in.8 {{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit"}}}] {in\.8 .*created} \
    [pub {$JS.API.CONSUMER.MSG.NEXT.S.C} in.9 {{"batch":3,"no_wait":true}}] {one.*two.*(404|408)} \
    [pub {$JS.API.CONSUMER.MSG.NEXT.S.C} in.9 {{"batch":3,"expires":200000000,"idle_heartbeat":50000000}}] {100.*408} \
    [pub {$JS.API.CONSUMER.MSG.NEXT.S.C} in.9 {{"batch":3,"nonsense":}}] {400} \
    [pub {$JS.API.CONSUMER.DURABLE.CREATE.S.P} in.10 {{"stream_name":"S","config":{"durable_name":"P","deliver_subject":"push","idle_heartbeat":100000000,"flow_control":true,"headers_only":true}}}] \
        {in\.10 .*two|(?:push.*){2}100 } \
    [pub {$JS.API.STREAM.DELETE.S} in.11 {}] {in\.11 .*success} \
    [lines PING] PONG]
$server destroy

set server [server start -jetstream 0 -config {authorization: {users: [{user: u, password: p, permissions: {publish: ["in.>"], subscribe: ["in.>"]}}]}}]
record refused $server [list \
    [connect {,"user":"u","pass":"p"}] PONG \
    [string cat [lines {SUB in.> 1} {SUB out 2}] [pub out {} x] [pub in.a {} x] [lines PING]] {PONG} \
    [lines NONSENSE] {-ERR}]
record unauthorized $server [list [connect {,"user":"u","pass":"wrong"}] {-ERR}]
$server destroy

set cluster [cluster start 2]
set server [lindex [$cluster servers] 0]
record cluster $server [list \
    [connect {}] PONG \
    [string cat [lines {SUB a 1}] [pub a {} x] [lines PING]] PONG]
$cluster destroy
