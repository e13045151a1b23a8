# The parts of the reference that the package's own tables say: tables of options and commands, and methods for which a line suffices.
#
#   tclsh tools/reference.tcl ?--check?
#
# Writes them anew into docs/*.md, with the package that `package require nats` finds; with --check says what would change, exit status 1 if
# there is anything. A comment stands above each part:
#
#   <!-- options ?3? class method ?option ...? -->   the options of a method, or the keys of the dict that an option takes
#   <!-- help ?3? class method -->                   the line of a method
#   <!-- commands namespace ?name ...? -->           the commands of a namespace, or those named
#
# `3` stands for what only dialect 3 has.
namespace eval reference {
    variable pages {consume core jetstream kv objects services}
}

# Dialect -> tables, each from an interpreter of its own.
proc reference::tables {} {
    foreach dialect {2 3} {
        set other [interp create]
        try {
            $other eval [list set auto_path $::auto_path]
            $other eval [list package require nats $dialect]
            dict set tables $dialect [$other eval {nats::internal::describe}]
        } finally {
            interp delete $other
        }
    }
    return $tables
}

# The page as its comments and the tables want it.
proc reference::page {text tables} {
    set anchors [anchors $text $tables]
    set out {}
    # In which part the line is: empty, `table` or `line`.
    set part {}
    foreach line [split $text \n] {
        if {[regexp {^<!-- (options|help|commands) (.*) -->$} $line -> kind words]} {
            lappend out $line {*}[$kind $tables $anchors {*}$words]
            set part [expr {$kind eq "help" ? "line" : "table"}]
        } elseif {$part eq "line"} {
            set part {}
        } elseif {$part eq "table" && [string match |* $line]} {
            continue
        } else {
            set part {}
            lappend out $line
        }
    }
    return [join $out \n]
}

# The rows of options that the words of a comment name.
proc reference::rows {tables words} {
    set dialect 2
    if {[lindex $words 0] eq "3"} {
        set words [lassign $words dialect]
    }
    set path [lassign $words class method]
    set methods [dict get $tables $dialect classes ::nats::$class]
    set row [expr {$method eq "new" ? [dict get $methods constructor] : [dict get $methods methods $method]}]
    set rows [dict get $row options]
    foreach option $path {
        set rows [dict get $rows $option fields]
    }
    return $rows
}

# The heading under which the page tells the keys of a dict: keys -> anchor.
proc reference::anchors {text tables} {
    set anchors {}
    set heading {}
    foreach line [split $text \n] {
        if {[regexp {^#+ (.*)$} $line -> title]} {
            set heading [string map {{ } -} [regsub -all {[^\w \-]} [string tolower $title] {}]]
        } elseif {[regexp {^<!-- options (.*) -->$} $line -> words]} {
            dict set anchors [rows $tables $words] $heading
        }
    }
    return $anchors
}

proc reference::type {row anchors} {
    if {[dict exists $row words]} {
        return "one of [join [lmap word [dict get $row words] {string cat ` $word `}] {, }]"
    }
    set type [dict get $row kind]
    if {[dict exists $row fields] && [dict exists $anchors [dict get $row fields]]} {
        return "\[$type](#[dict get $anchors [dict get $row fields]])"
    }
    return $type
}

proc reference::default {row} {
    if {![dict exists $row default]} {
        return {}
    }
    set default [dict get $row default]
    if {$default eq ""} {
        return empty
    }
    return [expr {[string is integer $default] ? $default : "`$default`"}]
}

proc reference::options {tables anchors args} {
    set rows [rows $tables $args]
    # Keys of a dict have no dash.
    set nested [expr {[llength $args] - ([lindex $args 0] eq "3") > 2}]
    set titles [list [expr {$nested ? "key" : "option"}] type]
    foreach {title has} {default default server since} {
        if {[lsearch [lmap row [dict values $rows] {dict exists $row $has}] 1] >= 0} {
            lappend titles $title
        }
    }
    lappend titles meaning
    set lines [list [cells $titles] |[string repeat ---| [llength $titles]]]
    dict for {name row} $rows {
        set found {}
        foreach title $titles {
            lappend found [switch $title {
                option {string cat `- $name `}
                key {string cat ` $name `}
                type {type $row $anchors}
                default {default $row}
                server {regsub {[.]0$} [getdef $row since {}] {}}
                meaning {dict get $row help}
            }]
        }
        lappend lines [cells $found]
    }
    return $lines
}

proc reference::cells {cells} {
    return "| [join $cells { | }] |"
}

proc reference::help {tables anchors args} {
    set dialect 2
    if {[lindex $args 0] eq "3"} {
        set args [lassign $args dialect]
    }
    lassign $args class method
    return [list [dict get $tables $dialect classes ::nats::$class methods $method help]]
}

proc reference::commands {tables anchors namespace args} {
    set lines [list [cells {command result}] |---|---|]
    dict for {command row} [dict get $tables 2 commands] {
        if {[namespace qualifiers $command] ne $namespace || ($args ne "" && [namespace tail $command] ni $args)} continue
        # Those of an ensemble are its subcommands.
        set name [string range $command 8 end]
        if {$namespace ne "::nats::service"} {
            set name [string map {:: { }} $name]
        }
        lappend lines [cells [list "`nats::[string trim "$name [dict get $row usage]"]`" [dict get $row help]]]
    }
    return $lines
}

# `dict getdef` is of Tcl 9.
proc reference::getdef {dict key default} {
    return [expr {[dict exists $dict $key] ? [dict get $dict $key] : $default}]
}

proc reference::main {check} {
    variable pages
    set tables [tables]
    set status 0
    foreach page $pages {
        set path [file join [file dirname [file dirname [file normalize [info script]]]] docs $page.md]
        set file [open $path]
        fconfigure $file -encoding utf-8
        set old [read $file]
        close $file
        set new [page $old $tables]
        if {$new eq $old} continue
        if {$check} {
            puts stderr "$path is not what the tables say: run tools/reference.tcl"
            set status 1
            continue
        }
        set file [open $path w]
        fconfigure $file -encoding utf-8
        puts -nonewline $file $new
        close $file
    }
    exit $status
}

if {[info exists argv0] && [file normalize $argv0] eq [file normalize [info script]]} {
    reference::main [expr {"--check" in $argv}]
}
