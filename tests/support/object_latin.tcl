# Helpers of the object_latin*.test files, which speak of names that nats.js has encoded by their Latin-1 bytes; sourced after object.tcl.

proc subject_in {encoding name} {
    return "\$O.b.M.[string map {+ - / _} [binary encode base64 [encoding convertto $encoding $name]]]"
}
# A meta as another client publishes it; the acknowledgement says that it is stored. Its sequence.
proc meta {conn encoding name json} {
    set reply [$conn request [subject_in $encoding $name] [encoding convertto utf-8 $json] -header {Nats-Rollup sub} -timeout 5000]
    regexp {"seq": ?(\d+)} $reply -> seq
    return $seq
}
# An object of another client, in two chunks: `iso8859-1` for nats.js, `utf-8` for the rest. The sequence of its meta.
proc foreign {conn encoding name nuid} {
    foreach chunk {one two} {
        $conn request \$O.b.C.$nuid $chunk -timeout 5000
    }
    meta $conn $encoding $name "{\"name\":\"$name\",\"bucket\":\"b\",\"nuid\":\"$nuid\",\"size\":6,\"chunks\":2}"
}
# A deletion, and a link, of nats.js.
proc foreign_gone {conn name {nuid gone}} {
    $conn request \$JS.API.STREAM.PURGE.OBJ_b "{\"filter\":\"\$O.b.C.$nuid\"}" -timeout 5000
    meta $conn iso8859-1 $name "{\"name\":\"$name\",\"bucket\":\"b\",\"nuid\":\"$nuid\",\"size\":0,\"chunks\":0,\"deleted\":true}"
}
proc foreign_link {conn name target} {
    meta $conn iso8859-1 $name "{\"name\":\"$name\",\"bucket\":\"b\",\"options\":{\"link\":{\"bucket\":\"b\",\"name\":\"$target\"}}}"
}
# Where there are metas: `js` or `own` for each of the name, in their order, `more` for others.
proc places {js name} {
    set state [dict get [$js stream_info OBJ_b] state]
    set out {}
    for {set seq [dict get $state first_seq]} {$seq <= [dict get $state last_seq]} {incr seq} {
        if {[catch {dict get [$js stream_msg_get OBJ_b -seq $seq] subject} subject] || ![string match {$O.b.M.*} $subject]} continue
        lappend out [expr {$subject eq [subject_in utf-8 $name] ? "own" : $subject eq [subject_in iso8859-1 $name] ? "js" : "more"}]
    }
    return $out
}
# The names that a watch shows at first; those of deleted objects with a minus.
proc watched {os args} {
    unset -nocomplain ::seen
    set id [$os watch -callback {note seen} {*}$args]
    wait_until {[info exists ::seen] && [lindex $::seen end 0] eq "end_of_initial_data"}
    $os unwatch $id
    lmap call [lrange $::seen 0 end-1] {string cat [expr {[dict get [lindex $call 1] deleted] ? "-" : ""}] [dict get [lindex $call 1] name]}
}
# How often the name is there: by the list, a watch, the status; and whether the chunks are those of the list.
proc counted {js os} {
    list [lmap info [$os list -deleted 1] {dict get $info name}] [watched $os] [dict get [$os status] objects] [sound $js $os]
}
