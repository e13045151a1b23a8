# The callbacks that the calls are given, and the calls.

namespace eval ::fuzz {
    # Class and method of the present call, and whether its object was there when it was made.
    variable called {}
    # How often callbacks may still publish, until there are new objects.
    variable budget 0
    # "class method" -> {calls of an object that is there, those of them that succeeded, calls of one that is gone}
    variable reached {}
    # What has no table in the package: class -> method -> usage.
    variable untabled {
        lease {held {} fence {} key {} release {}}
        leader {is_leader {} fence {} resign {}}
        channel {read ?count? gets {} puts value flush {} seek {offset ?origin?} tell {} eof {} fconfigure ?channelOption? close ?direction? fcopy {} fileevent {event ?script?} pending direction}
    }
    variable recipes {::nats::lock {kv leaseKey} ::nats::semaphore {kv leaseKey places} ::nats::leader {kv leaseKey}}
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
    variable budget
    # Where its own message calls it again, and two subscriptions hear it, there would be no end of them.
    if {$depth < 8 && $budget > 0} {
        incr depth
        incr budget -1
        catch {[lindex [dict get $objects connection] 0] ping -timeout 20}
        catch {[lindex [dict get $objects connection] 0] publish s.a nested}
        incr depth -1
    }
}

proc ::fuzz::called_destroying {args} {
    variable objects
    set kind [lindex {key_value jet_stream connection object_store messages publisher service channel ordered_consumer} [clock clicks]%9]
    set object [lindex [dict get $objects $kind] 0]
    catch {if {$kind eq "channel"} {close $object} else {$object destroy}}
}

# Ends what calls it, in one of its ways.
proc ::fuzz::called_ending {args} {
    variable objects
    set ways {{messages stop} {messages drain -timeout 5} {messages pause} {messages resume} {messages next -timeout 1} {publisher flush -timeout 5} {service stop -timeout 5} {connection disconnect}}
    set words [lindex $ways [clock clicks]%[llength $ways]]
    catch {[lindex [dict get $objects [lindex $words 0]] 0] {*}[lrange $words 1 end]}
}

# A handler of a service.
proc ::fuzz::served {args} {
    switch -- [expr {[clock clicks] % 6}] {
        0 { nats::service::fail 400 bad }
        1 { nats::service::respond a -header {A b} }
        2 { return [nats::service::request] }
        3 { error "fuzz callback" {} {FUZZ CALLBACK} }
        4 { ::fuzz::called_nested }
    }
    return $args
}

# --- one call

# A command with its words, {command method words...}.
proc ::fuzz::make_call {} {
    variable tables
    variable objects
    variable classes
    variable called
    variable recipes
    variable untabled
    if {[one_in 8]} {
        set called {}
        if {[one_in 40]} {
            set command [pick [dict keys $recipes]]
            return [concat [list $command] [recipe_words [dict get $recipes $command]]]
        }
        set command [pick [dict keys [dict get $tables commands]]]
        set head [expr {[regexp {^(::nats::(?:msg|header))::(\w+)$} $command -> ensemble sub] ? [list $ensemble $sub] : [list $command]}]
        return [concat $head [words [dict get $tables commands $command usage] {}]]
    }
    set kind [pick [concat {connection connection connection jet_stream jet_stream jet_stream key_value key_value service messages channel lease leader} \
        [lmap class $classes {expr {[dict exists $tables classes ::nats::$class] ? $class : [continue]}}]]]
    # An object of another kind where there is none, and now and then.
    set object [pick [dict get $objects [expr {[llength [dict get $objects $kind]] && ![one_in 30] ? $kind : "jet_stream"}]]]
    if {$kind in {lease leader channel}} {
        set method [pick [dict keys [dict get $untabled $kind]]]
        meet $kind $method $object
        if {$kind eq "channel"} {
            return [channel_call $method $object [words [dict get $untabled $kind $method] {}]]
        }
        return [list $object $method {*}[expr {[one_in 20] ? [list [junk]] : {}}]]
    }
    if {[one_in 40]} {
        set called {}
        return [odd_call $kind $object]
    }
    set methods [dict get $tables classes ::nats::$kind methods]
    set method [pick [dict keys $methods]]
    set row [dict get $methods $method]
    set words [words [dict get $row usage] [dict get $row options]]
    meet $kind $method $object
    if {$method eq "unknown"} {
        return [concat [list $object] $words]
    }
    if {$method in {Take Settle}} {
        # They are called by scripts of the package alone, which know the object.
        set my [expr {[info object isa object $object] ? "[info object namespace $object]::my" : $object}]
        return [concat [list $my $method] $words]
    }
    return [concat [list $object $method] $words]
}

# Notes what is called, for the account of what was reached.
proc ::fuzz::meet {kind method object} {
    variable called
    set there [expr {$kind eq "channel" ? $object in [chan names] : [info object isa object $object] && [namespace tail [info object class $object]] in [list $kind Sub]}]
    set called [list $kind $method $there]
}

proc ::fuzz::account {code} {
    variable called
    variable reached
    if {$called eq {}} return
    lassign $called kind method there
    set key [list $kind $method]
    lassign [expr {[dict exists $reached $key] ? [dict get $reached $key] : {0 0 0}}] living well gone
    if {$there} {
        incr living
        incr well [expr {$code != 1}]
    } else {
        incr gone
    }
    dict set reached $key [list $living $well $gone]
}

# Methods of the tables that no call has met with an object that was there.
proc ::fuzz::unreached {} {
    variable tables
    variable reached
    variable untabled
    set all {}
    dict for {class row} [dict get $tables classes] {
        foreach method [dict keys [dict get $row methods]] {
            lappend all [list [namespace tail $class] $method]
        }
    }
    dict for {class methods} $untabled {
        foreach method [dict keys $methods] {
            lappend all [list $class $method]
        }
    }
    return [lmap key $all {expr {[dict exists $reached $key] && [lindex [dict get $reached $key] 0] > 0 ? [continue] : $key}}]
}

proc ::fuzz::recipe_words {usage} {
    variable objects
    variable dialect
    set words {}
    foreach word $usage {
        switch -- $word {
            kv { lappend words [pick [concat [dict get $objects key_value] [expr {[llength [dict get $objects key_value]] ? {} : {no_such_object}}]]] {*}[expr {$dialect == 2 ? [choose l {b nowhere {}}] : {}}] }
            leaseKey { lappend words [choose {lock0 lock1 lock2} [list [key_name]]] }
            places { lappend words [choose {1 2 3} {0 -1 x {}}] }
        }
    }
    foreach {name values} {-ttl {1000 1500 5} -wait {0 5 20 -1 x} -on_lost {::fuzz::called {} "\{"}} {
        if {[one_in 2]} {
            lappend words $name [pick $values]
        }
    }
    return $words
}

# A command of Tcl's own on a channel. One that no event loop could end is not made to block for long.
proc ::fuzz::channel_call {method channel words} {
    switch -- $method {
        read { return [concat [list read $channel] $words] }
        puts { return [list puts -nonewline $channel [lindex $words 0]] }
        fcopy { return [list fcopy $channel $::fuzz::null -size [below 200]] }
        pending { return [concat [list chan pending] $words [list $channel]] }
    }
    return [concat [list $method $channel] $words]
}

proc ::fuzz::odd_call {kind object} {
    variable null
    variable objects
    switch -- [below 14] {
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
        12 { return [list ::nats::messages new [pick [dict get $objects jet_stream]] S C] }
        13 { return [list ::nats::publisher new [pick [dict get $objects jet_stream]]] }
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
