# The classes `proxy` and `fake`: a recording, fault-injecting TCP proxy and a scripted server, each a process of its
# own (proxy.py), so that they work while the script under test is blocked. Needs tools/nats_server.tcl.

# What a proxy and a scripted server have in common.
oo::class create ::nats_server::endpoint {
    variable Helper Port

    constructor {args} {
        set Helper [::nats_server::helper new [file join $::harness::support proxy.py] {*}$args]
        set Port [$Helper heard]
    }
    destructor {
        if {[info exists Helper] && [info object isa object $Helper]} {
            $Helper destroy
        }
    }
    method Ask {args} {
        $Helper ask {*}$args
    }
    method Bytes {data} {
        return [binary encode base64 $data]
    }

    method url {} {
        return nats://127.0.0.1:$Port
    }
    method host {} {
        return 127.0.0.1
    }
    method port {} {
        return $Port
    }
    # Everything that clients have sent since the start or the last `clear`, as bytes; the connections one after the other.
    method sent {} {
        return [binary decode base64 [$Helper ask sent]]
    }
    # Everything that went to clients.
    method received {} {
        return [binary decode base64 [$Helper ask received]]
    }
    method clear {} {
        $Helper ask clear
        return
    }
    # The number of connections open now.
    method connections {} {
        return [$Helper ask connections]
    }
    # The number of connections ever accepted.
    method accepted {} {
        return [$Helper ask accepted]
    }
    # Stops forwarding; the sockets stay open. Direction: sent, received, or both if left out.
    method freeze {args} {
        $Helper ask freeze {*}$args
        return
    }
    method thaw {args} {
        $Helper ask thaw {*}$args
        return
    }
    # Forwards nothing from the clients for so many ms, also while this script is blocked.
    method hold {ms} {
        $Helper ask hold $ms
        return
    }
    # Ends every connection with FIN.
    method cut {} {
        $Helper ask cut
        return
    }
    # Ends every connection with RST.
    method reset {} {
        $Helper ask reset
        return
    }
    # 1: nobody listens on the port any more, connections that are open stay; 0: listens again.
    method refuse {yes} {
        $Helper ask refuse [expr {!!$yes}]
        return
    }
    # Ends a connection with RST after so many more bytes to clients.
    method cut_after {count} {
        $Helper ask cut_after $count
        return
    }
    method Inject {data} {
        $Helper ask inject [my Bytes $data]
        return
    }
    export url host port sent received clear connections accepted freeze thaw hold cut reset refuse cut_after
}

# proxy start host port
oo::class create ::proxy {
    superclass ::nats_server::endpoint

    constructor {host port} {
        next proxy $host $port
    }
    # Bytes to each client as if the server had sent them; they pass a freeze.
    method inject {data} {
        my Inject $data
    }
    # Forwards to each client so many bytes each so many ms, as a slow link does; 0 ends that.
    method drip {ms {bytes 1}} {
        my Ask drip $ms $bytes
        return
    }
    # Stops forwarding to the clients as soon as they have sent this, so often since the last `clear`, which still goes on: its answer comes after
    # a `thaw`.
    method freeze_behind {data {count 1}} {
        my Ask freeze_behind [my Bytes $data] $count
        return
    }
    # What servers have said and a freeze holds back.
    method held {} {
        return [binary decode base64 [my Ask held]]
    }
    # Where connections made from now on go.
    method target {host port} {
        my Ask target $host $port
        return
    }
    export inject drip freeze_behind held target
}
oo::objdefine ::proxy method start {args} {
    return [my new {*}$args]
}

# fake start ?-greet bytes? ?-on prefix answer? ?-end prefix answer? ...
#
# Says `-greet` to whoever connects, and the answer of the first prefix with which a line from the client begins; after
# that of an `-end` it closes the connection. A literal \r or \n in these stands for the character, so that braces can be used.
oo::class create ::fake {
    superclass ::nats_server::endpoint

    constructor {args} {
        next fake
        my Rules {*}$args
    }
    method Rules {args} {
        while {[llength $args] > 0} {
            switch -- [lindex $args 0] {
                -greet {
                    my Ask greet [my Line [lindex $args 1]]
                    set args [lrange $args 2 end]
                }
                -on - -end {
                    my Ask [string range [lindex $args 0] 1 end] [my Bytes [lindex $args 1]] [my Line [lindex $args 2]]
                    set args [lrange $args 3 end]
                }
                default {
                    error "unknown option \"[lindex $args 0]\": must be -greet, -on or -end"
                }
            }
        }
    }
    method Line {text} {
        return [my Bytes [string map {\\r \r \\n \n} $text]]
    }
    # Other answers, and another greeting if there is one among them, from now on.
    method behave {args} {
        my Ask forget
        my Rules {*}$args
    }
    # Bytes to each client.
    method say {data} {
        my Inject [string map {\\r \r \\n \n} $data]
    }
    # What clients have sent: this is the server's view.
    method received {} {
        return [my sent]
    }
    method close {} {
        my cut
    }
    export behave say close
}
oo::objdefine ::fake method start {args} {
    return [my new {*}$args]
}
