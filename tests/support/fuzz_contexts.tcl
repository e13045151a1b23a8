# Where the fuzzer makes its calls from, what happens meanwhile, and how a call that waits for ever is ended.

proc ::fuzz::execute {args} {
    variable pending
    variable finished
    if {[llength $pending]} {
        set words [lindex $pending 0]
        set pending {}
        perform $words
        set finished 1
    }
}

proc ::fuzz::aliased {args} {
    perform $args
}

proc ::fuzz::compared {words a b} {
    perform $words
    return 0
}

proc ::fuzz::await {} {
    variable finished
    while {!$finished} {
        vwait ::fuzz::finished
    }
}

proc ::fuzz::make {context words} {
    variable finished 0
    variable number
    variable pending
    variable executor
    switch -- $context {
        direct { perform $words }
        namespace { namespace eval ::fuzz::elsewhere [list ::fuzz::perform $words] }
        coroutine {
            coroutine ::fuzz::co_$number apply {words {
                ::fuzz::perform $words
                set ::fuzz::finished 1
            }} $words
            await
        }
        event {
            after 0 [list apply {words {
                ::fuzz::perform $words
                set ::fuzz::finished 1
            }} $words]
            await
        }
        trace {
            variable traced
            set script [list apply {{words args} {::fuzz::perform $words}} $words]
            trace add variable ::fuzz::traced write $script
            set traced $number
            trace remove variable ::fuzz::traced write $script
        }
        lsort { lsort -command [list ::fuzz::compared $words] {a b} }
        alias { ::fuzz::child eval [list call {*}$words] }
        callback {
            set pending [list $words]
            $executor publish fuzz.exec x
            await
        }
        nested {
            after 0 {set ::fuzz::ticked 1}
            after 1 [list apply {words {
                ::fuzz::perform $words
                set ::fuzz::finished 1
            }} $words]
            vwait ::fuzz::ticked
            await
        }
    }
}

# What happens meanwhile, now and then: objects go, the connection is cut, and messages come that are hardly any.
proc ::fuzz::disturb {words} {
    variable objects
    variable px
    set open [lindex [dict get $objects connection] 0]
    set object [lindex $words 0]
    if {$object ni [instances]} {
        set object $open
    }
    switch -- [below 60] {
        0 { after [below 3] [list catch [list $object destroy]] }
        1 { after [below 3] [list catch [list $open destroy]] }
        2 { after [below 3] [list catch [list $open disconnect]] }
        3 { after [below 3] [list catch [list rename $object {}]] }
        4 { after [below 3] [list catch [list ::fuzz::delete_namespace $object]] }
        5 { if {[one_in 4]} { $px cut } }
        6 - 7 - 8 - 9 { broken_message [pick {s.a s.b fuzz.echo t.x}] }
        10 { catch {$open subscribe [pick {s.> > fuzz.echo}] -callback [callback] -dictmsg [below 2]} }
    }
}

# A message whose header block is as good as any bytes, but for a block of one byte: a consumer with -headers_only that comes upon that
# ends nats-server 2.15.1 (panic in convertToHeadersOnly).
proc ::fuzz::broken_message {subject} {
    variable raw
    set block [pick [list "NATS/1.0\r\n\r\n" "NATS/1.0\r\nA: \xe9\r\n\r\n" "NATS/1.0\r\nno colon\r\n\r\n" "NATS/1.0 503\r\n\r\n" "NATS/1.0 100 Idle\r\n\r\n" "NATS/1.0 99999999999 x\r\n\r\n" "NATS/1.0\r\n: x\r\n\r\n" \
        "NATS/1.0\r\nA\u0000: b\r\n\r\n" "NATS/1.0\nA: b\n\n" "HTTP/1.1 200 OK\r\n\r\n" "xy" "\r\n" "\r\n\r\n" "NATS/1.0\r\nA: b" "NATS/1.0\r\nA b: c\r\n d\r\n\r\n" [string repeat "NATS/1.0\r\n" 50] \
        "NATS/1.0\r\n[string repeat "K: v\r\n" 3000]\r\n" [binary format c* [lmap x {1 2 3 4 5 6 7 8} {below 256}]] "NATS/1.0 \xff\r\n\r\n" "NATS/2.0\r\n\r\n" "NATS/1.0\r\n\r\nmore"]]
    set data [pick [list "" x {{"stream":"S","seq":1}} {{"stream":null}} "\xff\xfe" [string repeat z 3000]]]
    catch {puts -nonewline $raw "HPUB $subject [string length $block] [expr {[string length $block] + [string length $data]}]\r\n$block$data\r\n"}
}
