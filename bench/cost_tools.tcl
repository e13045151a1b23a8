# What the parts of cost.tcl share; it sets `server`, `scale`, `failures` and `auto_path`.

proc scaled {count} {
    return [expr {max(1, int($count * $::scale))}]
}
proc connection {args} {
    # The warning about dropped messages would stand in the middle of the Markdown.
    set c [nats::connection new -log_level error]
    $c configure -servers [list [$::server url]] {*}$args
    $c connect
    return $c
}
# Bytes of this process that are in memory.
proc resident {} {
    set file [open /proc/self/statm]
    set pages [lindex [read $file] 1]
    close $file
    return [expr {$pages * 4096}]
}
proc mib {bytes} {
    return [format %.1f [expr {$bytes / 1048576.0}]]
}
proc judge {holds text} {
    puts "- [expr {$holds ? {holds} : {FAILED}}]: $text"
    if {!$holds} {
        lappend ::failures $text
    }
}
proc await {condition} {
    set deadline [expr {[clock milliseconds] + 60000}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[clock milliseconds] > $deadline} {
            error "not within 60 s: $condition"
        }
        after 2 {set ::tick 1}
        vwait ::tick
    }
}

# A process of its own that publishes `count` messages of `size` bytes to `subject`, again and again if `forever`, until it is killed.
proc publisher {subject count size {forever 0}} {
    set script [string map [list @auto@ [list $::auto_path] @url@ [list [list [$::server url]]] @subject@ $subject \
        @count@ $count @size@ $size @forever@ $forever] {
        set auto_path @auto@
        package require nats
        set c [nats::connection new]
        $c configure -servers @url@
        $c connect
        set payload [string repeat x @size@]
        while 1 {
            # A round trip now and then keeps the queue short and the publisher's memory out of the picture.
            for {set i 0} {$i < @count@} {incr i} {
                $c publish @subject@ $payload
                if {$i % 10000 == 0} {
                    $c ping
                }
            }
            $c ping -timeout 60000
            if {!@forever@} {
                break
            }
        }
        puts done
        flush stdout
        gets stdin
    }]
    set pipe [open [list | [info nameofexecutable] 2>@stderr] r+]
    puts $pipe $script
    flush $pipe
    return $pipe
}
proc stop {pipe} {
    catch {exec kill [pid $pipe]}
    catch {close $pipe}
}

# A process of its own that answers requests on `subject`, until it is killed.
proc responder {subject} {
    set pipe [open [list | [info nameofexecutable] 2>@stderr] r+]
    puts $pipe [string map [list @auto@ [list $::auto_path] @url@ [list [list [$::server url]]] @subject@ $subject] {
        set auto_path @auto@
        package require nats
        set c [nats::connection new]
        $c configure -servers @url@
        $c connect
        $c subscribe @subject@ -callback {apply {{subject message reply} {$::c publish $reply $message}}}
        $c ping
        puts ready
        flush stdout
        vwait forever
    }]
    flush $pipe
    gets $pipe
    return $pipe
}
