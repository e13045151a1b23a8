//! The same bytes for async-nats as a client and for our parser and header reader: where both accept them, they read the same.
//!
//! A unit test with a socket, since async-nats takes its bytes from nothing else.

use super::header;
use super::parse::{Op, Parser};
use async_nats::{ConnectOptions, Event};
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A message as both clients show it. async-nats keeps no order of names.
#[derive(Debug, PartialEq)]
struct Seen {
    subject: String,
    reply: Option<String>,
    status: Option<u16>,
    description: String,
    headers: BTreeMap<String, Vec<String>>,
    payload: Vec<u8>,
}

/// Messages by the number of their subscription, in their order.
type Inboxes = BTreeMap<u64, Vec<Seen>>;

/// Subject of the message that ends what is played to a subscription.
const END: &str = "end-of-stream";

/// Time after which a run has failed.
const DEADLINE: Duration = Duration::from_secs(60);

fn ours(stream: &[u8]) -> Inboxes {
    let (mut parser, mut rest, mut inboxes) = (Parser::default(), stream, Inboxes::new());
    while let Some((op, taken)) = parser.next(rest).expect("it is the protocol") {
        rest = &rest[taken..];
        let Op::Message(head, body) = op else { continue };
        let (block, payload) = body.split_at(head.header_len);
        let mut headers = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in header::lines(block) {
            headers.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        inboxes.entry(head.sid).or_default().push(Seen {
            subject: header::text(head.subject).into_owned(),
            reply: (!head.reply.is_empty()).then(|| header::text(head.reply).into_owned()),
            status: header::status(block),
            description: header::description(block).into_owned(),
            headers,
            payload: payload.to_vec(),
        });
    }
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
    inboxes
}

impl From<async_nats::Message> for Seen {
    fn from(m: async_nats::Message) -> Seen {
        let mut headers = BTreeMap::new();
        for (name, values) in m.headers.iter().flat_map(|map| map.iter()) {
            headers.insert(name.to_string(), values.iter().map(|value| value.as_str().to_string()).collect());
        }
        Seen {
            subject: m.subject.to_string(),
            reply: m.reply.map(|reply| reply.to_string()),
            status: m.status.map(|status| status.as_u16()),
            description: m.description.unwrap_or_default(),
            headers,
            payload: m.payload.to_vec(),
        }
    }
}

/// What async-nats makes of a stream for the subscriptions 1 to `count`; `None` if it ends the connection.
fn theirs(stream: &[u8], pieces: &[usize], count: u64) -> Option<Inboxes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has an address").to_string();
        let outcome = async {
            tokio::select! {
                seen = watch(address, count) => seen,
                () = play(&listener, stream, pieces, count) => unreachable!("it ends with the client"),
            }
        };
        tokio::time::timeout(DEADLINE, outcome).await.expect("an outcome in time")
    })
}

async fn watch(address: String, count: u64) -> Option<Inboxes> {
    let (ended, mut end) = mpsc::unbounded_channel();
    let options = ConnectOptions::new().event_callback(move |event| {
        if matches!(event, Event::Disconnected) {
            ended.send(()).ok();
        }
        std::future::ready(())
    });
    let client = options.connect(address).await.expect("a connection");
    let mut subscribers = Vec::new();
    for sid in 1..=count {
        subscribers.push((sid, client.subscribe(format!("s{sid}")).await.expect("a subscription")));
    }
    let all = async {
        let mut inboxes = Inboxes::new();
        for (sid, subscriber) in &mut subscribers {
            loop {
                let message = subscriber.next().await?;
                if message.subject.as_str() == END {
                    break;
                }
                inboxes.entry(*sid).or_default().push(message.into());
            }
        }
        Some(inboxes)
    };
    tokio::select! {
        seen = all => seen,
        _ = end.recv() => None,
    }
}

/// A server that greets, waits for the subscriptions, and says what it has to.
async fn play(listener: &TcpListener, stream: &[u8], pieces: &[usize], count: u64) {
    let (mut socket, _) = listener.accept().await.expect("a client");
    socket.set_nodelay(true).expect("a TCP socket");
    let info =
        r#"{"server_id":"X","version":"2.10.0","host":"127.0.0.1","port":4222,"max_payload":1048576,"proto":1,"headers":true}"#;
    socket.write_all(format!("INFO {info}\r\n").as_bytes()).await.expect("it is read");
    let mut said = Vec::new();
    let times = |said: &[u8], word: &str| String::from_utf8_lossy(said).matches(word).count() as u64;
    while times(&said, "PING\r\n") < 1 {
        socket.read_buf(&mut said).await.expect("CONNECT and PING");
    }
    socket.write_all(b"PONG\r\n").await.expect("it is read");
    while times(&said, "SUB ") < count {
        socket.read_buf(&mut said).await.expect("the subscriptions");
    }
    let mut stream = stream.to_vec();
    for sid in 1..=count {
        stream.extend_from_slice(format!("MSG {END} {sid} 0\r\n\r\n").as_bytes());
    }
    let (mut rest, mut sizes) = (&stream[..], pieces.iter().cycle());
    while !rest.is_empty() {
        let piece;
        (piece, rest) = rest.split_at(sizes.next().map_or(1, |size| *size).min(rest.len()));
        // A client that refuses what it reads is gone before the end.
        if socket.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    std::future::pending().await
}

/// Numbers by chance, the same ones at each run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn text(&mut self, of: &str, most: usize) -> String {
        let chars: Vec<char> = of.chars().collect();
        (0..self.below(most + 1)).map(|_| chars[self.below(chars.len())]).collect()
    }

    /// Sizes of the pieces of a stream, some hundreds of them at most.
    fn pieces(&mut self, stream: &[u8]) -> Vec<usize> {
        let most = [7, 100, 5000][self.below(3)].max(stream.len() / 100);
        (0..64).map(|_| self.below(most) + 1).collect()
    }
}

/// What real servers said after the PONG of the handshake; `fuzz/record.tcl` made them.
#[test]
fn recorded() {
    let folder = std::path::Path::new(env!("PROJECT_ROOT")).join("fuzz/corpus/parser");
    let mut random = Random(1);
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("there are streams") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy();
        let bytes = std::fs::read(&path).expect("it can be read");
        // Whose credentials are refused gets no PONG.
        let greeted = bytes.windows(6).position(|six| six == b"PONG\r\n");
        let Some(greeted) = greeted.filter(|_| name.starts_with("recorded-")) else { continue };
        let stream = &bytes[greeted + 6..];
        let expected = ours(stream);
        assert!(!expected.is_empty());
        let most = *expected.keys().next_back().expect("there are messages");
        for _ in 0..5 {
            assert_eq!(theirs(stream, &random.pieces(stream), most).as_ref(), Some(&expected), "{name}");
        }
        count += 1;
    }
    assert!(count > 0);
}

/// Messages of all sorts that both clients accept, between everything else that a server says.
#[test]
fn made_up() {
    let graphic: String = ('!'..='~').filter(|c| *c != ':').collect();
    let value = format!("{graphic}:äя日🦀  ");
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut stream = Vec::new();
        for _ in 0..60 {
            let other =
                ["PING\r\n", "PONG\r\n", "+OK\r\n", "-ERR 'Permissions Violation'\r\n", "INFO {\"server_id\":\"Y\"}\r\n", ""];
            stream.extend_from_slice(random.pick(&other).as_bytes());
            let mut block = String::new();
            if random.below(3) > 0 {
                block =
                    format!("NATS/1.0{}\r\n", random.pick(&["", "", "", " 503", " 404 No Messages", " 100  Idle Heartbeat "]));
                for _ in 0..random.below(8) {
                    let name = if random.below(2) == 0 {
                        random.pick(&["Nats-Msg-Id", "nats-msg-id", "A", "a", "A"]).to_string()
                    } else {
                        format!("x{}", random.text(&graphic, 20))
                    };
                    let blanks = random.pick(&["", " ", "  ", "\t"]);
                    block += &format!("{name}:{blanks}{}{blanks}\r\n", random.text(&value, 30));
                }
                block += "\r\n";
            }
            let most = [0, 20, 60_000][random.below(3)];
            let payload = random.text("0123456789\r\n\0\u{7f}ÿ", most);
            let (sid, blank) = (random.below(3) + 1, random.pick(&[" ", "  "]));
            let subject = random.pick(&["a", "a.b.c", "ä.日", "a*.>b", "$JS.ACK.S.C.1.2.3.4.5", "\"'\\{"]);
            let reply = random.pick(&["", "", "_INBOX.x.1 ", "ä ", "7 "]);
            let (header_len, total_len) = (block.len(), block.len() + payload.len());
            let line = match header_len {
                0 => format!("MSG {subject}{blank}{sid} {reply}{blank}{total_len}\r\n"),
                _ => format!("HMSG {subject}{blank}{sid} {reply}{blank}{header_len} {total_len}\r\n"),
            };
            for part in [&line, &block, &payload, "\r\n"] {
                stream.extend_from_slice(part.as_bytes());
            }
        }
        assert_eq!(theirs(&stream, &random.pieces(&stream), 3), Some(ours(&stream)), "seed {seed}");
    }
}

/// One message with this header block, and one behind it.
fn with_block(block: &[u8]) -> Vec<u8> {
    let mut stream = format!("HMSG a 1 {} {}\r\n", block.len(), block.len() + 1).into_bytes();
    stream.extend_from_slice(block);
    stream.extend_from_slice(b"x\r\nMSG b 1 0\r\n\r\n");
    stream
}

/// Names and values of a message, in the order of their names.
fn pairs(seen: &Seen) -> Vec<(&str, &str)> {
    seen.headers.iter().flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.as_str()))).collect()
}

/// Names and values of a block.
type Pairs = &'static [(&'static str, &'static str)];

/// Header blocks for which async-nats ends the connection, and what we read.
const REFUSED: &[(&[u8], Pairs)] = &[
    // Latin-1, in a value, a name, a description.
    (b"NATS/1.0\r\nA: b\xe9\r\n\r\n", &[("A", "b\u{e9}")]),
    (b"NATS/1.0\r\nN\xe4me: x\r\n\r\n", &[("N\u{e4}me", "x")]),
    (b"NATS/1.0 409 caf\xe9\r\nA: 1\r\n\r\n", &[("A", "1")]),
    // Names beyond the visible characters of ASCII.
    (b"NATS/1.0\r\nMy Header: x\r\n\r\n", &[("My Header", "x")]),
    (b"NATS/1.0\r\nA : 1\r\n\r\n", &[("A", "1")]),
    ("NATS/1.0\r\nя: x\r\n\r\n".as_bytes(), &[("я", "x")]),
    (b"NATS/1.0\r\nA\x01: x\r\n\r\n", &[("A\u{1}", "x")]),
    (b"NATS/1.0\r\n A: 1\r\n\r\n", &[("A", "1")]),
    // A line without a colon.
    (b"NATS/1.0\r\nno colon\r\nA: 1\r\n\r\n", &[("A", "1")]),
    // A status of other than three digits.
    (b"NATS/1.0 x y\r\nA: 1\r\n\r\n", &[("A", "1")]),
    (b"NATS/1.0 1000\r\nA: 1\r\n\r\n", &[("A", "1")]),
    // A carriage return within a line: a panic there, which ends the client.
    (b"NATS/1.0\r\nA: x\ry\r\nB: 2\r\n\r\n", &[("A", "x\ry"), ("B", "2")]),
    // No block at all: a problem for us, too, but one of this message.
    (b"HTTP/1.1 200\r\nA: 1\r\n\r\n", &[("A", "1")]),
    (b"", &[]),
];

/// Header blocks that both accept, what we read and what async-nats does.
const OTHERWISE: &[(&[u8], Pairs, Pairs)] = &[
    // A continued line, which ADR-4 does not have.
    (b"NATS/1.0\r\nA: 1\r\n 2\r\nB: 3\r\n\r\n", &[("A", "1"), ("B", "3")], &[("A", "1 2"), ("B", "3")]),
    (b"NATS/1.0\r\nA: 1\r\n\tC: 2\r\n\r\n", &[("A", "1"), ("C", "2")], &[("A", "1\tC: 2")]),
    // Lines behind the empty one that ends the block.
    (b"NATS/1.0\r\nA: 1\r\n\r\nB: 2\r\n\r\n", &[("A", "1")], &[("A", "1"), ("B", "2")]),
    // An empty name.
    (b"NATS/1.0\r\n: x\r\nA: 1\r\n\r\n", &[("A", "1")], &[("", "x"), ("A", "1")]),
    // Blanks beyond those of ASCII around a value.
    ("NATS/1.0\r\nA: \u{a0}x\u{2003}\r\n\r\n".as_bytes(), &[("A", "\u{a0}x\u{2003}")], &[("A", "x")]),
];

#[test]
fn refused_by_async_nats_alone() {
    for (block, expected) in REFUSED {
        let stream = with_block(block);
        let shown = block.escape_ascii();
        let seen = &ours(&stream)[&1];
        assert_eq!((seen.len(), pairs(&seen[0])), (2, expected.to_vec()), "{shown}");
        assert_eq!(theirs(&stream, &[usize::MAX], 1), None, "{shown}");
    }
}

#[test]
fn read_otherwise_by_async_nats() {
    for (block, expected, other) in OTHERWISE {
        let stream = with_block(block);
        let shown = block.escape_ascii();
        assert_eq!(pairs(&ours(&stream)[&1][0]), expected.to_vec(), "{shown}");
        let seen = theirs(&stream, &[usize::MAX], 1).expect("a connection that stays");
        assert_eq!(pairs(&seen[&1][0]), other.to_vec(), "{shown}");
    }
}

/// Lines that are legal, and for which async-nats ends the connection.
#[test]
fn lines_refused_by_async_nats_alone() {
    let lines: [&[u8]; 6] = [
        b"msg a 1 1\r\nx\r\n",
        b"MSG\ta 1 1\r\nx\r\n",
        b"MSG a\t1 1\r\nx\r\n",
        b"MSG caf\xe9 1 1\r\nx\r\n",
        b"MSG a 1 r\xff 1\r\nx\r\n",
        b"-ERR '\xe9'\r\nMSG a 1 1\r\nx\r\n",
    ];
    for line in lines {
        assert_eq!(ours(line)[&1].len(), 1, "{}", line.escape_ascii());
        assert_eq!(theirs(line, &[usize::MAX], 1), None, "{}", line.escape_ascii());
    }
}
