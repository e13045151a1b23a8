//! Tests of the parser: every verb, every limit, every way to cut the bytes.

use super::parse::{Fault, LARGE, MAX_CONTROL_LINE, MAX_INFO_LINE, MAX_MESSAGE};
use crate::engine::fuzz_checks::replay as run;

const STREAM: &[u8] = b"INFO {\"a\":1}\r\n+OK\r\nMSG a.b 7 3\r\nxyz\r\nping\r\nmsg\ta  7\tr.r   0\r\n\r\nHMSG h 12 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPong\r\n-ERR 'No way'\r\n-err\r\nHMSG h 1 rep 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\n";

fn expected() -> Vec<String> {
    [
        "INFO {\"a\":1}",
        "Ok",
        "a.b 7 [] 0/3:xyz",
        "Ping",
        "a 7 [r.r] 0/0:",
        "h 12 [] 12/14:NATS/1.0\r\n\r\nhi",
        "Pong",
        "-ERR 'No way'",
        "-ERR ",
        "h 1 [rep] 12/12:NATS/1.0\r\n\r\n",
        "Ping",
    ]
    .map(str::to_string)
    .to_vec()
}

#[test]
fn whole_and_byte_by_byte() {
    assert_eq!(run(STREAM, &[usize::MAX]), (expected(), None));
    assert_eq!(run(STREAM, &[1]), (expected(), None));
}

#[test]
fn random_cuts() {
    // A small generator of pseudo-random numbers: the same cuts at each run.
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % 9 + 1
    };
    for _ in 0..500 {
        let pieces: Vec<usize> = (0..STREAM.len()).map(|_| random()).collect();
        assert_eq!(run(STREAM, &pieces), (expected(), None));
    }
}

#[test]
fn large_messages() {
    let body = "y".repeat(LARGE);
    let stream = format!("MSG a 1 {}\r\n{body}\r\nPING\r\n", LARGE);
    let expected = vec![format!("a 1 [] 0/{LARGE}:{body}"), "Ping".to_string()];
    for size in [usize::MAX, 1000, 1] {
        assert_eq!(run(stream.as_bytes(), &[size]), (expected.clone(), None));
    }
}

#[test]
fn faults() {
    let fault = |text: &str| run(text.as_bytes(), &[usize::MAX]).1;
    for text in ["\r\n", "FOO\r\n", "MSGa 1 2\r\n", "HTTP/1.1 200 OK\r\n", " PING\r\n", "OK\r\n", "\0\r\n"] {
        assert_eq!(fault(text), Some(Fault::UnknownVerb), "{text}");
    }
    for text in ["MSG\r\n", "MSG a\r\n", "MSG a 1\r\n", "MSG a 1 r 2 3\r\n", "HMSG a 1 2\r\n", "HMSG a 1 r 2 3 4\r\n"] {
        assert_eq!(fault(text), Some(Fault::Arguments), "{text}");
    }
    for text in ["MSG a 1 -1\r\n", "MSG a 1 +1\r\n", "MSG a 1 0x1\r\n", "MSG a 1 x\r\n", "HMSG a 1 3 2\r\n", "HMSG a 1 -1 2\r\n"]
    {
        assert_eq!(fault(text), Some(Fault::Length), "{text}");
    }
    for n in ["99999999999999999999999", "18446744073709551616", "4294967296", &(MAX_MESSAGE + 1).to_string()] {
        assert_eq!(fault(&format!("MSG a 1 {n}\r\n")), Some(Fault::TooLarge), "{n}");
    }
    assert_eq!(fault("MSG a 1 2\r\nabcd"), Some(Fault::PayloadEnd));
    assert_eq!(fault("MSG a 1 2\r\nab\n\nPING"), Some(Fault::PayloadEnd));
}

#[test]
fn limits_of_lines() {
    let line = |verb: &str, length: usize| format!("{verb}{}", "x".repeat(length - verb.len()));
    let fault = |text: String| run(text.as_bytes(), &[4096]).1;
    assert_eq!(fault(line("-ERR ", MAX_CONTROL_LINE + 2)), Some(Fault::LongLine));
    assert_eq!(fault(line("-ERR ", MAX_CONTROL_LINE)), None);
    assert_eq!(fault(line("INFO ", MAX_INFO_LINE + 2)), Some(Fault::LongLine));
    assert_eq!(fault(line("INFO ", MAX_INFO_LINE) + "\r\n"), None);
    assert_eq!(fault(line("MSG ", MAX_CONTROL_LINE + 1) + "\r\n"), Some(Fault::LongLine));
}

/// The longest lines are lines also where a read ends between their CR and LF.
#[test]
fn longest_lines_in_pieces() {
    for (verb, length) in [("-ERR ", MAX_CONTROL_LINE), ("INFO ", MAX_INFO_LINE)] {
        let stream = format!("{verb}{}\r\n", "x".repeat(length - verb.len()));
        for size in [usize::MAX, length, length + 1, 4096] {
            let (told, fault) = run(stream.as_bytes(), &[size]);
            assert_eq!((told.len(), fault), (1, None), "{verb}in pieces of {size}");
        }
    }
}

#[test]
fn numbers_of_subscriptions() {
    for text in ["MSG a x 0\r\n\r\n", "MSG a 18446744073709551616 0\r\n\r\n", "MSG a -1 0\r\n\r\n"] {
        assert_eq!(run(text.as_bytes(), &[64]).1, Some(Fault::Arguments), "{text}");
    }
    assert_eq!(run(b"MSG a 18446744073709551615 0\r\n\r\n", &[64]).0, ["a 18446744073709551615 [] 0/0:"]);
}
