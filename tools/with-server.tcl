# tclsh tools/with-server.tcl script.tcl ?arg ...?
#
# Runs the script in a child of the same tclsh (or of NATS_TCLSH), with a nats-server with JetStream of its own, whose
# URL it finds in env(NATS_URL), and the built package on its path; passes the script's exit status on.

package require Tcl 8.6-

if {$argc == 0} {
    puts stderr {usage: tclsh tools/with-server.tcl script.tcl ?arg ...?}
    exit 2
}
source [file join [file dirname [file normalize [info script]]] nats_server.tcl]

set build [file join [file dirname $nats_server::tools] build]
if {[info exists env(NATS_BUILD)] && $env(NATS_BUILD) ne ""} {
    set build [file normalize $env(NATS_BUILD)]
}
lappend env(TCLLIBPATH) $build
set tclsh [list [info nameofexecutable]]
if {[info exists env(NATS_TCLSH)] && $env(NATS_TCLSH) ne ""} {
    set tclsh $env(NATS_TCLSH)
}
if {[catch {server start} srv]} {
    puts stderr $srv
    exit 1
}
set env(NATS_URL) [$srv url]
set status 0
if {[catch {exec {*}$tclsh {*}$argv <@stdin >@stdout 2>@stderr} message options]} {
    set code [dict get $options -errorcode]
    switch -- [lindex $code 0] {
        CHILDSTATUS {
            set status [lindex $code 2]
        }
        default {
            puts stderr $message
            set status 1
        }
    }
}
$srv destroy
exit $status
