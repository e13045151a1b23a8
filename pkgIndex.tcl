# `make build` makes the package's index of this file, the marks replaced by versions and the folder of the library; here, where
# there is no library, it offers nothing. Each version is a dialect: the product's version is dialect 2, the other one dialect 3.
if {[string match @* @VERSION@] || ![package vsatisfies [package provide Tcl] 8.6-]} return
apply {{dir versions} {
    # Tcl 9 has a library of its own; the folder holds those that it was built for.
    set name nats[info sharedlibextension]
    if {[package vsatisfies [package provide Tcl] 9.0-]} {
        set name tcl9$name
    }
    if {$::tcl_platform(platform) ne "windows"} {
        set name lib$name
    }
    set library [file join $dir $name]
    if {![file exists $library]} return
    foreach version $versions {
        package ifneeded nats $version [list apply {{dir library version} {
            # The library reads here which version it is to provide.
            namespace eval ::nats [list variable dialect $version]
            if {[catch {load $library Nats} message options]} {
                unset -nocomplain ::nats::dialect
                return -options $options $message
            }
            if {[file exists [file join $dir nats.tcl]]} {
                uplevel #0 [list source [file join $dir nats.tcl]]
            }
        }} $dir $library $version]
    }
}} @FOLDER@ {@VERSION@ @DIALECT3@}
