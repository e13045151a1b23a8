# A fuzzer of everything that a script can call: all methods of all classes and all commands, as the package's own tables list them, with
# good, boundary and senseless words, in every state of the objects and from every place where a script can run.
#
#   fuzz::begin seed            makes a server and what the calls need
#   fuzz::run calls             makes so many calls; the list of what went wrong, empty if nothing did
#   fuzz::resources             what is left when all objects are gone: commands, namespaces, timers, channels, threads, descriptors
#   fuzz::end
#
# Environment: FUZZ_TRACE, a file to which each call is written before it is made, for what takes the process down.

source [file join [file dirname [file normalize [info script]]] fuzz_words.tcl]

namespace eval ::fuzz {
    variable failures {}
    variable done 0
    variable number 0
    variable depth 0
    variable rounds 0
    # How often each outcome was seen: 0, or the first two words of an error code.
    variable outcomes {}
    variable trace {}
    variable pending {}
    variable message_variable {}
    variable traced 0
    variable contexts {direct direct direct coroutine coroutine event trace lsort alias callback nested namespace}
    # How long a call may wait before the watchdog ends it, in ms, and when it counts as hanging.
    variable patience 80
    variable hanging 10000
}

proc ::fuzz::begin {seed} {
    variable state $seed
    variable url
    variable srv
    variable tables [::nats::internal::describe]
    variable allowed [documented]
    variable saved_bgerror [interp bgerror {}]
    variable null [open /dev/null w]
    variable trace {}
    variable px
    variable raw
    set srv [server start]
    set px [proxy start [$srv host] [$srv port]]
    set url [$px url]
    make_shared
    # A client that sends what no client should.
    set raw [socket [$srv host] [$srv port]]
    fconfigure $raw -translation binary -blocking 0 -buffering none
    fileevent $raw readable {read $::fuzz::raw}
    puts -nonewline $raw "CONNECT {\"verbose\":false,\"headers\":true,\"echo\":false}\r\nPING\r\n"
    interp bgerror {} ::fuzz::background
    interp create ::fuzz::child
    interp alias ::fuzz::child call {} ::fuzz::aliased
    if {[info exists ::env(FUZZ_TRACE)] && $::env(FUZZ_TRACE) ne ""} {
        set trace [open $::env(FUZZ_TRACE) w]
        fconfigure $trace -encoding utf-8
    }
    namespace eval :: {oo::class create ::fuzz::Sub {superclass ::nats::connection; constructor {args} {if {[lindex $args 0] ne "skip"} {next {*}$args}}}}
    # Two connections that no call touches: what the second one is made to answer may cost it the server's favour.
    variable executor [nats::connection new -log_chan $null]
    variable echoer [nats::connection new -log_chan $null]
    foreach connection [list $executor $echoer] {
        $connection configure -servers [$srv url] -max_reconnect_attempts -1 -reconnect_time_wait 20
        $connection connect
    }
    $executor subscribe fuzz.exec -callback ::fuzz::execute
    $executor ping
    $echoer subscribe fuzz.echo -callback {apply {{s m r} {if {$r ne ""} {catch {$::fuzz::echoer publish $r $m}}}}}
    $echoer ping
    # What is loaded or made at its first use is not growth.
    namespace eval ::fuzz::elsewhere {}
    namespace eval ::a {}
    catch {nats::msec_to_isotime 0 :Europe/Berlin}
    renew
    clear
    renew
}

proc ::fuzz::end {} {
    variable srv
    variable saved_bgerror
    variable executor
    variable null
    variable px
    variable raw
    variable echoer
    clear
    $executor destroy
    $echoer destroy
    ::fuzz::Sub destroy
    interp delete ::fuzz::child
    interp bgerror {} $saved_bgerror
    close $raw
    $px destroy
    $srv destroy
    close $null
}

# The words of error codes that the reference pages name.
proc ::fuzz::documented {} {
    set codes {}
    foreach page {core jetstream kv} {
        set file [open [file join $::harness::root docs $page.md]]
        fconfigure $file -encoding utf-8
        lappend codes {*}[regexp -all -inline {\m(?:Err[A-Z]\w+|[A-Z]\w*NotFound|WrongLastSequence|KvReadOnly|InvalidTime)\M} [read $file]]
        close $file
    }
    return [lsort -unique $codes]
}

# Whether an error code is one that the reference names, or Tcl's own for what the script did.
proc ::fuzz::expected {code method} {
    variable allowed
    switch -glob -- $code {
        {NATS *} { return [expr {[lindex $code 1] in $allowed}] }
        {TCL WRONGARGS} - {TCL LOOKUP *} - {TCL OO *} - {TCL CANCEL *} - {TCL VALUE *} - {TCL READ *} - {TCL WRITE *} - {TCL COROUTINE *} { return 1 }
        {CLOCK *} { return [string match *isotime* $method] }
        {FUZZ *} { return 1 }
    }
    return 0
}

proc ::fuzz::fail {what} {
    variable failures
    variable number
    variable current
    if {[llength $failures] < 20} {
        lappend failures "call $number: $what | $current"
    }
}

# Errors of callbacks: those that the callbacks of the fuzzer raise or run into, and what the package itself tells.
proc ::fuzz::background {message options} {
    # A callback that ends in another way than with an error has no code.
    if {![dict exists $options -errorcode]} return
    set code [dict get $options -errorcode]
    if {![expected $code {}] && ![regexp {^(x|fuzz callback|unmatched open brace in list|invoked "(break|continue)" outside of a loop)$} $message]} {
        fail "background error {$code} [shorten $message] [shorten [dict get $options -errorinfo]]"
    }
}

# --- objects

proc ::fuzz::instances {} {
    variable executor
    variable echoer
    set all {}
    foreach class {::nats::key_value ::nats::jet_stream ::fuzz::Sub ::nats::connection} {
        foreach object [info class instances $class] {
            if {$object ni [list $executor $echoer]} {
                lappend all $object
            }
        }
    }
    return $all
}

# All objects go, in this order or another one.
proc ::fuzz::clear {} {
    variable objects
    variable messages {}
    foreach object [expr {[one_in 2] ? [instances] : [lreverse [instances]]}] {
        catch {$object destroy}
    }
    foreach object [instances] {
        catch {rename $object {}}
    }
    foreach kind [dict keys $objects] {
        dict set objects $kind {}
    }
    foreach command [info commands ::fuzz::co_*] {
        catch {rename $command {}}
    }
}

# New objects: a connected connection, one that is not, one of a class whose constructor did not call next, and what belongs to them.
proc ::fuzz::renew {} {
    variable objects
    variable url
    variable null
    variable rounds
    variable messages
    variable executor
    set open [nats::connection new -log_chan $null]
    $open configure -servers $url -request_timeout 30 -connect_timeout 500 -reconnect_time_wait 20 -max_reconnect_attempts 2
    if {[catch {$open connect}]} {
        # Cut on its way.
        catch {$open connect}
    }
    set closed [nats::connection new -log_chan $null]
    set raw [::fuzz::Sub new skip]
    set js [$open jet_stream -timeout 30]
    set far [$open jet_stream -timeout 20 -domain nowhere]
    set none [$closed jet_stream -timeout 20]
    if {[incr rounds] % 8 == 1} {
        # The server's memory and disk are not what is tested.
        set admin [$executor jet_stream]
        foreach name [$admin stream_names] {
            catch {$admin delete_stream $name}
        }
        $admin add_stream S -subjects s.> -storage memory -max_bytes 1000000
        $admin add_pull_consumer S C
        [$admin key_value] add b -storage memory -history 5
        foreach kv [info class instances ::nats::key_value] {
            $kv destroy
        }
        $admin destroy
    }
    catch {$open subscribe s.> -callback ::fuzz::called -dictmsg 1}
    catch {$js publish s.a one}
    catch {$js publish s.a [junk]}
    catch {lappend messages {*}[$js consume S C -batch_size 5]}
    set gone [nats::connection new]
    $gone destroy
    dict set objects connection [list $open $open $open $open $open $open $open $closed $closed $raw $gone]
    dict set objects jet_stream [list $js $js $js $js $js $js $js $far $none $gone]
    set kv [$js key_value -timeout 30]
    dict set objects key_value [list $kv $kv $kv $kv [$js key_value -check_bucket 0] [$none key_value] [$js key_value -read_only 1] $js]
}

proc ::fuzz::remember {method result} {
    variable ids
    variable messages
    variable objects
    if {[string is wide -strict $result] && $result > 0} {
        set ids [lrange [linsert $ids 0 $result] 0 11]
    } elseif {$method in {jet_stream key_value} && [string match *::* $result] && [llength [info commands $result]]} {
        dict set objects $method [lrange [linsert [dict get $objects $method] 0 $result] 0 7]
    } elseif {$method eq "consume" && [llength $result]} {
        set messages [lrange [linsert $messages 0 [lindex $result 0]] 0 9]
    }
}

# --- callbacks that the calls are given

proc ::fuzz::called {args} {
    variable messages
    foreach arg $args {
        if {![catch {dict exists $arg reply} yes] && $yes} {
            set messages [lrange [linsert $messages 0 $arg] 0 9]
        }
    }
}

proc ::fuzz::called_badly {args} {
    error "fuzz callback" {} {FUZZ CALLBACK}
}

proc ::fuzz::called_nested {args} {
    variable objects
    variable depth
    if {$depth < 8} {
        incr depth
        catch {[lindex [dict get $objects connection] 0] ping -timeout 20}
        catch {[lindex [dict get $objects connection] 0] publish s.a nested}
        incr depth -1
    }
}

proc ::fuzz::called_destroying {args} {
    variable objects
    set kind [lindex {key_value jet_stream connection} [clock clicks]%3]
    catch {[lindex [dict get $objects $kind] 0] destroy}
}

# --- one call

# A command with its words, {command method words...}.
proc ::fuzz::make_call {} {
    variable tables
    variable objects
    variable url
    variable null
    if {[one_in 8]} {
        set command [pick [dict keys [dict get $tables commands]]]
        set head [expr {[regexp {^(::nats::(?:msg|header))::(\w+)$} $command -> ensemble sub] ? [list $ensemble $sub] : [list $command]}]
        return [concat $head [words [dict get $tables commands $command usage] {}]]
    }
    set kind [pick {connection connection connection jet_stream jet_stream jet_stream key_value key_value}]
    set object [pick [dict get $objects $kind]]
    if {[one_in 40]} {
        return [odd_call $kind $object]
    }
    set methods [dict get $tables classes ::nats::$kind methods]
    set method [pick [dict keys $methods]]
    set row [dict get $methods $method]
    return [concat [list $object $method] [words [dict get $row usage] [dict get $row options]]]
}

proc ::fuzz::odd_call {kind object} {
    variable null
    variable objects
    switch -- [below 12] {
        0 { return [list $object destroy] }
        1 { return [list $object [junk] [junk]] }
        2 { return [list $object] }
        3 { return [list oo::copy $object] }
        4 { return [list ::nats::$kind new {*}[words {?name?} {}]] }
        5 { return [list ::nats::$kind create [pick {::fuzz::obj_a {} ::fuzz::obj_b ::a::b}] {*}[words connection {}]] }
        6 { return [list rename $object {}] }
        7 { return [list ::fuzz::delete_namespace $object] }
        8 { return [list ::nats::connection new -log_chan [pick [list $null no_such_channel stdin {}]] -log_level [pick {error debug info x}]] }
        9 { return [list ::oo::objdefine $object mixin ::fuzz::Mixin] }
        10 { return [list ::nats::jet_stream new [pick [dict get $objects connection]]] }
        11 { return [list ::nats::key_value new [pick [dict get $objects jet_stream]] -timeout 20] }
    }
}

oo::class create ::fuzz::Mixin {
    method fuzz_mixed {} {return 1}
}

proc ::fuzz::delete_namespace {object} {
    if {[info object isa object $object]} {
        namespace delete [info object namespace $object]
    }
}

# The call itself, wherever it is made from. Whatever it does, its outcome is looked at here.
proc ::fuzz::perform {words} {
    set code [catch {uplevel #0 $words} result options]
    judge $words $code $result $options
    return 0
}

proc ::fuzz::judge {words code result options} {
    variable outcomes
    set method [lindex $words 1]
    dict incr outcomes [expr {$code == 1 ? [lrange [dict get $options -errorcode] 0 1] : $code}]
    if {$code == 0} {
        remember $method $result
    } elseif {$code == 1} {
        set error [dict get $options -errorcode]
        if {![expected $error [lindex $words 0]] && ![tolerated $words $error $result]} {
            fail "{$error} [shorten $result]"
        }
    } else {
        fail "return code $code [shorten $result]"
    }
}

# Errors of Tcl's own that have no code of their own: what is said about commands, classes and objects that the fuzzer misuses.
proc ::fuzz::tolerated {words error message} {
    if {$error ne "NONE"} {
        return 0
    }
    return [expr {[lindex $words 0] in {oo::copy rename ::fuzz::delete_namespace ::oo::objdefine} || [lindex $words 1] in {create new} || [string match {invalid command name*} $message]
        || ([string match ::nats::* [lindex $words 0]] && [string match {can't set*} $message])}]
}

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

# A message whose header block is as good as any bytes.
proc ::fuzz::broken_message {subject} {
    variable raw
    set block [pick [list "NATS/1.0\r\n\r\n" "NATS/1.0\r\nA: \xe9\r\n\r\n" "NATS/1.0\r\nno colon\r\n\r\n" "NATS/1.0 503\r\n\r\n" "NATS/1.0 100 Idle\r\n\r\n" "NATS/1.0 99999999999 x\r\n\r\n" "NATS/1.0\r\n: x\r\n\r\n" \
        "NATS/1.0\r\nA\u0000: b\r\n\r\n" "NATS/1.0\nA: b\n\n" "HTTP/1.1 200 OK\r\n\r\n" "x" "\r\n" "\r\n\r\n" "NATS/1.0\r\nA: b" "NATS/1.0\r\nA b: c\r\n d\r\n\r\n" [string repeat "NATS/1.0\r\n" 50] \
        "NATS/1.0\r\n[string repeat "K: v\r\n" 3000]\r\n" [binary format c* [lmap x {1 2 3 4 5 6 7 8} {below 256}]] "NATS/1.0 \xff\r\n\r\n" "NATS/2.0\r\n\r\n" "NATS/1.0\r\n\r\nmore"]]
    set data [pick [list "" x {{"stream":"S","seq":1}} {{"stream":null}} "\xff\xfe" [string repeat z 3000]]]
    catch {puts -nonewline $raw "HPUB $subject [string length $block] [expr {[string length $block] + [string length $data]}]\r\n$block$data\r\n"}
}

# Ends what waits too long, by one of the ways that a script has; at last by all of them.
proc ::fuzz::watch {call stage} {
    variable number
    variable finished
    variable objects
    variable hanging
    variable watchdog
    if {$call != $number} return
    set watchdog [after [expr {$stage < 3 ? 150 : $hanging}] [list ::fuzz::watch $call [expr {$stage + 1}]]]
    switch -- $stage {
        0 {
            set command ::fuzz::co_$number
            if {$call % 3 == 0 && [llength [info commands $command]]} {
                catch {rename $command {}}
                set finished 1
            } else {
                foreach connection [lsort -unique [dict get $objects connection]] {
                    catch {$connection disconnect}
                }
            }
        }
        1 {
            foreach object [instances] {
                catch {$object disconnect}
            }
        }
        2 {
            foreach object [instances] {
                catch {$object destroy}
            }
            catch {rename ::fuzz::co_$number {}}
        }
        default {
            variable executor
            fail "hangs; the executor: [catch {$executor ping -timeout 1000} result] $result [set [info object namespace $executor]::status] [set [info object namespace $executor]::last_error]"
            variable failures
            puts stderr [join $failures \n]
            exit 3
        }
    }
}

proc ::fuzz::run {calls} {
    variable failures {}
    variable number
    variable current
    variable contexts
    variable watchdog
    variable patience
    variable trace
    for {set i 0} {$i < $calls} {incr i} {
        incr number
        if {$number % 30 == 0} {
            clear
            renew
            foreach value [changed] {
                fail "a shared value was changed: $value"
            }
        }
        variable message_variable [message]
        variable wild [pick {0 0 0 1 1 3 10}]
        set words [make_call]
        set context [pick $contexts]
        set current "$context: [join [lmap word $words {list [shorten $word]}]]"
        if {$trace ne ""} {
            puts $trace "$number $current"
            flush $trace
        }
        disturb $words
        set watchdog [after $patience [list ::fuzz::watch $number 0]]
        if {[catch {make $context $words} result options] == 1 && [dict get $options -errorcode] ni {{TCL CANCEL IEVAL} {TCL CANCEL IUNWIND}}} {
            fail "the fuzzer's own: [dict get $options -errorcode] $result"
        }
        after cancel $watchdog
        if {[one_in 10]} {
            update
        }
    }
    return $failures
}

# --- what is left

# Without objects of the fuzzer: what a script cannot see must be gone as well.
proc ::fuzz::resources {} {
    clear
    set deadline [expr {[clock milliseconds] + 15000}]
    set last {}
    # Threads end a little later than their objects.
    while {[clock milliseconds] < $deadline} {
        set now [list commands [llength [info commands ::nats::*]] objects [llength [info class instances ::oo::object]] namespaces [llength [concat [namespace children ::] [namespace children ::oo] [namespace children ::fuzz] [namespace children ::nats]]] \
            timers [llength [after info]] channels [llength [file channels]] threads [llength [glob -directory /proc/self/task *]] descriptors [llength [glob -tails -directory /proc/self/fd *]]]
        if {$now eq $last} {
            return $now
        }
        set last $now
        after 300 {set ::fuzz::ticked 1}
        vwait ::fuzz::ticked
    }
    return $last
}

# Memory of the process in KiB.
proc ::fuzz::memory {} {
    set file [open /proc/self/status]
    try {
        regexp {VmRSS:\s+(\d+)} [read $file] -> kib
        return $kib
    } finally {
        close $file
    }
}
