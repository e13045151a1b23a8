# A certificate authority and certificates for the tests of TLS, made with the openssl command in a folder of the test.

testConstraint openssl [expr {[auto_execok openssl] ne ""}]

proc openssl {args} {
    # It talks on stderr when all is well, too.
    if {[catch {exec openssl {*}$args 2>@1} output]} {
        error "openssl [lindex $args 0]: $output"
    }
    return $output
}

proc write_text {path text} {
    set file [open $path w]
    puts $file $text
    close $file
}

# A self-signed authority `name`: name.pem and name.key.
proc make_ca {folder name} {
    set base [file join $folder $name]
    write_text $base.cnf "\[req\]\ndistinguished_name = dn\nx509_extensions = ca\nprompt = no\n\[dn\]\nCN = $name\n\[ca\]\
        \nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash\n"
    openssl ecparam -name prime256v1 -genkey -noout -out $base.key
    openssl req -x509 -new -sha256 -key $base.key -days 2 -config $base.cnf -out $base.pem
}

# A certificate `name` signed by `ca` for the names (subjectAltName); name.pem and name.key. `days` may be negative.
proc make_cert {folder name ca names {days 2}} {
    set base [file join $folder $name]
    set ca [file join $folder $ca]
    write_text $base.cnf "\[req\]\ndistinguished_name = dn\nprompt = no\n\[dn\]\nCN = $name\n"
    write_text $base.ext "basicConstraints = CA:FALSE\nkeyUsage = digitalSignature\
        \nextendedKeyUsage = serverAuth,clientAuth\nsubjectAltName = $names\n"
    openssl ecparam -name prime256v1 -genkey -noout -out $base.key
    openssl req -new -sha256 -key $base.key -config $base.cnf -out $base.csr
    openssl x509 -req -sha256 -in $base.csr -CA $ca.pem -CAkey $ca.key -set_serial [clock microseconds] -days $days \
        -extfile $base.ext -out $base.pem
}

# The tls block of a server's configuration.
proc tls_config {folder name args} {
    set base [file join $folder $name]
    set lines [list "cert_file: \"$base.pem\"" "key_file: \"$base.key\"" {*}$args]
    return "tls: {\n[join $lines \n]\n}\n"
}
