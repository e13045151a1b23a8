# Manual pages made of the reference: docs/*.md, whose tables `make reference` takes from the package.
#
#   tclsh tools/manual.tcl FOLDER     writes them into FOLDER
#   tclsh tools/manual.tcl --check    with the package that `package require nats` finds: says classes without a page and methods,
#                                     commands and options that a page lacks; exit status 1 if there is anything
namespace eval manual {
    variable root [file dirname [file dirname [file normalize [info script]]]]
    # Page, reference, what it is, classes whose methods it has. A new class is
    # one row, or one word more in a row; the row is not needed for one that a reference names as nats::CLASS.
    variable pages {
        nats            core      {NATS messaging: connections, messages, requests}   {connection}
        nats_jet_stream jetstream {NATS JetStream: streams, consumers, publishing}    {jet_stream publisher batch fast_publisher}
        nats_messages   consume   {messages of JetStream, one after the other}        {messages ordered_consumer}
        nats_key_value  kv        {NATS key-value stores}                             {key_value kv_watcher}
        nats_object     objects   {NATS object stores}                                {object_store object_watcher}
        nats_service    services  {NATS services: endpoints that are found and called} {service service_group service_remote}
    }
}

proc manual::reference {name} {
    variable root
    set file [open [file join $root docs $name.md]]
    fconfigure $file -encoding utf-8
    try {
        return [read $file]
    } finally {
        close $file
    }
}

# Text as roff wants it. A dash is a minus sign, so that it can be copied; other characters than ASCII by their numbers.
proc manual::plain {text} {
    set text [string map {\\ \\e - \\- ' \\(aq ` \\(ga ^ \\(ha ~ \\(ti} $text]
    set out {}
    foreach char [split $text {}] {
        scan $char %c code
        append out [expr {$code < 128 ? $char : [format {\[u%04X]} $code]}]
    }
    return $out
}

# A line of Markdown: code and emphasis are bold, links are their texts.
proc manual::inline {text} {
    set out {}
    set text [regsub -all {<br>} $text { }]
    while {$text ne ""} {
        if {[regexp {^(`+)(.+?)\1(.*)$} $text -> ticks code text]} {
            append out \\fB[plain [string trim $code]]\\fR
        } elseif {[regexp {^\*\*(.+?)\*\*(.*)$} $text -> strong text]} {
            append out \\fB[plain [string map {` {}} $strong]]\\fR
        } elseif {[regexp {^\*([^ *][^*]*)\*(.*)$} $text -> strong text]} {
            append out \\fI[plain [string map {` {}} $strong]]\\fR
        } elseif {[regexp {^!?\[((?:[^\]`]|`[^`]*`)*)\]\([^)]*\)(.*)$} $text -> label rest]} {
            append out [inline $label]
            set text $rest
        } elseif {[regexp {^\\(.)(.*)$} $text -> char text]} {
            append out [plain $char]
        } else {
            regexp {^(.[^`*!\[\\]*)(.*)$} $text -> some text
            append out [plain $some]
        }
    }
    return $out
}

# A line that no macro begins.
proc manual::line {text} {
    return [expr {[string index $text 0] in {. '} ? "\\&$text" : $text}]
}

# The cells of a line of a table; a bar inside code, or behind a backslash, parts none.
proc manual::cells {row} {
    set cells {}
    set cell {}
    set code 0
    foreach char [split [string range [string trim $row] 1 end-1] {}] {
        if {$char eq "`"} {
            set code [expr {!$code}]
        }
        if {$char eq "|" && !$code && [string index $cell end] ne "\\"} {
            lappend cells [string trim $cell]
            set cell {}
        } else {
            append cell $char
        }
    }
    return [lappend cells [string trim $cell]]
}

# A table is a list of terms: the first cell, then the others, each after its title where there are more than two.
proc manual::table {rows} {
    set titles [cells [lindex $rows 0]]
    set out {}
    foreach row [lrange $rows 2 end] {
        set told [lassign [cells $row] term]
        set texts {}
        foreach cell $told title [lrange $titles 1 end] {
            if {$cell eq ""} continue
            lappend texts [expr {[llength $titles] > 2 && $title ni {meaning {}} ? "[inline $title]: [inline $cell]" : [inline $cell]}]
        }
        lappend out .TP "\\&[inline $term]" [expr {[llength $texts] ? "\\&[join $texts {; }]" : "\\&"}]
    }
    return [lappend out .PP]
}

proc manual::page {name source summary} {
    set text [reference $source]
    set out [list ".\\\" Made by tools/manual.tcl from docs/$source.md." ".TH $name n \"\" nats \"Tcl packages\"" .SH\ NAME "$name \\- [plain $summary]"]
    # `fresh` is whether the next line begins a paragraph.
    set fresh 1
    set rows {}
    set code 0
    set begun 0
    foreach line [split $text \n] {
        if {[string match ```* $line]} {
            set code [expr {!$code}]
            lappend out {*}[expr {$code ? {.PP {.RS 4} .nf} : {.fi .RE .PP}}]
            continue
        }
        if {$code} {
            lappend out [line [expr {$line eq "" ? {\&} : [plain $line]}]]
            continue
        }
        if {[string match |* $line]} {
            lappend rows $line
            continue
        }
        if {$rows ne ""} {
            lappend out {*}[table $rows]
            set rows {}
        }
        if {[string match {<!--*} $line] || [string match {# *} $line]} {
            if {!$begun && [string match {# *} $line]} {
                lappend out {.SH DESCRIPTION}
                set begun 1
            }
            continue
        }
        if {[regexp {^## (.*)$} $line -> title]} {
            lappend out ".SH \"[string map {\" {}} [string toupper [regsub -all {\\f[BR]} [inline $title] {}]]]\""
            set fresh 1
        } elseif {[regexp {^#{3,} (.*)$} $line -> title]} {
            lappend out ".SS \"[string map {\" \\(dq} [inline $title]]\""
            set fresh 1
        } elseif {[regexp {^( *)- (.*)$} $line -> depth item]} {
            lappend out {.IP \(bu 2} "\\&[inline $item]"
            set fresh 0
        } elseif {[string trim $line] eq ""} {
            set fresh 1
        } else {
            if {$fresh && [lindex $out end] ne ".PP" && ![string match .S* [lindex $out end]]} {
                lappend out .PP
            }
            lappend out \\&[inline [string trim $line]]
            set fresh 0
        }
    }
    if {$rows ne ""} {
        lappend out {*}[table $rows]
    }
    lappend out {.SH "SEE ALSO"} [join [lmap other [names] {if {$other eq $name} continue; string cat "\\fB$other\\fR(n)"}] {, }]
    # An empty paragraph before a heading is one that nobody sees, and groff says so.
    return [regsub -all {(\n\.PP)+(?=\n\.(?:S[HS]|PP|TP|IP))} [join $out \n] {}]\n
}

proc manual::names {} {
    variable pages
    return [lmap {name source summary classes} $pages {set name}]
}

proc manual::write {folder} {
    variable pages
    file mkdir $folder
    foreach {name source summary classes} $pages {
        set file [open [file join $folder $name.n] w]
        fconfigure $file -encoding ascii -translation lf
        puts -nonewline $file [page $name $source $summary]
        close $file
    }
}

# What the tables of a dialect have and the pages have not.
proc manual::lacking {tables} {
    variable pages
    set lacking {}
    set all {}
    foreach {name source summary classes} $pages {
        set text($name) [reference $source]
        append all $text($name)
        foreach class $classes {
            set home($class) $name
        }
    }
    dict for {class rows} [dict get $tables classes] {
        set class [namespace tail $class]
        # One that no row names is where the reference names it.
        foreach {name source summary classes} $pages {
            if {![info exists home($class)] && [regexp "nats::$class\\M" $text($name)]} {
                set home($class) $name
            }
        }
        if {![info exists home($class)]} {
            lappend lacking "no page for nats::$class: give it a row in tools/manual.tcl"
            continue
        }
        dict for {method row} [dict get $rows methods] {
            # Private methods begin with a capital; `unknown` is TclOO's, and the names that it takes are the server's.
            if {$method ne "unknown" && [string is lower -strict [string index $method 0]] && ![regexp "\\m$method\\M" $text($home($class))]} {
                lappend lacking "$home($class): method $method of nats::$class"
            }
            foreach option [dict keys [dict get $row options]] {
                if {![regexp -- "-$option\\M" $all]} {
                    lappend lacking "$home($class): option -$option of nats::$class $method"
                }
            }
        }
    }
    foreach command [dict keys [dict get $tables commands]] {
        if {![regexp "\\m[namespace tail $command]\\M" $all]} {
            lappend lacking "command $command"
        }
    }
    return $lacking
}

if {[info exists argv0] && [file normalize $argv0] eq [file normalize [info script]]} {
    if {$argv eq "--check"} {
        source [file join $manual::root tools reference.tcl]
        set lacking {}
        foreach {dialect tables} [reference::tables] {
            lappend lacking {*}[manual::lacking $tables]
        }
        foreach line [lsort -unique $lacking] {
            puts stderr $line
        }
        exit [expr {[llength $lacking] > 0}]
    }
    manual::write {*}$argv
}
