# What the soaks share; sourced into the namespace of each. `await` needs a command `fail`, which takes a text.

# The package from the folder that is tested.
proc load_package {root} {
    global env auto_path
    set build [expr {[info exists env(NATS_BUILD)] && $env(NATS_BUILD) ne "" ? $env(NATS_BUILD) : [file join $root build]}]
    lappend auto_path [file normalize $build]
    package require nats
}

# In a coroutine.
proc sleep {ms} {
    after $ms [info coroutine]
    yield
}

# Serves events.
proc later {ms} {
    after $ms {set ::tick 1}
    vwait ::tick
}

# Serves events until the condition holds; a failure at the deadline.
proc await {what ms condition} {
    set deadline [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[clock milliseconds] > $deadline} {
            fail "$what: not within $ms ms"
            return
        }
        later 5
    }
}

# Kilobytes of this process that are in memory.
proc resident {} {
    set file [open /proc/self/status]
    set text [read $file]
    close $file
    regexp {VmRSS:\s+(\d+)} $text -> kilobytes
    return $kilobytes
}
