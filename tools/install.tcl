# tclsh tools/install.tcl package-folder index prefix ?destdir?
#
# Copies the built package, with `index` as its pkgIndex.tcl, to the folder under `prefix` where this tclsh looks for packages
# without any setting, and says where. With `destdir` everything goes below it, for packagers.

package require Tcl 8.6-

lassign $argv source index prefix destdir
if {![file exists [file join $source pkgIndex.tcl]]} {
    puts stderr "$source is not there; run make build first"
    exit 1
}
set prefix [file normalize $prefix]
set target {}
# Compiled packages belong into lib; share is for packages that are only scripts.
foreach pattern [list $prefix/lib/* $prefix/lib $prefix/*] {
    foreach folder $auto_path {
        if {$target eq {} && [string match $pattern $folder]} {
            set target $folder
        }
    }
}
if {$target eq {}} {
    set target $prefix/lib
    puts "Note: [info nameofexecutable] does not look under $prefix; set TCLLIBPATH=$target to use the package."
}
set folder $destdir[file join $target [file tail $source]]
file mkdir $folder
foreach file [glob -directory $source *] {
    file copy -force -- $file $folder
}
file copy -force -- $index [file join $folder pkgIndex.tcl]
puts "Installed $folder"
