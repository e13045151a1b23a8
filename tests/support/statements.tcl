# Tables in docs/*-statements.md: one row for each statement of a document, its last column, `tests`, with the names of the tests that
# prove it. A name may have wildcards: it then stands for the tests that a loop of its file makes. In a table whose first heading is `fault` each
# other cell is a statement of its own, with the names among its words.

namespace eval ::statements {
    variable known
}

proc ::statements::ReadText {path} {
    set file [open $path]
    fconfigure $file -encoding utf-8
    try {
        return [read $file]
    } finally {
        close $file
    }
}

# List `statement names ...` of the page docs/<page>-statements.md. Rows of headings, `| **...** | |`, are left out.
proc ::statements::rows {page} {
    set rows {}
    set headings {}
    foreach line [split [ReadText [file join $::harness::root docs $page-statements.md]] \n] {
        if {[string match {| fault |*} $line]} {
            set headings [Cells $line]
        } elseif {![string match |* $line]} {
            set headings {}
        } elseif {[llength $headings]} {
            lappend rows {*}[CellsAsRows $headings [Cells $line]]
        } elseif {[regexp {^\| (.*) \| ?(.*?) ?\|$} $line -> statement names] && $names ne "tests" && ![regexp {^\*\*[^*]+\*\*[ |]*$} $statement]} {
            lappend rows $statement $names
        }
    }
    return $rows
}

proc ::statements::Cells {line} {
    return [lmap cell [lrange [split $line |] 1 end-1] {string trim $cell}]
}

# A line of a table of faults as `statement names ...`, one for each cell but the first. A cell may say why it does not apply.
proc ::statements::CellsAsRows {headings cells} {
    if {[regexp {^-+$} [lindex $cells 0]]} {
        return {}
    }
    set rows {}
    foreach heading [lrange $headings 1 end] cell [lrange $cells 1 end] {
        if {![regexp {^does not apply: \w} $cell]} {
            lappend rows "[lindex $cells 0]: $heading" [regexp -all -inline {\m[a-z]\w*-\d[\w.*]*[\w*]} $cell]
        }
    }
    return $rows
}

# Dict `topic patterns` of what the test files name after themselves. What a file puts together from a variable or a counter, such as
# `topic-1.[incr n]`, is a glob pattern, and so is a bare `topic-1`, to which a procedure of the file appends the rest.
proc ::statements::Known {} {
    variable known
    if {[info exists known]} {
        return $known
    }
    set known [dict create]
    foreach path [glob -directory [file join $::harness::root tests] *.test] {
        set topic [file rootname [file tail $path]]
        regsub -all -line {^\s*#.*$} [ReadText $path] {} text
        set part {(?:[\w.]|\$\w+|\$\{[^\}]*\}|\[[^\]]*\])+}
        foreach name [lsort -unique [regexp -all -inline "\\m${topic}-$part" $text]] {
            regsub -all {\$\w+|\$\{[^\}]*\}|\[[^\]]*\]} $name * name
            dict lappend known $topic [expr {[regexp {^[^*.]+$} $name] ? "$name.*" : $name}]
        }
    }
    return $known
}

proc ::statements::Exists {name} {
    set topic [regsub -- {-.*} $name {}]
    if {![dict exists [Known] $topic]} {
        return 0
    }
    foreach pattern [dict get [Known] $topic] {
        if {[string match $pattern $name] || [string match $name $pattern]} {
            return 1
        }
    }
    return 0
}

# Names of the page's tables that no test file has.
proc ::statements::missing_tests {page} {
    set missing {}
    foreach {statement names} [rows $page] {
        foreach name $names {
            if {![Exists $name]} {
                lappend missing $name
            }
        }
    }
    return [lsort -unique $missing]
}

# Statements without a test.
proc ::statements::unproved {page} {
    lmap {statement names} [rows $page] {expr {[string trim $names] eq "" ? $statement : [continue]}}
}

# Words, as `-option` or `method`, that no statement of the page has in backquotes.
proc ::statements::without_row {page words} {
    set text [join [dict keys [rows $page]] \n]
    lmap word $words {
        expr {[regexp "`(?:\[^`]*\[^`\\w-])?[string map {- {\-}} $word]\\M" $text] ? [continue] : $word}
    }
}

# Names that more than one test has.
proc ::statements::repeated_tests {} {
    set seen [dict create]
    foreach path [glob -directory [file join $::harness::root tests] *.test] {
        foreach {match name} [regexp -all -inline -line {^\s*test ([a-z0-9_]+-[0-9.]+) } [ReadText $path]] {
            dict incr seen $name
        }
    }
    return [dict keys [dict filter $seen script {name count} {expr {$count > 1}}]]
}
