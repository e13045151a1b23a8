# Locks, leaders and semaphores on leases: entries of a bucket that end by themselves unless they are renewed. Loaded at the first call.
#
#   nats::lock kv bucket key ?-ttl ms? ?-wait ms? ?-on_lost prefix?
#   nats::semaphore kv bucket key n ?...?
#   nats::leader kv bucket key ?-ttl ms? ?-on_elected prefix? ?-on_lost prefix?
#
# In dialect 3, where `kv` is a bucket, without the word `bucket`.
namespace eval ::nats::recipes {
    variable count 0
}
source [file join [file dirname [info script]] lease.tcl]

proc ::nats::recipes::fail {code text} {
    return -level 2 -code error -errorcode [list NATS $code] $text
}

# The words before the options: kv, the bucket (a list of one word, or none), and the rest.
proc ::nats::recipes::words {usage plain words} {
    set bucket [expr {$::nats::dialect == 2}]
    if {[llength $words] < $plain + $bucket || ([llength $words] - $plain - $bucket) % 2} {
        set usage [expr {$bucket ? [string map {kv {kv bucket}} $usage] : $usage}]
        return -level 2 -code error -errorcode {TCL WRONGARGS} "wrong # args: should be \"$usage\""
    }
    return [list [lindex $words 0] [lrange $words 1 $bucket] {*}[lrange $words $bucket+1 end]]
}

# The options given over the defaults.
proc ::nats::recipes::options {defaults words} {
    foreach {name value} $words {
        set name [string trimleft $name -]
        if {![dict exists $defaults $name]} {
            return -level 2 -code error -errorcode {NATS ErrInvalidArg} "Unknown option $name"
        }
        dict set defaults $name $value
    }
    set least [dict create ttl 1000 wait -1]
    foreach name {ttl wait} {
        if {[dict exists $defaults $name] && (![string is wideinteger -strict [dict get $defaults $name]] || [dict get $defaults $name] < [dict get $least $name])} {
            return -level 2 -code error -errorcode {NATS ErrInvalidArg} "Invalid value for the option $name : [dict get $defaults $name]"
        }
    }
    return $defaults
}

# A lease needs entries that end, and none that would come back in their place.
proc ::nats::recipes::check {kv bucket} {
    if {$::nats::dialect == 2} {
        set config [dict get [$kv info {*}$bucket] store_config]
    } else {
        set config [dict get [$kv status] stream_config]
    }
    if {[dict get $config max_msgs_per_subject] != 1 || ![dict exists $config subject_delete_marker_ttl]} {
        fail ErrNotSupported "Leases need a bucket with one entry for each key and -limit_marker_ttl"
    }
}

proc ::nats::recipes::is_taken {code} {
    string match *WrongLastSequence [lindex $code 1]
}

proc ::nats::lock {args} {
    lassign [recipes::words "nats::lock kv key ?-option value ...?" 2 $args] kv bucket key
    set options [recipes::options {ttl 10000 wait -1 on_lost {}} [lrange $args [expr {2 + [llength $bucket]}] end]]
    recipes::check $kv $bucket
    return [recipes::acquire $kv $bucket [list $key] $key $options]
}

proc ::nats::semaphore {args} {
    lassign [recipes::words "nats::semaphore kv key n ?-option value ...?" 3 $args] kv bucket key n
    set options [recipes::options {ttl 10000 wait -1 on_lost {}} [lrange $args [expr {3 + [llength $bucket]}] end]]
    if {![string is integer -strict $n] || $n < 1} {
        return -code error -errorcode {NATS ErrInvalidArg} "Invalid number of places : $n"
    }
    recipes::check $kv $bucket
    set keys {}
    for {set place 1} {$place <= $n} {incr place} {
        lappend keys $key.$place
    }
    return [recipes::acquire $kv $bucket $keys $key.* $options]
}

proc ::nats::leader {args} {
    lassign [recipes::words "nats::leader kv key ?-option value ...?" 2 $args] kv bucket key
    set options [recipes::options {ttl 10000 on_elected {} on_lost {}} [lrange $args [expr {2 + [llength $bucket]}] end]]
    recipes::check $kv $bucket
    return [recipes::leader new $kv $bucket $key $options]
}

# A lease that is held.
proc ::nats::recipes::acquire {kv bucket keys pattern options} {
    set lease [lease new $kv $bucket $options]
    try {
        $lease Acquire $keys $pattern [dict get $options wait]
    } on error {message failure} {
        if {[info object isa object $lease]} {
            $lease destroy
        }
        return -options $failure $message
    }
    return $lease
}

# What a watch tells a lease that may be gone.
proc ::nats::recipes::seen {my args} {
    if {[llength [info commands $my]]} {
        $my Seen {*}$args
    }
}

proc ::nats::recipes::resume {coroutine} {
    if {[llength [info commands $coroutine]]} {
        after 0 [list ::nats::recipes::go_on $coroutine]
    }
}

proc ::nats::recipes::go_on {coroutine} {
    if {[llength [info commands $coroutine]]} {
        $coroutine
    }
}

# Runs a command in a coroutine of its own; its errors are background errors.
proc ::nats::recipes::start {args} {
    variable count
    if {[llength [info commands [lindex $args 0]]]} {
        coroutine ::nats::recipes::run[incr count] {*}$args
    }
}

# Takes part in an election as long as it lives.
oo::class create ::nats::recipes::leader {
    variable Kv Bucket Key Options Lease Ended

    constructor {kv bucket key options} {
        set Kv $kv
        set Bucket $bucket
        set Key $key
        set Options $options
        set Lease {}
        set Ended 0
        after 0 [list ::nats::recipes::start [self namespace]::my Campaign]
    }

    # Who leads gives back what it holds by `resign` before; else the lease ends by itself.
    destructor {
        set Ended 1
        if {[info object isa object $Lease]} {
            $Lease destroy
        }
    }

    method is_leader {} {
        expr {[info object isa object $Lease] && [$Lease held]}
    }

    method fence {} {
        if {![my is_leader]} {
            return -code error -errorcode {NATS ErrLeaseLost} "Not the leader"
        }
        return [$Lease fence]
    }

    # Lets others lead; takes part again. False if it did not lead.
    method resign {} {
        if {![my is_leader]} {
            return 0
        }
        set lease $Lease
        set Lease {}
        # Of this object, which may be gone when `release` has waited.
        set again [my Again]
        # Told before anybody else can be elected, which may be while `release` waits.
        my Tell on_lost
        try {
            return [$lease release]
        } finally {
            if {[info object isa object $lease]} {
                $lease destroy
            }
            {*}$again
        }
    }

    method Campaign {} {
        set namespace [self namespace]
        set lease [::nats::recipes::lease new $Kv $Bucket [dict create ttl [dict get $Options ttl] on_lost [list ${namespace}::my Lost]]]
        set Lease $lease
        set retry [dict get $Options ttl]
        if {[catch {$lease Acquire [list $Key] $Key -1} message options]} {
            # No connection, for one: as long as this lives, it tries again.
            if {[namespace exists $namespace]} {
                if {[info object isa object $lease]} {
                    $lease destroy
                }
                if {![llength [info commands $Kv]]} {
                    # Nothing can become of it any more.
                    return
                }
                after [expr {$retry / 3}] [list ::nats::recipes::start ${namespace}::my Campaign]
            }
            return
        }
        if {![namespace exists $namespace]} {
            catch {$lease release}
            catch {$lease destroy}
            return
        }
        my Tell on_elected
    }

    method Lost {lease} {
        my Over
    }

    method Over {} {
        if {[info object isa object $Lease]} {
            $Lease destroy
        }
        set Lease {}
        my Tell on_lost
        {*}[my Again]
    }

    # The command that has it take part again, in a while.
    method Again {} {
        list after [expr {[dict get $Options ttl] / 10}] [list ::nats::recipes::start [self namespace]::my Campaign]
    }

    method Tell {what} {
        set prefix [dict get $Options $what]
        if {$prefix ne {}} {
            after 0 [list uplevel #0 [list {*}$prefix [self]]]
        }
    }
}
