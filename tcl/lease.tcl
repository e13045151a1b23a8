# A lease: an entry of a bucket that ends by itself unless it is renewed. Sourced by recipes.tcl.
oo::class create ::nats::recipes::lease {
    variable Kv Bucket Ttl OnLost Key Owner Revision Fence Until Timer Expiry Held Event Waiting

    constructor {kv bucket options} {
        set Kv $kv
        set Bucket $bucket
        set Ttl [dict get $options ttl]
        set OnLost [dict get $options on_lost]
        set Owner [info hostname]/[pid]/[clock microseconds]/[incr ::nats::recipes::count]/[expr {int(rand() * 1e9)}]
        set Held 0
        set Timer {}
        set Expiry {}
        set Key {}
        set Event 0
        set Waiting {}
    }

    # The lease is left to end by itself; `release` ends it at once.
    destructor {
        my Stop
        my Wake
    }

    # Whether it is held, by the clock too: its time may be over before the event loop could tell.
    method held {} {
        expr {$Held && [clock milliseconds] < $Until}
    }

    # Grows with each owner; an error if the lease is not held.
    method fence {} {
        if {![my held]} {
            return -code error -errorcode {NATS ErrLeaseLost} "The lease is lost"
        }
        return $Fence
    }

    method key {} {
        return $Key
    }

    # Gives it back; false if it was lost before.
    method release {} {
        if {!$Held} {
            return 0
        }
        set Held 0
        my Stop
        for {set tries 0} {$tries < 5} {incr tries} {
            try {
                $Kv purge {*}$Bucket $Key -revision $Revision -ttl $Ttl
                return 1
            } trap NATS {message options} {
                if {![::nats::recipes::is_taken [dict get $options -errorcode]]} {
                    return -options $options $message
                }
            }
            # A renewal may have been under way.
            if {[catch {$Kv get {*}$Bucket $Key} entry] || [dict get $entry value] ne $Owner} {
                break
            }
            set Revision [dict get $entry revision]
        }
        return 0
    }

    method Stop {} {
        after cancel $Timer
        after cancel $Expiry
    }

    # Tries each key; true if one is taken now.
    method Try {keys} {
        foreach key $keys {
            # The lease counts from before the server could know of it.
            set now [clock milliseconds]
            try {
                set Revision [$Kv create {*}$Bucket $key $Owner -ttl $Ttl]
            } trap NATS {message options} {
                if {![::nats::recipes::is_taken [dict get $options -errorcode]]} {
                    return -options $options $message
                }
                continue
            }
            set Key $key
            set Fence $Revision
            set Held 1
            my Until [expr {$now + $Ttl}]
            my Later
            return 1
        }
        return 0
    }

    method Acquire {keys pattern wait} {
        if {[my Try $keys]} {
            return
        }
        set deadline [expr {$wait < 0 ? {} : [clock milliseconds] + $wait}]
        set kv $Kv
        set seen [list ::nats::recipes::seen [self namespace]::my]
        if {$::nats::dialect == 2} {
            set watch [$kv watch {*}$Bucket [list $pattern] -callback $seen]
        } else {
            set watch [$kv watch [list $pattern] -callback [list {*}$seen {}]]
        }
        set self [self]
        # Without it there is nothing to wait for.
        trace add command $kv delete [list {*}$seen error]
        try {
            # What was given back before the watch began.
            while {![my TryAgain $keys]} {
                if {![my Await $deadline]} {
                    return -code error -errorcode {NATS ErrTimeout} "Nobody gave back [join $keys {, }] in time"
                }
                if {![info object isa object $self]} {
                    return -code error -errorcode {NATS ErrConnectionClosed} "The lease was destroyed while it waited"
                }
                if {![llength [info commands $kv]]} {
                    return -code error -errorcode {NATS ErrConnectionClosed} "The bucket's object was destroyed while the lease waited"
                }
            }
        } finally {
            if {[llength [info commands $kv]]} {
                trace remove command $kv delete [list {*}$seen error]
            }
            if {$::nats::dialect == 2} {
                catch {$kv unwatch $watch}
            } else {
                catch {$watch destroy}
            }
        }
    }

    # An outage is waited out like an owner.
    method TryAgain {keys} {
        try {
            return [my Try $keys]
        } trap {NATS ErrTimeout} {} - trap {NATS ErrNoResponders} {} - trap {NATS ErrJetStreamNotEnabled} {} {
            return 0
        }
    }

    # An entry, the end of the first ones, or trouble: a connection that is closed says so at the next try.
    method Seen {status {entry {}} args} {
        if {$status eq "error" || $status eq {} && ($entry eq {} || [dict get $entry operation] ne "PUT")} {
            my Wake
        }
    }

    method Wake {} {
        incr Event
        if {$Waiting ne {}} {
            set waiting $Waiting
            set Waiting {}
            ::nats::recipes::resume $waiting
        }
    }

    # Waits for a change; false if the time is over. Twice the life of a lease without any is asked again all the same.
    method Await {deadline} {
        set most [expr {$Ttl * 2}]
        if {$deadline ne {}} {
            set left [expr {$deadline - [clock milliseconds]}]
            if {$left <= 0} {
                return 0
            }
            set most [expr {min($most, $left)}]
        }
        set seen $Event
        set timer [after $most [list catch [list [self namespace]::my Wake]]]
        set variable [self namespace]::Event
        while {[info exists $variable] && [set $variable] == $seen} {
            if {[info coroutine] ne {}} {
                set Waiting [info coroutine]
                yield
            } else {
                vwait $variable
            }
        }
        after cancel $timer
        return 1
    }

    method Until {time} {
        set Until $time
        after cancel $Expiry
        set Expiry [after [expr {max(0, $time - [clock milliseconds])}] [list [self namespace]::my Expired]]
    }

    method Expired {} {
        if {$Held} {
            my Lost
        }
    }

    method Later {{ms {}}} {
        after cancel $Timer
        if {$ms eq {}} {
            set ms [expr {$Ttl / 3}]
        }
        set Timer [after $ms [list ::nats::recipes::start [self namespace]::my Renew]]
    }

    # In a coroutine of its own, so that other events go on while it waits for the answer.
    method Renew {} {
        set namespace [self namespace]
        set now [clock milliseconds]
        set code [catch {
            if {$::nats::dialect == 2} {
                $Kv update {*}$Bucket $Key $Revision $Owner -ttl $Ttl
            } else {
                $Kv update $Key $Owner $Revision -ttl $Ttl
            }
        } result options]
        if {![namespace exists $namespace] || !$Held} {
            return
        }
        if {$code == 0} {
            set Revision $result
        } elseif {[::nats::recipes::is_taken [dict get $options -errorcode]]} {
            # It may be our own write, the answer to which was lost.
            if {[catch {$Kv get {*}$Bucket $Key} entry] || [dict get $entry value] ne $Owner} {
                if {[namespace exists $namespace] && $Held} {
                    my Lost
                }
                return
            }
            set Revision [dict get $entry revision]
            set now [expr {min($now, [dict get $entry created])}]
        } else {
            # While there is time it may pass.
            my Later [expr {max(50, $Ttl / 10)}]
            return
        }
        if {[namespace exists $namespace] && $Held} {
            if {[clock milliseconds] >= $now + $Ttl} {
                my Lost
            } else {
                my Until [expr {$now + $Ttl}]
                my Later
            }
        }
    }

    method Lost {} {
        set Held 0
        my Stop
        if {$OnLost ne {}} {
            after 0 [list uplevel #0 [list {*}$OnLost [self]]]
        }
    }

    export Acquire
}
