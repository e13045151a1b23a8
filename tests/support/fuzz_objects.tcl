# The objects of the fuzzer, the callbacks that the calls are given, and the calls.

# --- objects

proc ::fuzz::instances {} {
    variable executor
    variable echoer
    set all {}
    foreach class {::nats::messages ::nats::ordered_consumer ::nats::publisher ::nats::batch ::nats::fast_publisher ::nats::service_group ::nats::service_remote ::nats::service ::nats::object_store ::nats::key_value ::nats::jet_stream ::fuzz::Sub ::nats::connection} {
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
        $admin add_stream S -subjects s.> -storage memory -max_bytes 1000000 {*}[expr {[$admin api_level] >= 4 ? {-allow_batched true} : {}}]
        $admin add_pull_consumer S C
        [$admin key_value] add b -storage memory -history 5
        [$admin create_object_store b -storage memory -max_bytes 1000000] destroy
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
    dict set objects fast_publisher [list [$js fast_publisher -timeout 60 -flow 3] [$js fast_publisher -timeout 60 -gap ok -events ::fuzz::called] [$far fast_publisher] $js]
    set kv [$js key_value -timeout 30]
    dict set objects key_value [list $kv $kv $kv $kv [$js key_value -check_bucket 0] [$none key_value] [$js key_value -read_only 1] $js]
    # Cut on its way, perhaps.
    if {![catch {$js object_store b} store]} {
        dict set objects object_store [list $store $store $store $js]
    } else {
        dict set objects object_store [list $js]
    }
    # Ordered consumers, of both modes.
    set ordered [list $js]
    foreach options {{-callback ::fuzz::called -events ::fuzz::called} {-mode push -idle_heartbeat 100 -callback ::fuzz::called} {}} {
        if {![catch {$js ordered_consumer S {*}$options} consumer]} {
            lappend ordered $consumer
        }
    }
    dict set objects ordered_consumer $ordered
    # Services, one of them on a connection that is never open.
    set services [list $closed]
    set groups [list $open]
    set remotes [list $open]
    if {![catch {$open service fuzz 1.0.0 -on_stop ::fuzz::called -on_error ::fuzz::called} service]} {
        lappend services $service $service $service
        lappend groups [$service group g]
        catch {$service endpoint e -subject s.served -callback ::fuzz::called}
        # It waits for further answers, which takes its time.
        if {$rounds % 16 == 1} {
            catch {lappend remotes [$open service_remote fuzz]}
        }
    }
    dict set objects service $services
    dict set objects service_group $groups
    dict set objects service_remote $remotes
}

proc ::fuzz::remember {method result} {
    variable ids
    variable messages
    variable objects
    if {[string is wide -strict $result] && $result > 0} {
        set ids [lrange [linsert $ids 0 $result] 0 11]
    } elseif {$method in {jet_stream key_value object_store ordered_consumer fast_publisher service service_remote} && [string match *::* $result] && [llength [info commands $result]]} {
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
    set kind [lindex {key_value jet_stream connection object_store ordered_consumer} [clock clicks]%5]
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
    set kind [pick {connection connection connection jet_stream jet_stream jet_stream key_value key_value object_store ordered_consumer fast_publisher service service service_group service_remote}]
    set object [pick [dict get $objects $kind]]
    if {[one_in 40]} {
        return [odd_call $kind $object]
    }
    set methods [dict get $tables classes ::nats::$kind methods]
    set method [pick [dict keys $methods]]
    set row [dict get $methods $method]
    if {$kind eq "ordered_consumer" && $method in {next each Take}} {
        # What waits for messages has to end some time.
        return [list $object next -timeout [pick {1 20 x -1}]]
    }
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
