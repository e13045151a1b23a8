# TCLLIBPATH=folder tclsh tools/smoke.tcl
#
# Loads the package in both dialects and uses what needs no server: whether the library fits this platform and this Tcl.
proc check {what got wanted} {
    if {$got ne $wanted} {
        puts stderr "$what: $got instead of $wanted"
        exit 1
    }
}

foreach dialect {2 3} {
    set other [interp create]
    $other eval [list set auto_path $auto_path]
    $other eval [list package require nats $dialect]
    check dialect [$other eval {set nats::dialect}] $dialect
    check empty [$other eval {lmap {name there} [nats::internal::slots] {if {$there} continue; set name}}] {}
    check subject [$other eval {nats::msg subject [nats::msg create a.b -data hello]}] a.b
    check length [$other eval {string length [nats::timestamp]}] 23
    # A socket that refuses: threads, sockets and events.
    check refused [$other eval {
        set conn [nats::connection new smoke -log_level error -log_chan stderr]
        $conn configure -servers nats://127.0.0.1:1
        catch {$conn connect} message options
        $conn destroy
        dict get $options -errorcode
    }] {NATS ErrConnectionRefused}
    interp delete $other
}
puts "nats [package require nats] loads and works on Tcl [info patchlevel], $tcl_platform(os) $tcl_platform(machine)"
