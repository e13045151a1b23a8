# A client that answers with bytes of the test's choice, statuses included, which no object of the package can publish.
#
#   raw_answer port subject answers   subscribes; to each request it sends all answers, a list of header block and payload
#   raw_end                           closes it
proc raw_answer {port subject answers} {
    set ::raw [socket 127.0.0.1 $port]
    fconfigure $::raw -translation binary -buffering full -blocking 1
    puts -nonewline $::raw "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB $subject 1\r\nPING\r\n"
    flush $::raw
    while {[gets $::raw line] >= 0 && ![string match PONG* $line]} {}
    set ::raw_answers $answers
    set ::raw_count 0
    fconfigure $::raw -blocking 0
    fileevent $::raw readable raw_readable
}

proc raw_readable {} {
    while {[gets $::raw line] >= 0} {
        set words [split [string trimright $line \r] " "]
        switch -- [lindex $words 0] {
            PING {
                puts -nonewline $::raw "PONG\r\n"
            }
            MSG - HMSG {
                incr ::raw_count
                foreach {header payload} $::raw_answers {
                    raw_say [lindex $words 3] $header $payload
                }
            }
        }
    }
    if {[eof $::raw]} {
        fileevent $::raw readable {}
    } else {
        flush $::raw
    }
}

proc raw_say {to header payload} {
    set ::raw_to $to
    set header "[string map {\n \r\n} [string trim $header \n]]\r\n\r\n"
    puts -nonewline $::raw "HPUB $to [string length $header] [expr {[string length $header] + [string length $payload]}]\r\n$header$payload\r\n"
    flush $::raw
}

proc raw_end {} {
    catch {close $::raw}
    unset -nocomplain ::raw ::raw_answers ::raw_count ::raw_to
}
