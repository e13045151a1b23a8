# The objects of the fuzzer: of each class that the package has, in every state.

namespace eval ::fuzz {
    # Kind -> objects, in which frequent ones stand several times. The kinds are the classes of the dialect and, beside them, what has
    # no table of its own: leases, leaders, channels.
    variable objects {}
    variable classes {kv_watcher ordered_consumer messages publisher batch fast_publisher service_group service_remote service object_store key_value jet_stream}
    # Of what calls make, so many are kept.
    variable kept 8
}

proc ::fuzz::instances {} {
    variable executor
    variable echoer
    variable classes
    set all {}
    foreach class [concat {::nats::recipes::lease ::nats::recipes::leader} [lmap class $classes {string cat ::nats:: $class}] {::fuzz::Sub ::nats::connection}] {
        if {![info object isa object $class]} continue
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
    foreach channel [chan names natsobj*] {
        catch {close $channel}
    }
    foreach command [concat [info commands ::fuzz::co_*] [info commands ::nats::recipes::run*]] {
        catch {rename $command {}}
    }
    # Elections try again as long as they live; who waits for a lease looks again after a while.
    foreach timer [after info] {
        if {[regexp {::nats::recipes::|::my Wake} [after info $timer]]} {
            after cancel $timer
        }
    }
}

# One more object of a kind, in front; the oldest goes out of sight.
proc ::fuzz::keep {kind object {times 1}} {
    variable objects
    variable kept
    set all [expr {[dict exists $objects $kind] ? [dict get $objects $kind] : {}}]
    dict set objects $kind [lrange [concat [lrepeat $times $object] $all] 0 $kept]
}

# The server's memory and disk are not what is tested.
proc ::fuzz::wipe {} {
    variable executor
    variable dialect
    set admin [$executor jet_stream]
    foreach name [$admin stream_names] {
        catch {$admin delete_stream $name}
    }
    $admin add_stream S -subjects s.> -storage memory -max_bytes 1000000 -allow_direct 1 -allow_atomic 1 -allow_msg_ttl 1 {*}[expr {[$admin api_level] >= 4 ? {-allow_batched true} : {}}]
    $admin add_pull_consumer S C
    $admin add_pull_consumer S P -ack_policy none
    $admin add_stream CNT -subjects c.> -storage memory -max_bytes 1000000 -allow_msg_counter 1 -allow_direct 1
    $admin add_stream SCH -subjects sch.> -storage memory -max_bytes 1000000 -allow_msg_schedules 1 -allow_msg_ttl 1
    foreach {bucket options} {b {-history 5} l {-limit_marker_ttl 1000}} {
        if {$dialect == 2} {
            set kv [$admin key_value]
            $kv add $bucket -storage memory {*}$options
        } else {
            [$admin create_kv_bucket $bucket -storage memory {*}$options] destroy
        }
    }
    [$admin create_object_store b -storage memory -max_bytes 1000000] destroy
    foreach kv [info class instances ::nats::key_value] {
        $kv destroy
    }
    $admin destroy
}

# New objects: a connected connection, one that is not, one of a class whose constructor did not call next, and what belongs to them.
proc ::fuzz::renew {} {
    variable objects
    variable url
    variable null
    variable rounds
    variable budget 40
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
        wipe
    }
    catch {$open subscribe s.> -callback ::fuzz::called -dictmsg 1}
    foreach data [list one [junk] two three] {
        catch {$js publish s.a $data}
    }
    set gone [nats::connection new]
    $gone destroy
    dict set objects connection [list $open $open $open $open $open $open $open $closed $closed $raw $gone]
    dict set objects jet_stream [list $js $js $js $js $js $js $js $far $none $gone]
    renew_stores $js $none
    renew_consumers $js $none
    renew_services $open
}

# Buckets, object stores and what is made of them. Each may be cut on its way.
proc ::fuzz::renew_stores {js none} {
    variable objects
    variable dialect
    foreach kind {key_value kv_watcher object_store channel lease leader} {
        dict set objects $kind {}
    }
    if {$dialect == 2} {
        set kv [$js key_value -timeout 30]
        dict set objects key_value [list $kv $kv $kv $kv [$js key_value -check_bucket 0] [$none key_value] [$js key_value -read_only 1] \
            [$js key_value -key_codec {path base64} -value_codec {::fuzz::codec_nested base64}] [$js key_value -key_codec ::fuzz::codec -value_codec ::fuzz::codec_badly]]
        set leased $kv
    } else {
        foreach bucket {l b} {
            if {![catch {$js bind_kv_bucket $bucket} leased]} {
                keep key_value $leased 3
            }
        }
        foreach {key value} {{path base64} {::fuzz::codec_nested base64} ::fuzz::codec ::fuzz::codec_badly} {
            if {![catch {$js bind_kv_bucket b -key_codec $key -value_codec $value} coded]} {
                keep key_value $coded 3
            }
        }
        if {![catch {$leased watch > -callback ::fuzz::called} watcher]} {
            keep kv_watcher $watcher 3
        }
        catch {$js bind_kv_bucket l} leased
    }
    foreach {key value} {a 1 b 2 a.b 3 a 4} {
        catch {$leased put {*}[expr {$dialect == 2 ? "b" : {}}] $key $value}
    }
    if {![catch {$js object_store b} store]} {
        keep object_store $store 3
        catch {$store put x [string repeat data 100]}
        foreach {name mode} [pick {{x r} {y w} {x r y w}}] {
            if {![catch {$store open $name $mode} channel]} {
                keep channel $channel 3
            }
        }
    }
    # They have timers of their own, and wait for others.
    if {[one_in 3]} {
        set bucket [expr {$dialect == 2 ? "l" : {}}]
        if {![catch {nats::lock $leased {*}$bucket lock[below 3] -ttl 1000 -wait 0 -on_lost ::fuzz::called} lease]} {
            keep lease $lease 3
        }
        if {![catch {nats::leader $leased {*}$bucket leader -ttl 1000 -on_elected ::fuzz::called -on_lost ::fuzz::called} leader]} {
            keep leader $leader 3
        }
    }
}

# What consumes and publishes: with a callback and without, ended, on a connection that is not open.
proc ::fuzz::renew_consumers {js none} {
    variable objects
    variable messages
    foreach kind {messages publisher batch fast_publisher ordered_consumer} {
        dict set objects $kind {}
    }
    catch {lappend messages {*}[$js fetch S P -batch_size 2 -timeout 20]}
    set asked [list [list $js messages S P -check 0] [list $js messages S C -check 0 -stop_after 2 -ack [pick {none auto sync}]]]
    lappend asked [list $js messages S C -callback [callback] -concurrency [pick {1 3}] -ack [pick {none auto}] -events ::fuzz::called -keep_alive [below 2]]
    if {[one_in 4]} {
        lappend asked [list $none messages S C -check 0]
    }
    foreach words $asked {
        if {![catch $words made]} {
            keep messages $made 2
        }
    }
    if {![catch {$js publisher -window 5 -timeout 20 -on_ack ::fuzz::called -on_error ::fuzz::called} made]} {
        keep publisher $made 3
    }
    catch {keep publisher [$none publisher]}
    if {![catch {$js batch} made]} {
        keep batch $made 3
        catch {$made add s.a [junk]}
    }
    catch {keep batch [$none batch]}
    foreach options {{-flow 3} {-gap ok -events ::fuzz::called}} {
        if {![catch {$js fast_publisher -timeout 60 {*}$options} made]} {
            keep fast_publisher $made 2
        }
    }
    catch {keep fast_publisher [$none fast_publisher]}
    foreach options {{-callback ::fuzz::called -events ::fuzz::called} {-mode push -idle_heartbeat 100 -callback ::fuzz::called} {}} {
        if {![catch {$js ordered_consumer S {*}$options} made]} {
            keep ordered_consumer $made
        }
    }
}

proc ::fuzz::renew_services {open} {
    variable objects
    variable rounds
    foreach kind {service service_group service_remote} {
        dict set objects $kind {}
    }
    if {![catch {$open service fuzz 1.0.0 -on_stop ::fuzz::called -on_error ::fuzz::called} service]} {
        keep service $service 3
        catch {keep service_group [$service group g]}
        catch {$service endpoint e -subject svc.e -callback [pick {::fuzz::called ::fuzz::served}] -concurrency [pick {1 4}]}
        # It waits for further answers, which takes its time.
        if {$rounds % 16 == 1} {
            catch {keep service_remote [$open service_remote fuzz] 2}
        }
    }
}

# What a call gave is used by later ones.
proc ::fuzz::remember {method result} {
    variable ids
    variable messages
    variable classes
    if {[string is wide -strict $result] && $result > 0} {
        set ids [lrange [linsert $ids 0 $result] 0 11]
    } elseif {[string match natsobj* $result]} {
        keep channel $result
    } elseif {[string match *::* $result] && [info object isa object $result]} {
        set class [info object class $result]
        switch -glob -- $class {
            ::nats::recipes::* - ::nats::* { set kind [namespace tail $class] }
            default return
        }
        if {$kind in $classes || $kind in {lease leader}} {
            keep $kind $result
        }
    } elseif {$method in {consume fetch} && [llength $result]} {
        set messages [lrange [linsert $messages 0 [lindex $result 0]] 0 9]
    } elseif {$method eq "next" && [llength $result]} {
        set messages [lrange [linsert $messages 0 $result] 0 9]
    }
}
