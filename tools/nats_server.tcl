# Real nats-servers for tests, examples and the demo; needs Tcl 8.6 and python3, not the package nats.
#
#   set srv [server start ?-jetstream bool? ?-config text? ?-args list? ?-version current|old? ?-port n? ?-name s? ?-store dir? ?-disk size?]
#   set clu [cluster start n ?the same options?]
#
# A server is killed and its folder removed when its object is destroyed or its owner dies, however it dies: see
# server_guard.py, which runs it.

package require Tcl 8.6-

namespace eval ::nats_server {
    variable tools [file dirname [file normalize [info script]]]
    # The python3 of a version manager is a shell script, three times slower to start than the system's.
    variable python [expr {[file executable /usr/bin/python3] ? "/usr/bin/python3" : [auto_execok python3]}]
    variable known_versions {}
}

# The path of the program of a version, `current` or `old`.
proc ::nats_server::program {version} {
    variable tools
    set path [file join [file dirname $tools] .tools nats-server $version nats-server]
    if {$version ni {current old}} {
        error "bad version \"$version\": must be current or old"
    }
    if {![file executable $path]} {
        error "$path is missing; run tools/setup.sh server"
    }
    return $path
}

# What `nats-server --version` says of itself, such as 2.15.1.
proc ::nats_server::version_of {version} {
    variable known_versions
    if {![dict exists $known_versions $version]} {
        dict set known_versions $version [string trimleft [lindex [exec [program $version] --version] end] v]
    }
    return [dict get $known_versions $version]
}

# The version used where none is asked for.
proc ::nats_server::default_version {} {
    global env
    return [expr {[info exists env(NATS_TEST_SERVER)] && $env(NATS_TEST_SERVER) ne "" ? $env(NATS_TEST_SERVER) : "current"}]
}

# A helper process told what to do in lines: python3 `program` with `words`; it ends with the pipe.
oo::class create ::nats_server::helper {
    variable Pipe

    constructor {program args} {
        set command [list | $::nats_server::python -S $program {*}$args 2>@stderr]
        set Pipe [open $command r+]
        fconfigure $Pipe -buffering line -translation lf -encoding utf-8
    }
    destructor {
        if {[info exists Pipe]} {
            # The process ends at the end of its input; closing waits for that.
            catch {close $Pipe}
        }
    }
    # The next line of the helper.
    method heard {} {
        if {[gets $Pipe line] < 0} {
            error "the helper process [self] ended"
        }
        return $line
    }
    # Sends a command, returns what follows `ok`.
    method ask {args} {
        puts $Pipe [join $args \t]
        set line [my heard]
        if {![regexp {^ok ?(.*)$} $line -> answer]} {
            error [regsub {^error } $line {}]
        }
        return $answer
    }
}

# A port of 127.0.0.1 that nobody listens on, nobody else is given while this interpreter lives, and no outgoing connection gets by
# chance: a server can be started on it again. A client that tries a port of the system's own range for long enough even connects to itself.
proc ::nats_server::free_port {} {
    variable tools
    variable ports
    if {![info exists ports]} {
        set ports [helper new [file join $tools server_guard.py]]
        $ports heard
    }
    return [$ports ask port]
}

oo::class create ::server {
    variable Guard Folder Options Ports Port Pid

    constructor {args} {
        set Ports {}
        set Pid {}
        set Options [dict create -jetstream 1 -config {} -args {} -version [::nats_server::default_version] -port 0 -name {} -store {} -disk 1GB]
        foreach {name value} $args {
            if {![dict exists $Options $name]} {
                error "unknown option \"$name\": must be [join [dict keys $Options] {, }]"
            }
            dict set Options $name $value
        }
        set program [::nats_server::program [dict get $Options -version]]
        set Guard [::nats_server::helper new [file join $::nats_server::tools server_guard.py]]
        set Folder [$Guard heard]
        set Port [dict get $Options -port]
        if {$Port == 0} {
            set Port [::nats_server::free_port]
        }
        my Run
    }
    destructor {
        if {[info exists Guard] && [info object isa object $Guard]} {
            $Guard destroy
        }
    }

    method WriteConfig {} {
        set lines [list "listen: \"127.0.0.1:$Port\"" "ports_file_dir: \"$Folder\""]
        if {[dict get $Options -name] ne {}} {
            lappend lines "server_name: \"[dict get $Options -name]\""
        }
        if {[dict get $Options -jetstream]} {
            set store [dict get $Options -store]
            if {$store eq {}} {
                set store [file join $Folder store]
            }
            # Limits of its own, since the server would else claim most of the machine's disk and memory.
            lappend lines "jetstream: {store_dir: \"[file normalize $store]\", max_memory_store: 256MB, max_file_store: [dict get $Options -disk]}"
        }
        set file [open [file join $Folder nats.conf] w]
        fconfigure $file -encoding utf-8
        puts $file [join [concat $lines [list [dict get $Options -config]]] \n]
        close $file
    }
    method Run {} {
        my WriteConfig
        set answer [$Guard ask start [::nats_server::program [dict get $Options -version]] \
            -c [file join $Folder nats.conf] {*}[dict get $Options -args]]
        set Ports [lassign $answer Pid]
        set Port [dict get $Ports nats]
    }

    method host {} {
        return 127.0.0.1
    }
    method port {} {
        return $Port
    }
    method url {} {
        return nats://127.0.0.1:$Port
    }
    method pid {} {
        return $Pid
    }
    method version {} {
        return [::nats_server::version_of [dict get $Options -version]]
    }
    method dir {} {
        return $Folder
    }
    # Name and port of each listener: nats, websocket, cluster, leafnode, monitoring ...
    method ports {} {
        return $Ports
    }
    method log {} {
        set file [open [file join $Folder server.log]]
        fconfigure $file -encoding utf-8
        try {
            return [read $file]
        } finally {
            close $file
        }
    }
    method running {} {
        return [$Guard ask running]
    }
    # How it ended by itself: the exit status, or minus the number of a signal; empty while it runs.
    method status {} {
        return [$Guard ask status]
    }
    # Ends the server as an administrator would, and waits.
    method stop {} {
        $Guard ask stop TERM
        return
    }
    # Ends the server as a crash would, and waits.
    method kill {} {
        $Guard ask stop KILL
        return
    }
    # Starts it again, on the same port and store.
    method restart {} {
        my stop
        my Run
        return
    }
    # HUP (reload), USR2 (lame duck), TERM, KILL ...: sent, not waited for.
    method signal {name} {
        $Guard ask signal $name
        return
    }
    # The signal is only on its way when kill returns: a thread that still runs could answer one more request.
    method pause {} {
        my signal STOP
        set deadline [expr {[clock milliseconds] + 2000}]
        while {[clock milliseconds] < $deadline} {
            set running 0
            foreach file [glob -nocomplain /proc/[my pid]/task/*/stat] {
                if {![catch {open $file} channel]} {
                    incr running [expr {![regexp {\) [TtZX] } [read $channel]]}]
                    close $channel
                }
            }
            if {!$running} {
                return
            }
            after 1
        }
    }
    method resume {} {
        my signal CONT
    }
    # Puts other text in the place of -config and waits until the running server has taken it.
    method reload {text} {
        dict set Options -config $text
        my WriteConfig
        $Guard ask reload
        return
    }
    # Waits for the end of a server that was told to end by a signal.
    method wait {} {
        $Guard ask wait
        return
    }
    export host port url pid version dir ports log running status stop kill restart signal pause resume reload wait
}
oo::objdefine ::server method start {args} {
    return [my new {*}$args]
}

oo::class create ::cluster {
    variable Servers

    constructor {count args} {
        set Servers {}
        set config {}
        if {[dict exists $args -config]} {
            set config [dict get $args -config]
        }
        set jetstream [expr {![dict exists $args -jetstream] || [dict get $args -jetstream]}]
        set listeners [lmap i [lrepeat $count x] {::nats_server::free_port}]
        set routes [join [lmap port $listeners {string cat "\"nats://127.0.0.1:$port\""}] ", "]
        set number 0
        foreach port $listeners {
            incr number
            dict set args -name node$number
            dict set args -config "http: \"127.0.0.1:-1\"
cluster: {name: test, listen: \"127.0.0.1:$port\", routes: \[$routes\]}
$config"
            lappend Servers [::server new {*}$args]
        }
        my WaitUntilFormed $jetstream
    }
    destructor {
        foreach server $Servers {
            catch {$server destroy}
        }
    }

    # Clients see the whole cluster, and JetStream has a leader that takes requests and hears of every other server.
    method WaitUntilFormed {jetstream} {
        set deadline [expr {[clock milliseconds] + 30000}]
        while {![my Routed] || $jetstream && ![my Led]} {
            if {[clock milliseconds] > $deadline} {
                error "the cluster did not form:\n[join [lmap server $Servers {$server log}] \n]"
            }
            after 20
        }
    }
    # Each server has a route to every other one.
    method Routed {} {
        foreach server $Servers {
            set peers [dict create]
            foreach {match name} [regexp -all -inline {"remote_id": *"([^"]+)"} [my Monitor $server /routez]] {
                dict set peers $name 1
            }
            if {[dict size $peers] < [llength $Servers] - 1} {
                return 0
            }
        }
        return 1
    }
    # All name the same leader of JetStream, and it has the others as peers that are up to date: before that it would find no
    # place for replicas.
    method Led {} {
        set others [expr {[llength $Servers] - 1}]
        set leaders [dict create]
        set number 0
        foreach server $Servers {
            incr number
            set state [my Monitor $server /jsz]
            if {![regexp {"leader": *"([^"]+)"} $state -> leader] || ![string match {*"status":*"ok"*} [my Monitor $server /healthz]]} {
                return 0
            }
            dict set leaders $leader 1
            if {$leader eq "node$number" && [regexp -all {"current": *true} $state] < $others} {
                return 0
            }
        }
        return [expr {[dict size $leaders] == 1}]
    }
    # The body that the monitoring port gives for a path.
    method Monitor {server path} {
        set channel [socket 127.0.0.1 [dict get [$server ports] monitoring]]
        try {
            fconfigure $channel -translation binary
            puts -nonewline $channel "GET $path HTTP/1.0\r\n\r\n"
            flush $channel
            return [read $channel]
        } finally {
            close $channel
        }
    }

    method servers {} {
        return $Servers
    }
    method urls {} {
        return [lmap server $Servers {$server url}]
    }
    export servers urls
}
oo::objdefine ::cluster method start {args} {
    return [my new {*}$args]
}
