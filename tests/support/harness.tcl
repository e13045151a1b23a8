# Sourced by the first line of every .test file:
#
#   source [file join [file dirname [file normalize [info script]]] support harness.tcl]
#
# Gives tcltest, the package path, real servers (tools/nats_server.tcl), faults (proxy.tcl), child processes (child.tcl),
# `wait_until` and `caught`. Environment: NATS_TEST_SERVER (current or old), NATS_BUILD (folder that holds the built
# package, default build/), NATS_TCLSH (command that starts a child tclsh, default the running one).

package require Tcl 8.6-
package require tcltest 2.3-

namespace eval ::harness {
    variable support [file dirname [file normalize [info script]]]
    variable root [file dirname [file dirname $support]]
    variable folder {}
    variable children 0
    variable waits 0
}

proc ::harness::tclsh {} {
    global env
    return [expr {[info exists env(NATS_TCLSH)] && $env(NATS_TCLSH) ne "" ? $env(NATS_TCLSH) : [list [info nameofexecutable]]}]
}

# Here and, by the environment, in child processes.
proc ::harness::set_package_path {} {
    global env auto_path
    variable root
    set build [file join $root build]
    if {[info exists env(NATS_BUILD)] && $env(NATS_BUILD) ne ""} {
        set build [file normalize $env(NATS_BUILD)]
    }
    set folders [list $build [file join $root .tools tcl]]
    set inherited {}
    if {[info exists env(TCLLIBPATH)]} {
        # Relative folders hold for the current directory, which a test may change.
        set inherited [lmap folder $env(TCLLIBPATH) {file normalize $folder}]
    }
    set env(TCLLIBPATH) [concat $inherited $folders]
    foreach folder [concat $inherited $folders] {
        if {$folder ni $auto_path} {
            lappend auto_path $folder
        }
    }
}

proc ::harness::set_constraints {} {
    set have [::nats_server::version_of [::nats_server::default_version]]
    foreach minor {2 3 4 5 6 7 8 9 10 11 12 13 14 15} {
        ::tcltest::testConstraint server2_$minor [expr {[package vcompare $have 2.$minor] >= 0}]
    }
    ::tcltest::testConstraint thread [expr {![catch {package require Thread}]}]
    # Found, not loaded: most tests must run without it.
    catch {package require harness-no-such-package}
    ::tcltest::testConstraint tcllib [expr {[package versions logger] ne ""}]
    ::tcltest::testConstraint tclx [expr {[package vsatisfies [package provide Tcl] 8.6] && [package versions Tclx] ne ""}]
    ::tcltest::testConstraint tcl9 [package vsatisfies [package provide Tcl] 9.0-]
    ::tcltest::testConstraint tcl86 [package vsatisfies [package provide Tcl] 8.6]
}

# Ends everything that the file started and left.
proc ::harness::clean_up {} {
    foreach class {::tcl_child_process ::proxy ::fake ::cluster ::server ::nats_server::helper} {
        foreach object [info class instances $class] {
            catch {$object destroy}
        }
    }
    variable remover
    catch {close $remover}
}

# A folder for this process, removed when it ends, however that happens: the end of a pipe tells.
proc ::harness::make_folder {} {
    global env
    variable folder [file join [expr {[info exists env(TMPDIR)] ? $env(TMPDIR) : "/tmp"}] nats-tcl-test-[pid]]
    variable remover
    file mkdir $folder
    set remover [open [list | sh -c {trap "" INT HUP TERM; cat >/dev/null; rm -rf "$1"} sh $folder] w]
}

# wait_until expression ?ms?
#
# Returns when the expression, evaluated in the caller's scope, is true; an error after `ms`. Events are served meanwhile;
# in a coroutine by yielding, else by an event loop of its own.
proc ::wait_until {expression {ms 20000}} {
    set deadline [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list ::expr $expression]]} {
        if {[clock milliseconds] > $deadline} {
            set there [uplevel 1 [list ::harness::values $expression]]
            return -code error -errorcode {HARNESS TIMEOUT} "timed out waiting for: $expression$there"
        }
        ::harness::serve_events 3
    }
    return
}

# The values of the variables in an expression, a line each, for whoever has to find out what was missing.
proc ::harness::values {expression} {
    set lines {}
    foreach {word name} [regexp -all -inline {\$((?:::)?\w[\w:]*)} $expression] {
        upvar 1 $name value
        if {[info exists value] && ![array exists value]} {
            lappend lines "\n$name: [string range $value 0 999]"
        }
        upvar 0 ::harness::none value
    }
    return [join [lsort -unique $lines] {}]
}

proc ::harness::serve_events {ms} {
    if {[info coroutine] ne ""} {
        set timer [after $ms [list catch [list [info coroutine]]]]
        ::yield
        # Somebody else may have resumed it; the timer must not do so again.
        after cancel $timer
    } else {
        # One variable per wait: waits nest.
        set name ::harness::wait[incr ::harness::waits]
        set timer [after $ms [list set $name 1]]
        vwait $name
        after cancel $timer
        unset -nocomplain $name
    }
}

# caught script -> {errorCode message} of the error that the script raises.
proc ::caught {script} {
    if {[catch {uplevel 1 $script} message options] == 1} {
        return [list [dict get $options -errorcode] $message]
    }
    return -code error "no error raised"
}

# The result of this method, which makes a stream in a file. Now and then nats-server 2.15 refuses one whose namesake was deleted a moment ago,
# since it cannot make its folder (10049), or finds there what its namesake had.
proc ::make_stream {object args} {
    set deadline [expr {[clock milliseconds] + 10000}]
    while {[clock milliseconds] < $deadline} {
        if {![catch {$object {*}$args} result options]} {
            if {![::harness::inherits $object {*}$args]} break
            # An object store or a key-value object, or no object at all.
            catch {$result destroy}
            $object delete_stream [::harness::stream_name {*}$args]
        } elseif {[lindex [dict get $options -errorcode] end] ne "10049"} {
            break
        }
        ::harness::serve_events 20
    }
    return -options $options $result
}

proc ::harness::stream_name {method name args} {
    return [dict get {add_stream {} create_kv_bucket KV_ create_object_store OBJ_} $method]$name
}

# Messages in a stream in a file that was made just now, and does not take them from others.
proc ::harness::inherits {object args} {
    if {[regexp {memory|-mirror|-sources} $args]} {
        return 0
    }
    return [expr {[dict get [$object stream_info [stream_name {*}$args]] state messages] > 0}]
}

proc ::cleanupTests {} {
    ::harness::clean_up
    uplevel 1 ::tcltest::cleanupTests
}

namespace import ::tcltest::test ::tcltest::testConstraint ::tcltest::customMatch ::tcltest::makeFile \
    ::tcltest::removeFile ::tcltest::makeDirectory ::tcltest::removeDirectory ::tcltest::viewFile \
    ::tcltest::temporaryDirectory ::tcltest::testsDirectory ::tcltest::workingDirectory

::harness::set_package_path
source [file join $::harness::root tools nats_server.tcl]
source [file join $::harness::support proxy.tcl]
source [file join $::harness::support child.tcl]
::harness::make_folder
::tcltest::configure -tmpdir $::harness::folder {*}$::argv
::harness::set_constraints
