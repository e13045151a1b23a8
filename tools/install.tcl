# tclsh tools/install.tcl package-folder index prefix ?destdir?
# tclsh tools/install.tcl -remove package-folder prefix ?destdir?
#
# Copies the built package, with `index` as its pkgIndex.tcl, to the folder under `prefix` where this tclsh looks for packages
# without any setting, and the manual pages below `prefix`/share/man; says where. With `destdir` everything goes below it, for
# packagers. `-remove` takes away what the same call without it has put there.

package require Tcl 8.6-

# The folder for packages; `note` is told what the user has to do about it.
proc libraries {prefix note} {
    upvar 1 $note said
    set said {}
    # Compiled packages belong into lib; share is for packages that are only scripts.
    foreach pattern [list $prefix/lib/* $prefix/lib $prefix/*] {
        foreach folder $::auto_path {
            if {[string match $pattern $folder]} {
                return $folder
            }
        }
    }
    set said "Note: [info nameofexecutable] does not look under $prefix; set TCLLIBPATH=$prefix/lib to use the package."
    return $prefix/lib
}

# The manual pages that `make build` has written beside the package.
proc pages {source} {
    return [glob -nocomplain -directory [file join [file dirname $source] man] *.n]
}

proc install {source index prefix {destdir {}}} {
    if {![file exists [file join $source pkgIndex.tcl]]} {
        puts stderr "$source is not there; run make build first"
        exit 1
    }
    set prefix [file normalize $prefix]
    set folder $destdir[file join [libraries $prefix note] [file tail $source]]
    file mkdir $folder
    foreach file [glob -directory $source *] {
        file copy -force -- $file $folder
    }
    file copy -force -- $index [file join $folder pkgIndex.tcl]
    set manual $destdir$prefix/share/man/mann
    file mkdir $manual
    foreach page [pages $source] {
        file copy -force -- $page $manual
    }
    if {$note ne ""} {
        puts $note
    }
    puts "Installed $folder and [llength [pages $source]] pages in $manual"
}

proc remove {source prefix {destdir {}}} {
    set prefix [file normalize $prefix]
    set folder $destdir[file join [libraries $prefix note] [file tail $source]]
    if {![file exists [file join $folder pkgIndex.tcl]]} {
        puts stderr "$folder is not there"
        exit 1
    }
    file delete -force -- $folder
    foreach page [pages $source] {
        file delete -- $destdir$prefix/share/man/mann/[file tail $page]
    }
    puts "Removed $folder and its pages"
}

if {[lindex $argv 0] eq "-remove"} {
    remove {*}[lrange $argv 1 end]
} else {
    install {*}$argv
}
