# `make build` copies this file into build/nats<version>/ and puts the version of Cargo.toml in the place of the mark;
# here, where there is no library, it offers nothing.
if {[string match @* @VERSION@] || ![package vsatisfies [package provide Tcl] 8.6-]} return
package ifneeded nats @VERSION@ [list apply {{dir} {
    load [file join $dir libnats[info sharedlibextension]] Nats
    if {[file exists [file join $dir nats.tcl]]} {
        uplevel #0 [list source [file join $dir nats.tcl]]
    }
}} $dir]
