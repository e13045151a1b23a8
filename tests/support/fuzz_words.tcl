# Words for the fuzzer: what the tables of the package say a method takes, and everything else beside it.

namespace eval ::fuzz {
    variable state 1
    # How wild the words of a call are: 0, none but good ones, to 10.
    variable wild 0
    variable shared {}
    variable copies {}
    # IDs, messages and replies that earlier calls gave.
    variable ids {1 2 3}
    variable messages {}
    variable results {}
}

# A generator of its own: the same seed gives the same calls, whatever the package does with rand().
proc ::fuzz::below {n} {
    variable state
    set state [expr {($state * 6364136223846793005 + 1442695040888963407) & 0xffffffffffffffff}]
    return [expr {($state >> 33) % $n}]
}

proc ::fuzz::pick {list} {
    return [lindex $list [below [llength $list]]]
}

proc ::fuzz::one_in {n} {
    return [expr {[below $n] == 0}]
}

# Values that many calls share. A call that changed one of them would be a fault: each has a copy to compare it with.
proc ::fuzz::make_shared {} {
    variable shared
    variable copies
    set binary [binary format c* {0 1 127 -128 -1 10 13 0}]
    set shared [list \
        {} x null true 0 -1 { } "\t" "\r\n" "\u0000" "a\u0000b" "\u20ac\u017e" "\u00e9" "\{" "\}" "\"" "\\" "\[" "\{a" {a b} {a b c} - -- -x {{}} {{} {}} {a {b {c d}}} \
        $binary [string repeat $binary 40] [string repeat a 5000] [string repeat {a } 700] [string repeat \u20ac 1000] [string repeat x 70000] [string repeat y 1100000] \
        [list a [expr {1 + 1}] $binary] [dict create a 1 b [dict create c $binary]] [expr {2**63}] [expr {2**64 - 1}] [expr {-2**63}] [expr {1.5e300}] [expr {1 / 3.0}] [lrepeat 300 a 1] \
        [dict create header [dict create A [list 1 2]] data $binary subject s.a reply r] [encoding convertto utf-8 "\u20ac"] "\ud83d" [string repeat "\{" 300] [string repeat {[} 300] \
        {{"name":"S","subjects":["s.>"]}} {{"durable_name":"C"}} {{"a":null}} {[]} {[[[[} {{"a":{"b":{"c":[1,2,{}]}}}}]
    # A part of another string is a string of its own.
    set copies [lmap value $shared {string range ".$value" 1 end}]
}

# Values that are not any more what they were.
proc ::fuzz::changed {} {
    variable shared
    variable copies
    set changed {}
    foreach value $shared copy $copies {
        if {$value ne $copy} {
            lappend changed [shorten $copy]
        }
    }
    return $changed
}

proc ::fuzz::shorten {text} {
    set text [string map [list \n \\n \r \\r \u0000 \\0 \t \\t] $text]
    if {[string length $text] > 120} {
        return "[string range $text 0 100]...([string length $text])"
    }
    return $text
}

# One of two values, the first in n - 1 of n cases. `expr` would take a word such as 0x10 for the number.
proc ::fuzz::either {n usual rare} {
    return [lindex [list $usual $rare] [one_in $n]]
}

# One of the good words, or, as often as this call is wild, one of the others.
proc ::fuzz::choose {good others} {
    variable wild
    return [pick [lindex [list $good $others] [expr {[below 10] < $wild}]]]
}

# Whether a value that follows no rule at all may stand here.
proc ::fuzz::stray {} {
    variable wild
    return [expr {[below 30] < $wild}]
}

proc ::fuzz::junk {} {
    variable shared
    return [pick $shared]
}

proc ::fuzz::number {} {
    return [choose {1 2 3 5 20} {0 1 -1 2 3 20 63 64 65 255 256 1000 65535 65536 2147483647 2147483648 -2147483648 4294967295 4294967296 9223372036854 9223372036855 9223372036854775807 9223372036854775808 9223372036854775809
        18446744073709551615 18446744073709551616 -9223372036854775808 -9223372036854775809 99999999999999999999999999 0x10 0o17 0b11 010 1e3 1.5 0.1 -0.5 -0 +5 .5 5. { 7 } NaN Inf -Inf 1e400 1_0 0x {}}]
}

# Mostly short: a call that waits for ever is ended by the watchdog, which takes its time.
proc ::fuzz::timeout {} {
    return [choose {1 2 5 10 20 30} [list 1 5 10 20 30 [number]]]
}

proc ::fuzz::subject {} {
    return [choose {s.a s.b s.c.d s t.x c.a sch.a svc.e fuzz.echo} [list * > s.* s.> s.*.x {} . .. a..b .a a. {a b} "a\tb" "a\r\nPING\r\n" "a\u0000" \u20ac.\u017e _INBOX.x _INBOX.> {$JS.API.INFO} {$JS.API.STREAM.NAMES} {$JS.API.>} {$JS.ACK.S.C.1.1.1.1.1} {$KV.b.k} {$SYS.>}  null 5 \
        [string repeat a. 2000]a [string repeat a 5000] a*b >a a.>.b fuzz.reply fuzz.echo]]
}

proc ::fuzz::name {} {
    return [choose {S S S C C P T D M CNT SCH null} [list b KV_b null x {} {a b} a.b a/b a* > "a\r\nb" "a\u0000" \u20ac [string repeat n 300] {[} "\{" {"} 5 -1 -x]]
}

proc ::fuzz::key_name {} {
    return [choose {a b a.b a.b.c} [list > * a.* a.> {} . a. .a a..b {a b} \u20ac _kv.x _kv a=b a/b [string repeat k 400] [string repeat k. 100]k null 1]]
}

proc ::fuzz::json {} {
    return [choose {{{"name":"S","subjects":["s.>"],"storage":"memory"}} {{"name":"T","subjects":["t.>"],"storage":"memory"}} {{"durable_name":"C","ack_policy":"explicit"}} {{"name":"D","ack_policy":"none"}}} [list {{}} {[]} null 5 {"x"} "\{" {{"name":null}} {{"name":5}} {} \
        {{"name":"a b"}} {{"durable_name":null}} [string repeat {[} 5000] [string repeat "\{\"a\":" 3000] "{\"name\":\"S\",\"description\":\"[string repeat d 5000]\"}" "{\"name\":\"\\u0000\"}" "{\"name\":\"\ud83d\"}" {{"name":"S"} x}]]
}

proc ::fuzz::callback {} {
    return [choose {::fuzz::called {::fuzz::called more words} ::fuzz::called_nested ::fuzz::served} [list {} ::fuzz::called_badly ::fuzz::called_nested ::fuzz::called_destroying ::fuzz::called_ending no_such_command "\{" {apply {args {error x}}} {apply {args {return -code break}}} \
        {apply {args {yield}}} [list apply {args {}} [junk]] {lindex}]]
}

proc ::fuzz::header_dict {} {
    return [choose {{} {A 1} {A {1 2} B {}} {Nats-Msg-Id 1}} [list {A {1 2} A 3} "A \{" a {A "\r\n"} {"A:" 1} {{} 1} [list [string repeat h 500] [lrepeat 50 v]] [list \u20ac \u017e] [list A [list [string repeat v 3000]]] {Nats-Msg-Id 1} {Nats-Expected-Stream S} {Nats-TTL 1s} {Nats-Rollup all} [junk]]]
}

proc ::fuzz::message {} {
    variable messages
    if {[llength $messages] && ![one_in 3]} {
        return [pick $messages]
    }
    return [choose [list [nats::msg create s.a] [nats::msg create s.b -data [junk]] [nats::msg create fuzz.echo -data x]] [list [nats::msg create s.a -data [junk] -reply r] [nats::msg create s.a -reply {$JS.ACK.S.C.1.1.1.1.1}] [dict create header [header_dict] data [junk] subject [subject] reply [subject]] [dict create subject s.a] {} {a b} a [junk] \
        [dict create header {} data x subject s.a reply {} sub_id 5] [dict create data x] {header "\{" subject s}]]
}

# A value of an option: by its type in the tables, sometimes by no rule.
proc ::fuzz::value {name row} {
    if {$name eq "file"} {
        return /no/such/folder/file
    }
    if {[stray]} {
        return [junk]
    }
    switch -- $name {
        callback - custom_reconnect_delay - post - progress - on_ack - on_error - on_stop - events - stats_data - proc { return [callback] }
        header - headers { return [header_dict] }
        servers { return [choose [list [list $::fuzz::url]] [list [list $::fuzz::url nats://127.0.0.1:1] nats://127.0.0.1:1 127.0.0.1 {} {a b} tls://127.0.0.1:1 ws://127.0.0.1:1/x [list $::fuzz::url $::fuzz::url] nats:// http://x [junk]]] }
        name - durable_name - stream - mirror_name - deliver_group - queue { return [name] }
        inbox_prefix { return [choose {_INBOX fuzz.in} {a..b {} > {a b} x.}] }
        filter - filter_subject - last_by_subj - next_by_subj - deliver_subject - subject - reply - src - dest - target - source - expected_last_subject { return [subject] }
        subjects - filter_subjects { return [choose {s.> {s.> t.>} t.> s.a} [list {} {{}} null "\{" [subject] [list [subject] [subject]]]] }
        credentials - nkey_seed - domain - mirror_domain - api - deliver { return [pick {{} x /no/such/file {a b} $JS.x.API}] }
        ws_headers { return [header_dict] }
        key_codec - value_codec { return [choose {{} none base64 path ::fuzz::codec {base64 ::fuzz::codec}} [list ::fuzz::codec_badly ::fuzz::codec_nested {{::fuzz::codec_badly more}} ::fuzz::codec_yields no_such_command [junk]]] }
        max_msgs - revision - seq - batch_size { return [choose {1 2 3 5} [list [number]]] }
        connect_timeout - reconnect_time_wait { return [pick {1 5 20 100}] }
        max_reconnect_attempts { return [pick {0 1 2 -1}] }
        storage { return memory }
        revisions { return [choose {{} {a 1} {a 1 b 2}} {{a x} a {a -1}}] }
        cron { return [choose {{0 0 * * * *} @daily} {{} x {* * *}}] }
        channel { return [argument channel] }
        bucket { return [argument bucket] }
        pattern { return [argument pattern] }
        opt_start_time - pause_until - start_time - up_to_time - at { return [choose {2024-01-02T03:04:05Z 2024-01-02T03:04:05.678} {now {} 9999-12-31T23:59:59Z 2024-13-01T00:00:00Z}] }
    }
    switch -- [dict get $row type] {
        timeout { return [timeout] }
        pos_int - int { return [number] }
        bool { return [choose {0 1 true no off} {maybe 2 {} -1}] }
        dict {
            if {[dict exists $row fields]} {
                return [fields [dict get $row fields]]
            }
            return [choose {{} {a b} {a 1 b 2}} {a {a {}} null}]
        }
        list {
            if {[dict exists $row fields]} {
                set fields [dict get $row fields]
                return [choose [list {} [list [fields $fields]]] [list [fields $fields] {[]} {[{}]}]]
            }
            return [choose {{} {1 2} 5 {100 200}} {{a b} {1 x} "\{" 9223372036854775809}]
        }
    }
    if {[dict exists $row words]} {
        return [choose [dict get $row words] {{} bad}]
    }
    return [choose {x null} [list {} [name] [subject] [junk]]]
}

proc ::fuzz::fields {rows} {
    set words {}
    set names [dict keys $rows]
    for {set n [below 3]} {$n >= 0} {incr n -1} {
        set name [pick $names]
        lappend words $name [value $name [dict get $rows $name]]
    }
    return $words
}

# A codec of a script's own, and such as no script should have.
proc ::fuzz::codec {what text} {
    return $text
}
proc ::fuzz::codec_badly {args} {
    return -code [pick {ok error break continue return 7}] -errorcode {FUZZ CODEC} [junk]
}
proc ::fuzz::codec_yields {what text} {
    yield
}
proc ::fuzz::codec_nested {what text} {
    called_nested
    called_destroying
    return $text
}

# A plain argument, by its name in the usage.
proc ::fuzz::argument {name} {
    variable ids
    variable objects
    if {[stray]} {
        return [junk]
    }
    switch -- $name {
        subject - deliver_subject { return [subject] }
        message { return [either 2 [message] [junk]] }
        msg { return [message] }
        stream - origin { return [choose {S S S S CNT SCH T} [list [name]]] }
        consumer { return [choose {C C P P D} [list [name]]] }
        subjects - filter { return [subject] }
        n { return [choose {1 -1 +5 99999999999999999999} [list [number] x {}]] }
        messages { return [choose [list [list [message] [message]] [list [list subject s.a data x]]] [list {} "\{" [junk]]] }
        reason - description { return [choose {why} {{} "\r\n" null}] }
        until { return [choose {2030-01-02T03:04:05Z 1700000000000} {now {} -1 x}] }
        target { return [choose {x y} {{} a/b}] }
        mode { return [choose {r w} {{} rw a}] }
        keys { return [choose {a {a b} > a.*} [list {} [key_name] [list [key_name] [key_name]] "\{"]] }
        dict { return [choose {{a 1} {a 1 b 2}} [list {} a [list [key_name] [junk]] "\{"]] }
        data { return [junk] }
        endpoint { return [choose {e e f} {{} unknown destroy "a b"}] }
        prefix { return [choose {g g.h} {{} . {a b} >}] }
        version { return [choose 1.0.0 {x {} 1}] }
        code { return [choose {400 500} {x {} 0 -1 99999999999999999999}] }
        body { return [choose {break {incr ::fuzz::ran; break} {if {[incr ::fuzz::ran] % 3} continue else break}} {{} {error x} {return -code 7} {::fuzz::called_destroying; break} {::fuzz::called_ending} {update; break} {[lindex [dict get $::fuzz::objects messages] 0] next -timeout 1} {[lindex [dict get $::fuzz::objects messages] 0] each m break} "\{"}] }
        args { return [choose {{} a} {{a b} "\{" {{a 1} args}}] }
        id { return [number] }
        failed - writable { return [choose {0 1} x] }
        origins { return [choose [list [list [dict create stream KV_b]]] {{} "\{" x}] }
        count - offset { return [choose {0 1 10 100} {-1 1000000 x {}}] }
        direction { return [choose {read write} {{} x}] }
        event { return [choose {readable writable} {x {}}] }
        script { return [pick {{} {::fuzz::called} {error x} {::fuzz::called_destroying}}] }
        channelOption { return [pick {-blocking -buffering -translation -eofchar -encoding -info -x {}}] }
        name { return [choose {x x y fuzz} [list [name]]] }
        path { return [pick {/no/such/file {} /}] }
        channel { return [pick [concat {no_such_channel {}} $::fuzz::null [chan names natsobj*]]] }
        bucket { return [choose {b b b l b2} [list [name]]] }
        key { return [key_name] }
        value - payload { return [junk] }
        json_config { return [json] }
        revision { return [either 2 [pick {1 2 3}] [number]] }
        subID - reqID - watchID - sequence { return [either 5 [pick $ids] [number]] }
        msec { return [choose {0 1700000000000} [list [number]]] }
        isotime { return [choose {2022-11-22T13:31:35.451 2022-11-22T13:31:35.451987654Z} {now {} 0000-00-00T00:00:00Z 9999-12-31T23:59:59.999+23:59}] }
        tz { return [choose {:UTC UTC :localtime} {:Europe/Berlin no/where {} +0100}] }
        varName { return [choose ::fuzz::message_variable {::fuzz::no_such_variable ::fuzz::message_variable(x) {} ::no::such::x}] }
        group { return [choose g {{} x}] }
        schedule { return [choose {{@every 1s}} {{} x}] }
        field { return [choose {-data -subject -reply data subject} {-x {} -header}] }
        pattern - glob { return [choose {* A* >} {[ {} \\}] }
        option { return [choose {servers name tls_opts -name} {status x {}}] }
        connection - jet_stream { return [pick [concat [dict get $objects $name] {no_such_object {} ::oo::object}]] }
    }
    return [junk]
}

# Words after the command and its method: the plain ones of the usage, some options; then, now and then, one too many or too few.
proc ::fuzz::words {usage options} {
    set words {}
    foreach word [split [regsub -all {(?:^| )-\w+ \w+} [regsub -all {\?[^?]*\?} $usage {}] {}]] {
        if {$word ne "" && ![string match -* $word]} {
            lappend words [argument $word]
        }
    }
    foreach {match word} [regexp -all -inline {\?(\w+)\?} $usage] {
        if {[one_in 2]} {
            lappend words [argument $word]
        }
    }
    set names [dict keys $options]
    # Those that stand in the usage without question marks have to be there.
    if {![stray]} {
        foreach {match name} [regexp -all -inline {(?:^| )-(\w+)} [regsub -all {\?[^?]*\?} $usage {}]] {
            if {$name in $names} {
                lappend words -$name [value $name [dict get $options $name]]
            }
        }
    }
    if {[llength $names]} {
        for {set n [pick {0 0 0 0 1 1 2 3 5}]} {$n > 0} {incr n -1} {
            set name [pick $names]
            lappend words [pick [list -$name -$name -$name $name]] [value $name [dict get $options $name]]
        }
    }
    variable wild
    if {$wild == 0} {
        return $words
    }
    switch -- [below 16] {
        0 { set words [lrange $words 0 end-1] }
        1 { lappend words [junk] }
        2 { set words [linsert $words [below [expr {[llength $words] + 1}]] [junk]] }
        3 { lappend words -no_such_option [junk] }
        4 { set words [lreplace $words [set at [below [expr {[llength $words] + 1}]]] $at] }
        5 { set words [lrepeat [below 40] {*}$words x] }
    }
    return $words
}
