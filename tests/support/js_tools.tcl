# Shared by the JetStream test files: one server behind a recording proxy, and readers for what went over the wire.
#   js_begin ?server options?  makes ::srv ::px ::c (connection through the proxy) ::js (timeout 5000)
#   js_end                     takes it all down again

package require nats

proc js_begin {args} {
    set ::srv [server start {*}$args]
    set ::px [proxy start [$::srv host] [$::srv port]]
    set ::c [nats::connection new -log_level error]
    $::c configure -servers [list [$::px url]]
    $::c connect
    set ::js [$::c jet_stream]
}

proc js_end {} {
    catch {$::js destroy}
    catch {$::c destroy}
    $::px destroy
    $::srv destroy
}

# A connection and a JetStream object of their own, for tests that destroy or configure them.
proc js_pair {connVar jsVar args} {
    upvar 1 $connVar conn $jsVar stream
    set conn [nats::connection new -log_level error]
    $conn configure -servers [list [$::px url]] {*}$args
    $conn connect
    set stream [$conn jet_stream]
}

proc js_wipe {} {
    foreach name [$::js stream_names] {
        $::js delete_stream $name
    }
}

# An empty server, then one stream in memory; the wire record starts empty.
proc js_fresh {name subjects args} {
    js_wipe
    make_stream $::js add_stream $name -subjects $subjects -storage memory {*}$args
    $::px clear
}

proc js_fill {subject n} {
    for {set i 1} {$i <= $n} {incr i} {
        $::js publish $subject m$i
    }
}

proc pick {d args} {
    set out {}
    foreach key $args {
        if {[dict exists $d $key]} {
            dict set out $key [dict get $d $key]
        }
    }
    return $out
}

# Fields that servers of different ages add by themselves.
proc stable {d} {
    foreach key {compression consumer_limits allow_msg_ttl metadata name} {
        dict unset d $key
    }
    return $d
}

proc datas {messages} {
    return [lmap m $messages {nats::msg data $m}]
}

# The payloads in the stream S, as this object sees them.
proc stored_data {{object ""}} {
    set object [expr {$object eq "" ? $::js : $object}]
    set state [dict get [$object stream_info S] state]
    set all {}
    for {set seq [dict get $state first_seq]} {$seq && $seq <= [dict get $state last_seq]} {incr seq} {
        lappend all [nats::msg data [$object stream_msg_get S -seq $seq]]
    }
    return $all
}

# The error code alone; `none` if there was no error.
proc errcode {script} {
    if {[catch {uplevel 1 $script} message options] != 1} {
        return none
    }
    return [dict get $options -errorcode]
}

# caught, whether the message names the option with its dash or without.
proc refused {script} {
    lassign [uplevel 1 [list caught $script]] code message
    if {![string match Missing* $message]} {
        regsub {(option|enum) -} $message {\1 } message
    }
    return [list $code $message]
}

# caught, with the message reduced to whether it matches the pattern: {code 1}
proc caught_like {pattern script} {
    lassign [uplevel 1 [list caught $script]] code message
    if {[string match $pattern $message]} {
        return [list $code 1]
    }
    return [list $code $message]
}

# Everything the client published: list of {subject reply headers payload}. A round trip makes sure all of it has passed the proxy.
proc wire_pubs {{conn ""}} {
    if {$conn eq ""} {
        set conn $::c
    }
    $conn ping
    set bytes [$::px sent]
    set out {}
    set at 0
    while {[set eol [string first \r\n $bytes $at]] >= 0} {
        set words [split [string trim [string range $bytes $at $eol-1]] " "]
        set at [expr {$eol + 2}]
        switch -- [string toupper [lindex $words 0]] {
            PUB {
                set n [lindex $words end]
                set reply [expr {[llength $words] > 3 ? [lindex $words 2] : ""}]
                lappend out [list [lindex $words 1] $reply "" [string range $bytes $at [expr {$at + $n - 1}]]]
                incr at [expr {$n + 2}]
            }
            HPUB {
                set n [lindex $words end]
                set h [lindex $words end-1]
                set reply [expr {[llength $words] > 4 ? [lindex $words 2] : ""}]
                lappend out [list [lindex $words 1] $reply [string range $bytes $at [expr {$at + $h - 1}]] \
                    [string range $bytes [expr {$at + $h}] [expr {$at + $n - 1}]]]
                incr at [expr {$n + 2}]
            }
        }
    }
    return $out
}

# Subjects published, without those that a ping may use.
proc wire_subjects {{glob *}} {
    set out {}
    foreach pub [wire_pubs] {
        set subject [lindex $pub 0]
        if {[string match $glob $subject] && ![string match _INBOX.* $subject]} {
            lappend out $subject
        }
    }
    return $out
}

# Header lines of what was published to a subject, as a list of lists.
proc sent_headers {subject} {
    lmap pub [wire_pubs] {
        if {[lindex $pub 0] ne $subject} continue
        lrange [split [string map {\r\n \n} [string trimright [lindex $pub 2]]] \n] 1 end
    }
}

proc wire_payload {glob} {
    set found ""
    foreach pub [wire_pubs] {
        if {[string match $glob [lindex $pub 0]]} {
            set found [lindex $pub 3]
        }
    }
    return $found
}

# JSON of the last message on a subject, as a dict with the keys sorted at every level and strings in quotes, so that types show.
proc wire_json {glob} {
    return [json_typed [wire_payload $glob]]
}

proc json_typed {text} {
    set ::json_text $text
    set ::json_at 0
    return [json_value]
}

proc json_skip {} {
    regexp -start $::json_at -indices {\A\s*} $::json_text m
    set ::json_at [expr {[lindex $m 1] + 1}]
}

proc json_value {} {
    json_skip
    switch -- [string index $::json_text $::json_at] {
        "\{" {
            return [json_object]
        }
        "\[" {
            return [json_array]
        }
    }
    if {![regexp -start $::json_at {\A("(?:[^"\\]|\\.)*"|[-+.0-9a-zA-Z]+)} $::json_text m]} {
        error "no JSON at $::json_at of $::json_text"
    }
    incr ::json_at [string length $m]
    return $m
}

proc json_object {} {
    set out {}
    incr ::json_at
    json_skip
    while {[string index $::json_text $::json_at] ne "\}"} {
        json_skip
        set key [string range [json_value] 1 end-1]
        json_skip
        incr ::json_at
        dict set out $key [json_value]
        json_skip
        if {[string index $::json_text $::json_at] eq ","} {
            incr ::json_at
        }
    }
    incr ::json_at
    return [lsort -stride 2 $out]
}

proc json_array {} {
    set out {}
    incr ::json_at
    json_skip
    while {[string index $::json_text $::json_at] ne "\]"} {
        lappend out [json_value]
        json_skip
        if {[string index $::json_text $::json_at] eq ","} {
            incr ::json_at
        }
    }
    incr ::json_at
    return $out
}

# Makes the next API call get this answer instead of the server's: a responder on a domain of its own, without JetStream behind it.
# Returns a JetStream object whose API answers `reply` to every request on `api` (a subject below $JS.<domain>.API).
proc canned {domain api reply} {
    set ::canned_reply $reply
    set ::canned_sub [$::c subscribe "\$JS.$domain.API.$api" -callback canned_answer -dictmsg 0]
    return [$::c jet_stream -domain $domain -timeout 20000]
}

proc canned_answer {subject body replyTo} {
    lappend ::canned_seen $subject $body
    $::c publish $replyTo $::canned_reply
}

proc canned_end {object} {
    $::c unsubscribe $::canned_sub
    $object destroy
    unset -nocomplain ::canned_seen ::canned_reply ::canned_sub
}

# Stream S on s.> with n messages m1... on s.a and a pull consumer C.
proc fresh_pull {n args} {
    js_fresh S s.>
    js_fill s.a $n
    $::js add_pull_consumer S C {*}$args
    $::px clear
    set ::got {}
}

# Callback that collects its arguments in ::got.
proc got {args} {
    lappend ::got $args
}

# Pull callbacks as {timedOut data} or {timedOut status}.
proc pulled {timedOut message} {
    if {$timedOut && $message ne ""} {
        set message status:[nats::header get $message Status]
    } elseif {$message ne ""} {
        set message [nats::msg data $message]
    }
    lappend ::got [list $timedOut $message]
}

# Lets timers and events run for a time: for what must NOT happen.
proc settle {ms} {
    set ::settled 0
    after $ms {set ::settled 1}
    while {!$::settled} {
        vwait ::settled
    }
}

# Runs a script when a pull of the consumer C of S waits at the server, which works on it behind a round trip; the caller may wait for that pull.
proc when_waiting {script} {
    after 0 [list coroutine ::when_waiting_[incr ::when_waiting] apply {{script} {
        while {[dict get [$::js consumer_info S C] num_waiting] == 0} {
            after 5 [info coroutine]
            yield
        }
        uplevel #0 $script
    }} $script]
}
