# A process that takes a lock many times: kv_lock_child.tcl url rounds name. Each time it does what two owners at once would spoil: it
# reads a key and writes it a moment later, without a condition. Prints the number of rounds, of those that were spoilt, of fences that
# did not grow, and of leases lost.
lassign $argv url rounds name
package require nats

set conn [nats::connection new $name -log_level error]
$conn configure -servers $url -reconnect_time_wait 50 -max_reconnect_attempts -1
$conn connect
set kv [[$conn jet_stream] key_value]

# Through an outage: what fails for want of a server is tried again.
proc insist {script} {
    while {[catch {uplevel 1 $script} result options]} {
        if {[lindex [dict get $options -errorcode] 1] ni {ErrTimeout ErrNoResponders ErrConnectionClosed ErrJSResponse}} {
            return -options $options $result
        }
        after 50 {set ::waited 1}
        vwait ::waited
    }
    return $result
}

set spoilt 0
set fallen 0
set lost 0
set done 0
while {$done < $rounds} {
    set lock [insist {nats::lock $kv b lock -ttl 5000}]
    set fence [$lock fence]
    # Who holds the lock finds what the owner before has left, and a smaller number.
    set guard [insist {dict get [$kv get b guard] value}]
    lassign $guard last owner state
    if {$state ne "left"} {
        # The owner before was cut short, which is only allowed if it has lost the lease.
        incr lost
    }
    if {$last >= $fence} {
        incr fallen
    }
    insist {$kv put b guard [list $fence $name held]}
    set mine [insist {dict get [$kv get b guard] value}]
    if {[$lock held]} {
        if {$mine ne [list $fence $name held]} {
            incr spoilt
        }
        insist {$kv put b guard [list $fence $name left]}
        incr done
    }
    while {[catch {$lock release}] && [$lock held]} {
        after 50 {set ::waited 1}
        vwait ::waited
    }
    $lock destroy
}
puts "$done $spoilt $fallen $lost"
$conn destroy
