# The part of the package that is better said in Tcl. Sourced once an interpreter, after the library has been loaded, and
# harmless when sourced again. Nothing may be searched for or loaded here: `package require nats` has to stay cheap.

namespace eval ::nats {
    # Read-only: 2 or 3, as the version that `package require` gave.
    variable dialect
    namespace export connection msg header timestamp
    if {$dialect == 3} {
        namespace export isotime_to_msec msec_to_isotime metadata make_stream_source make_subject_transform make_republish \
            make_kv_origin
    }

    variable status_closed closed
    variable status_connecting connecting
    variable status_connected connected
    variable status_reconnecting reconnecting
}

# dict lookup dict key ?default?
#
# The value of the key, or the default.
proc ::nats::dict_lookup {dict key {default {}}} {
    if {[dict exists $dict $key]} {
        return [dict get $dict $key]
    }
    # `dict exists` takes anything; what is no dict has to be an error.
    dict size $dict
    return $default
}

# Beside whatever others have added to Tcl's ensemble; theirs wins if they have a `lookup`.
apply {{} {
    set map [namespace ensemble configure ::dict -map]
    if {![dict exists $map lookup]} {
        dict set map lookup ::nats::dict_lookup
        namespace ensemble configure ::dict -map $map
    }
}}

# The methods for what runs scripts, which may yield.
oo::define ::nats::messages unexport Take Settle
oo::define ::nats::ordered_consumer unexport Take Settle

# Body of `each`.
proc ::nats::internal::each {my varName body} {
    upvar 1 $varName message
    set id 0
    while {[llength [set taken [$my Take $id]]]} {
        lassign $taken number message
        if {$id != $number} {
            set id $number
            trace add variable id unset [list ::nats::internal::left $my $id]
        }
        set code [catch {uplevel 1 $body} result options]
        if {![settle $my $id [expr {$code == 1}]] && $code in {0 4}} {
            return
        }
        switch -- $code {
            0 - 4 {}
            3 {
                return
            }
            default {
                dict incr options -level
                return -options $options $result
            }
        }
    }
}

# The coroutine is deleted: what it dealt with is given back. After a usual end there is nothing.
proc ::nats::internal::left {my id args} {
    settle $my $id 1
}

# The script has dealt with what has this number; whether the object is there: what it handed out outlives it.
proc ::nats::internal::settle {my id failed} {
    if {[namespace which -command $my] ne {}} {
        $my Settle $id $failed
        return 1
    }
    settle_orphan $id $failed
    return 0
}

# A callback in a coroutine of its own.
proc ::nats::internal::run {my id words} {
    trace add variable id unset [list ::nats::internal::left $my $id]
    set code [catch {uplevel #0 $words} result options]
    settle $my $id [expr {$code == 1}]
    return -options $options $result
}

# mymethod method ?arg ...?
#
# A command prefix that calls a method of the object, a private one too, as in Tcl 9: callback(n).
if {[namespace which -command ::oo::Helpers::mymethod] eq {}} {
    proc ::oo::Helpers::mymethod {method args} {
        list [uplevel 1 {::namespace which my}] $method {*}$args
    }
}

if {$::nats::dialect == 3} {
    # mymethod method ?arg ...?
    #
    # The same as a command of the package, whose prefix does nothing if the object is gone.
    proc ::nats::mymethod {method args} {
        list ::nats::call_method [uplevel 1 {::namespace which my}] $method {*}$args
    }
    proc ::nats::call_method {my args} {
        if {[namespace which -command $my] ne {}} {
            tailcall $my {*}$args
        }
    }
}

# Recipes are loaded at the first call.
apply {{folder} {
    foreach command {lock semaphore leader} {
        set ::auto_index(::nats::$command) [list source [file join $folder recipes.tcl]]
    }
}} [file dirname [file normalize [info script]]]

# Commands of tcllib that older scripts expect to be there: the package is looked for at the first call, library(n).
apply {{} {
    foreach {package commands} {
        json {::json::json2dict ::json::many-json2dict ::json::dict2json ::json::list2json ::json::string2json}
        json::write {
            ::json::write ::json::write::indented ::json::write::aligned ::json::write::string ::json::write::array
            ::json::write::object
        }
        coroutine {
            ::coroutine::util ::coroutine::util::after ::coroutine::util::await ::coroutine::util::create
            ::coroutine::util::exit ::coroutine::util::gets ::coroutine::util::global ::coroutine::util::puts
            ::coroutine::util::read ::coroutine::util::socket ::coroutine::util::update ::coroutine::util::vwait
        }
    } {
        foreach command $commands {
            if {![info exists ::auto_index($command)]} {
                set ::auto_index($command) [list package require $package]
            }
        }
    }
}}
