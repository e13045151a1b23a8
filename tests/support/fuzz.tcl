# A fuzzer of everything that a script can call: all methods of all classes and all commands, as the package's own tables list them, with
# good, boundary and senseless words, in every state of the objects and from every place where a script can run.
#
#   fuzz::begin seed            makes a server and what the calls need
#   fuzz::run calls             makes so many calls; the list of what went wrong, empty if nothing did
#   fuzz::resources             what is left when all objects are gone: commands, namespaces, timers, channels, threads, descriptors
#   fuzz::end
#
# Environment: FUZZ_TRACE, a file to which each call is written before it is made, for what takes the process down.

foreach part {words objects calls contexts watch} {
    source [file join [file dirname [file normalize [info script]]] fuzz_$part.tcl]
}

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
    # Of the present call: 0 before it is made, 1 while, 2 after.
    variable performed 0
}

proc ::fuzz::begin {seed} {
    variable state $seed
    variable url
    variable srv
    variable dialect $::nats::dialect
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
        # Half of a pair of surrogates is a value like any other.
        catch {fconfigure $trace -profile replace}
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
    foreach page {consume core errors jetstream kv objects services} {
        set file [open [file join $::harness::root docs $page.md]]
        fconfigure $file -encoding utf-8
        set text [read $file]
        lappend codes {*}[regexp -all -inline {\mErr[A-Z]\w+} $text]
        if {$page eq "errors"} {
            # All of them, in the first column of its table.
            foreach {row names} [regexp -all -inline -line {^\| (`.*?`) \|} $text] {
                lappend codes {*}[regexp -all -inline {\w+} $names]
            }
        }
        close $file
    }
    # What is never right stands there too.
    return [lsearch -all -inline -not -exact [lsort -unique $codes] PANIC]
}

# Whether an error code is one that the reference names, or Tcl's own for what the script did.
proc ::fuzz::expected {code method} {
    variable allowed
    switch -glob -- $code {
        {NATS *} { return [expr {[lindex $code 1] in $allowed}] }
        {TCL WRONGARGS} - {TCL LOOKUP *} - {TCL OO *} - {TCL CANCEL *} - {TCL VALUE *} - {TCL READ *} - {TCL WRITE *} - {TCL COROUTINE *} - {TCL UNEXPECTED_RESULT_CODE *} - {POSIX *} { return 1 }
        {CLOCK *} { return [string match *isotime* $method] }
        {FUZZ *} - {NATSSERVICE *} { return 1 }
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
    # What the callbacks say, and scripts that are none.
    set own {^(x|fuzz callback|invoked "(break|continue)" outside of a loop|command returned bad code: \d+|missing (close-brace|close-bracket|")|unmatched open (brace|quote) in list|extra characters after close-(brace|quote)|list element in (braces|quotes) followed by .*)$}
    if {![expected $code {}] && ![regexp $own $message]} {
        fail "background error {$code} [shorten $message] [shorten [dict get $options -errorinfo]]"
    }
}

# The call itself, wherever it is made from. Whatever it does, its outcome is looked at here.
proc ::fuzz::perform {words} {
    variable performed 1
    set code [catch {uplevel #0 $words} result options]
    set performed 2
    judge $words $code $result $options
    return 0
}

proc ::fuzz::judge {words code result options} {
    variable outcomes
    set method [lindex $words 1]
    account $code
    dict incr outcomes [expr {$code == 1 ? [lrange [dict get $options -errorcode] 0 1] : $code}]
    if {$code == 0} {
        remember $method $result
    } elseif {$code == 1} {
        set error [dict get $options -errorcode]
        if {![expected $error [lindex $words 0]] && ![tolerated $words $error $result]} {
            fail "{$error} [shorten $result]"
        }
    } elseif {$method ne "each"} {
        # That one ends as its body does.
        fail "return code $code [shorten $result]"
    }
}

# Errors of Tcl's own that have no code of their own: what is said about commands, classes and objects that the fuzzer misuses.
proc ::fuzz::tolerated {words error message} {
    variable called
    if {[lindex $called 0] eq "channel"} {
        # Tcl's own commands on a channel that is closed, or open for something else.
        return [expr {[lindex $error 0] in {TCL NONE ARITH}}]
    }
    if {$error ne "NONE"} {
        return 0
    }
    return [expr {[lindex $words 1] eq "each" || [lindex $words 0] in {oo::copy rename ::fuzz::delete_namespace ::oo::objdefine} || [lindex $words 1] in {create new} || [string match {invalid command name*} $message]
        || ([string match ::nats::* [lindex $words 0]] && [string match {can't set*} $message])}]
}


# Whether the connection that most objects stand on is gone or at its end: a few calls see that, too many would see nothing else.
proc ::fuzz::spoiled {} {
    variable objects
    set open [lindex [dict get $objects connection] 0]
    return [expr {![info object isa object $open] || [set [info object namespace $open]::status] eq "closed"}]
}

# Whether the server has ended by itself, after which nothing that is seen means anything. What is told is how it ended and what it said last.
proc ::fuzz::server_gone {} {
    variable srv
    variable failures
    if {[$srv running]} {
        return 0
    }
    fail "the server has ended by itself, with status [$srv status]; the end of its log:"
    lappend failures {*}[lmap line [lrange [split [string trim [$srv log]] \n] end-60 end] {string cat "    " $line}]
    return 1
}

proc ::fuzz::run {calls} {
    variable failures {}
    variable number
    variable current
    variable contexts
    variable watchdog
    variable performed
    variable trace
    for {set i 0} {$i < $calls} {incr i} {
        incr number
        if {$number % 30 == 0 || ([one_in 4] && [spoiled])} {
            clear
            if {[server_gone]} {
                return $failures
            }
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
        set performed 0
        watch_begin
        if {[catch {make $context $words} result options] == 1 && [dict get $options -errorcode] ni {{TCL CANCEL IEVAL} {TCL CANCEL IUNWIND}}} {
            fail "the fuzzer's own: [dict get $options -errorcode] $result"
        }
        if {[one_in 10]} {
            # Not `update`, which has no end while messages come.
            after 1 {set ::fuzz::ticked 1}
            vwait ::fuzz::ticked
        }
        after cancel $watchdog
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
