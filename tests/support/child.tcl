# Child interpreters in processes of their own, for what ends or crashes a process.
#
#   tcl_child script ?arg ...?          -> dict exit code stdout stderr
#   tcl_child_start script ?arg ...?    -> object: pid send close_stdin stdout wait kill destroy
#
# `script` is Tcl text, or the name of a file. `exit` and `code` are the same: the exit status, the name of the signal
# that ended the process (SIGSEGV), or `timeout` if it was killed at the deadline. The child finds the package nats.

oo::class create ::tcl_child_process {
    variable Channel Pid Out ErrorFile ScriptFile Ended Status

    constructor {script arguments} {
        set Out {}
        set Ended 0
        set Status {}
        set ScriptFile {}
        set number [incr ::harness::children]
        set ErrorFile [file join $::harness::folder child$number.stderr]
        if {![file isfile $script]} {
            set ScriptFile [file join $::harness::folder child$number.tcl]
            set file [open $ScriptFile w]
            fconfigure $file -encoding utf-8
            puts $file $script
            close $file
            set script $ScriptFile
        }
        # A file name may be taken for an encoding option or a redirection only if it begins with one; ours never do.
        set Channel [open [list | {*}[::harness::tclsh] $script {*}$arguments 2>$ErrorFile] r+]
        set Pid [lindex [pid $Channel] end]
        fconfigure $Channel -blocking 0 -buffering line -translation lf -encoding utf-8
        fileevent $Channel readable [list [namespace which my] Read]
    }
    destructor {
        if {!$Ended} {
            my kill
            my Finish
        }
        file delete -- $ErrorFile {*}[expr {$ScriptFile eq {} ? {} : [list $ScriptFile]}]
    }

    method Read {} {
        append Out [read $Channel]
        if {[eof $Channel]} {
            my Finish
        }
    }
    method Finish {} {
        fileevent $Channel readable {}
        # Only a blocking close waits for the process and tells its status.
        fconfigure $Channel -blocking 1
        if {[catch {close $Channel} message options]} {
            set code [dict get $options -errorcode]
            switch -- [lindex $code 0] {
                CHILDSTATUS - CHILDKILLED {
                    set reason [lindex $code 2]
                }
                default {
                    set reason $message
                }
            }
            set Status [expr {$Status eq {} ? $reason : $Status}]
        } elseif {$Status eq {}} {
            set Status 0
        }
        set Ended 1
    }

    method pid {} {
        return $Pid
    }
    method send {line} {
        puts $Channel $line
        return
    }
    # The child sees the end of its input. 8.6 and later close one direction.
    method close_stdin {} {
        flush $Channel
        close $Channel write
        return
    }
    # What it has written up to now.
    method stdout {} {
        if {!$Ended} {
            append Out [read $Channel]
        }
        return $Out
    }
    method kill {{signal KILL}} {
        if {!$Ended} {
            exec kill -$signal $Pid
        }
        return
    }
    # Waits for its end, with the event loop running, and kills it at the deadline.
    method wait {{ms 60000}} {
        if {[catch {wait_until {$Ended} $ms}]} {
            set Status timeout
            my kill
            wait_until {$Ended} 10000
        }
        set file [open $ErrorFile]
        fconfigure $file -encoding utf-8
        try {
            return [dict create exit $Status code $Status stdout $Out stderr [read $file]]
        } finally {
            close $file
        }
    }
    export pid send close_stdin stdout kill wait
}

proc ::tcl_child_start {script args} {
    return [::tcl_child_process new $script $args]
}

proc ::tcl_child {script args} {
    set child [tcl_child_start $script {*}$args]
    try {
        # Its input is empty, not the test's.
        $child close_stdin
        return [$child wait]
    } finally {
        $child destroy
    }
}
