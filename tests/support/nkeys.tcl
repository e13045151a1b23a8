# Key pairs and JWTs for the tests of authentication. They were made for these tests and open nothing else.
# The operator signs the account, the account signs the user; `expired_jwt` is the same user with an `exp` in 2023.

set nkeys [dict create]
dict set nkeys seed SUAMVZJFTETWAJ2SP43JXDBGVJUIEUUZLEMDWJP4E26W5BRYXZNKD6OJTQ
dict set nkeys public UBGIOCH37OB5F3NNGPLNAUC4JJUJKMQG4WRENW5SXVDHCIDAOCA7SLTW
dict set nkeys other_seed SUADZ5ASXSPWI2IAH2Z2P35NYTB7BEGBTI7L53ZHGBCU25K5U7UFUJGVME
dict set nkeys other_public UCVJ4JBTXZBFRGYPTOKEBDZZ2BABJZOU4JQZHQ4TRRAQCDHH2STTWCFR
dict set nkeys operator_jwt [join {
    eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiI3QVlZQkg3WEZGUFZMQUdYUDNTUlhQVEY3RUpKV01EQUNIU1dMVUd
    QSFQyTlZPSTc0TVJBIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJPRDZCS0VVTUQ0NUtISUpHQlNTUEZVSVdQQ01WNk83NFg2UlNKSUdENVVZN
    kFXNlQ2T1ZQRlg2TCIsIm5hbWUiOiJ0ZXN0IG9wZXJhdG9yIiwic3ViIjoiT0Q2QktFVU1ENDVLSElKR0JTU1BGVUlXUENNVjZPNzRYNlJTSkl
    HRDVVWTZBVzZUNk9WUEZYNkwiLCJuYXRzIjp7InR5cGUiOiJvcGVyYXRvciIsInZlcnNpb24iOjJ9fQ.mwuuCTGTXQcpVelmXBWHFTTSnOgkqD
    ujOp0OeDf1Qp9kBDO9-CViibzVCc9h184XN81xFcYnbsaZSSgiK87uBA
} ""]
dict set nkeys account AAZQTRLLLBAYNL62FYUXIVKA6PAONZOPSCNFFLI2PDNAH5W65QY4ANSL
dict set nkeys account_jwt [join {
    eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiI2N0VHQlBZNzUySUs2QlhURVo3VE1GT0dXSURMNE5MWU9EQk4zWk9
    GU1dVM0M0QVIzTjNBIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJPRDZCS0VVTUQ0NUtISUpHQlNTUEZVSVdQQ01WNk83NFg2UlNKSUdENVVZN
    kFXNlQ2T1ZQRlg2TCIsIm5hbWUiOiJ0ZXN0IGFjY291bnQiLCJzdWIiOiJBQVpRVFJMTExCQVlOTDYyRllVWElWS0E2UEFPTlpPUFNDTkZGTEk
    yUEROQUg1VzY1UVk0QU5TTCIsIm5hdHMiOnsibGltaXRzIjp7InN1YnMiOi0xLCJkYXRhIjotMSwicGF5bG9hZCI6LTEsImltcG9ydHMiOi0xL
    CJleHBvcnRzIjotMSwid2lsZGNhcmRzIjp0cnVlLCJjb25uIjotMSwibGVhZiI6LTF9LCJkZWZhdWx0X3Blcm1pc3Npb25zIjp7InB1YiI6e30
    sInN1YiI6e319LCJ0eXBlIjoiYWNjb3VudCIsInZlcnNpb24iOjJ9fQ.HGZ15wnO6hryqW8LXsgVm-wDBK8t-H81_uAam17FM3lslMzS9oMvuX
    jrbEioMvFtbU4JN800AI6148H2kFLpBQ
} ""]
dict set nkeys user_jwt [join {
    eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJSSUtJNzNJNVdUMlpQNUNZWlZBMlVUWlk0M1dWWjNOT0tKNlVHS05
    WWFFPRUszSEpKR1FRIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJBQVpRVFJMTExCQVlOTDYyRllVWElWS0E2UEFPTlpPUFNDTkZGTEkyUEROQ
    Ug1VzY1UVk0QU5TTCIsIm5hbWUiOiJ0ZXN0IHVzZXIiLCJzdWIiOiJVQkdJT0NIMzdPQjVGM05OR1BMTkFVQzRKSlVKS01RRzRXUkVOVzVTWFZ
    ESENJREFPQ0E3U0xUVyIsIm5hdHMiOnsicHViIjp7fSwic3ViIjp7fSwic3VicyI6LTEsImRhdGEiOi0xLCJwYXlsb2FkIjotMSwidHlwZSI6I
    nVzZXIiLCJ2ZXJzaW9uIjoyfX0.BBuGh1WM6FoKwvl77qGNo0_vMsBMuGY-tn_RNEzTgl3SQL4Zte_ghNybYb8UZeIpeEXy2ytiX-xM5PzMMaU
    1BA
} ""]
dict set nkeys expired_jwt [join {
    eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiIyRURWR1VVQUtCRjIySkVGT01STFFVU1lOWTRNSkRPTk43SFBCN1B
    UWTY0NVEzSTZFTklRIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJBQVpRVFJMTExCQVlOTDYyRllVWElWS0E2UEFPTlpPUFNDTkZGTEkyUEROQ
    Ug1VzY1UVk0QU5TTCIsIm5hbWUiOiJ0ZXN0IHVzZXIiLCJzdWIiOiJVQkdJT0NIMzdPQjVGM05OR1BMTkFVQzRKSlVKS01RRzRXUkVOVzVTWFZ
    ESENJREFPQ0E3U0xUVyIsIm5hdHMiOnsicHViIjp7fSwic3ViIjp7fSwic3VicyI6LTEsImRhdGEiOi0xLCJwYXlsb2FkIjotMSwidHlwZSI6I
    nVzZXIiLCJ2ZXJzaW9uIjoyfSwiZXhwIjoxNzAwMDAwMTAwfQ.wrJpnR6vb_LzVZdMbgKqv3WexrapbpiscVqP43sRAjru3-R97DpT2d7kJPhO
    WDIz-zST_8xOMjZyJQCrlSqtCA
} ""]

# The text of a `.creds` file (the format that `nsc` writes).
proc creds_text {jwt seed} {
    return [join [list \
        "-----BEGIN NATS USER JWT-----" $jwt "------END NATS USER JWT------" "" \
        "-----BEGIN USER NKEY SEED-----" $seed "------END USER NKEY SEED------" ""] \n]
}

# Server configuration that trusts the operator above.
proc operator_config {} {
    set keys $::nkeys
    return "operator: [dict get $keys operator_jwt]\nresolver: MEMORY\nresolver_preload: {\n[dict get $keys account]:\
        [dict get $keys account_jwt]\n}\n"
}
