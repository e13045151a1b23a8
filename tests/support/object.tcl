# Helpers of the object_*.test files; sourced after harness.tcl. Tests share one server per file: each begins with the bucket b and leaves none.

# Opens a connection to url: sets conn and js (with these suffixes) in the caller.
proc object_open {url {suffix ""} args} {
    upvar 1 conn$suffix conn js$suffix js
    set conn [nats::connection new -log_level error]
    $conn configure -servers $url -reconnect_time_wait 50 -max_reconnect_attempts -1 {*}$args
    $conn connect
    set js [$conn jet_stream]
}

# What most tests begin with: conn, js, and os, the object of the bucket b.
proc object_setup {args} {
    uplevel 1 {object_open [$srv url]}
    upvar 1 js js os os
    set os [$js create_object_store b -storage memory {*}$args]
    return
}

# What most tests end with: all objects and buckets are gone.
proc object_cleanup {} {
    upvar 1 srv srv
    foreach name {os os2 js js2 conn conn2} {
        upvar 1 $name var
        if {[info exists var]} {
            catch {$var destroy}
            unset var
        }
    }
    if {![$srv running]} {
        $srv restart
    }
    object_open [$srv url]
    foreach stream [$js stream_names] {
        $js delete_stream $stream
    }
    $conn destroy
    $js destroy
    unset -nocomplain ::seen ::outcome ::log ::amid
    return
}

# The fields of an info that a test can know beforehand.
proc brief {info} {
    list [dict get $info name] [dict get $info size] [dict get $info chunks] [dict get $info revision] [dict get $info deleted]
}

proc briefs {infos} {
    lmap info $infos {brief $info}
}

# Number of chunks that a bucket holds, by what they belong to.
proc chunks_of {js {bucket b}} {
    set kept {}
    set state [dict get [$js stream_info OBJ_$bucket] state]
    if {![dict get $state messages]} {
        return {}
    }
    for {set seq [dict get $state first_seq]} {$seq <= [dict get $state last_seq]} {incr seq} {
        if {![catch {$js stream_direct_get OBJ_$bucket -seq $seq} msg]} {
            if {[regexp {^\$O\.[^.]+\.C\.(.*)$} [dict get $msg subject] match nuid]} {
                dict incr kept $nuid
            }
        }
    }
    return $kept
}

# The chunks of a bucket are those of its objects, no more and no less.
proc sound {js os {bucket b}} {
    set wanted {}
    foreach info [$os list] {
        if {[dict get $info chunks]} {
            dict set wanted [dict get $info nuid] [dict get $info chunks]
        }
    }
    set kept [chunks_of $js $bucket]
    expr {[lsort -stride 2 $kept] eq [lsort -stride 2 $wanted] ? "sound" : "kept {$kept} wanted {$wanted}"}
}

# Bytes without a pattern that could hide an exchange of chunks.
proc bytes {count {seed 1}} {
    set words {}
    set x $seed
    for {set i 0} {$i < $count} {incr i 4} {
        set x [expr {($x * 1103515245 + 12345) & 0x7fffffff}]
        lappend words $x
    }
    return [string range [binary format i* $words] 0 $count-1]
}

proc note {name args} {
    lappend ::$name $args
}

# For -progress: runs a script at the first call, as an event, and sets ::amid. A put that it is to meet has some 20,000 chunks: hundreds of them
# take a few milliseconds.
proc amid {script args} {
    if {![info exists ::amid]} {
        set ::amid 0
        after 0 "$script; set ::amid 1"
    }
}

proc write_file {path data} {
    set file [open $path wb]
    puts -nonewline $file $data
    close $file
}

proc read_file {path} {
    set file [open $path rb]
    set data [read $file]
    close $file
    return $data
}
