//! The server's side of the protocol, read incrementally: nothing is copied, and memory is never promised by what a line says.

use memchr::memchr;

/// Length of the longest control line that is not an INFO.
pub const MAX_CONTROL_LINE: usize = 64 * 1024;

/// Length of the longest INFO line: it names every server of a cluster.
pub const MAX_INFO_LINE: usize = 1 << 20;

/// Size of the largest message with its headers: the ceiling of nats-server's own `max_payload`.
pub const MAX_MESSAGE: usize = 64 << 20;

/// Least size of a message that is collected in memory of its own if it has not arrived whole.
pub const LARGE: usize = 32 * 1024;

/// Why bytes are not the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A control line without an end within its limit.
    LongLine,
    /// A line that begins with no verb of the server's.
    UnknownVerb,
    /// A message line with too few or too many words, or a subscription that is no number.
    Arguments,
    /// A length that is no number, or a header length beyond the whole.
    Length,
    /// A message beyond [`MAX_MESSAGE`].
    TooLarge,
    /// A payload that is not followed by CR LF.
    PayloadEnd,
}

/// The control line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Subject, as it came.
    pub subject: &'a [u8],
    /// Number of the subscription.
    pub sid: u64,
    /// Reply subject; empty if there is none.
    pub reply: &'a [u8],
    /// Length of the header block; 0 if there is none.
    pub header_len: usize,
    /// Length of header block and payload.
    pub total_len: usize,
}

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op<'a> {
    /// A message: its line, then header block and payload.
    Message(Head<'a>, &'a [u8]),
    /// The line of a large message: `total_len` bytes and CR LF follow, which the caller collects.
    Large(Head<'a>),
    /// INFO with its JSON.
    Info(&'a [u8]),
    /// `-ERR` with its text as it came.
    Error(&'a [u8]),
    /// PING
    Ping,
    /// PONG
    Pong,
    /// `+OK`
    Ok,
}

/// Remembers how much of an unfinished line has been searched for its end.
#[derive(Debug, Default)]
pub struct Parser {
    searched: usize,
}

impl Parser {
    /// Takes the operation at the front of `input`, with the number of bytes it took. `None`: it is not there whole; the caller
    /// calls again with the same bytes and more.
    ///
    /// # Errors
    /// What makes the bytes no protocol; there is no way to go on after that.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Result<Option<(Op<'a>, usize)>, Fault> {
        let from = self.searched.min(input.len());
        let Some(at) = memchr(b'\n', &input[from..]) else {
            self.searched = input.len();
            let info = input.len() < 4 || input[..4].eq_ignore_ascii_case(b"INFO");
            let limit = if info { MAX_INFO_LINE } else { MAX_CONTROL_LINE };
            // The last byte may be the CR of the line's end.
            let line = input.strip_suffix(b"\r").unwrap_or(input);
            return if line.len() > limit { Err(Fault::LongLine) } else { Ok(None) };
        };
        let end = from + at;
        self.searched = end;
        let line = &input[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let verb_end = line.iter().position(|b| is_blank(*b)).unwrap_or(line.len());
        let (verb, rest) = line.split_at(verb_end);
        let is = |word: &[u8]| verb.eq_ignore_ascii_case(word);
        let info = is(b"INFO");
        if line.len() > if info { MAX_INFO_LINE } else { MAX_CONTROL_LINE } {
            return Err(Fault::LongLine);
        }
        let op = if is(b"MSG") {
            match self.message(head(rest, false)?, &input[end + 1..])? {
                Some((op, taken)) => return Ok(Some((op, end + 1 + taken))),
                None => return Ok(None),
            }
        } else if is(b"HMSG") {
            match self.message(head(rest, true)?, &input[end + 1..])? {
                Some((op, taken)) => return Ok(Some((op, end + 1 + taken))),
                None => return Ok(None),
            }
        } else if is(b"PING") {
            Op::Ping
        } else if is(b"PONG") {
            Op::Pong
        } else if is(b"+OK") {
            Op::Ok
        } else if is(b"-ERR") {
            Op::Error(rest.trim_ascii())
        } else if info {
            Op::Info(rest.trim_ascii())
        } else {
            return Err(Fault::UnknownVerb);
        };
        self.searched = 0;
        Ok(Some((op, end + 1)))
    }

    /// What follows the line of a message.
    fn message<'a>(&mut self, head: Head<'a>, after: &'a [u8]) -> Result<Option<(Op<'a>, usize)>, Fault> {
        let whole = head.total_len + 2;
        if after.len() >= whole {
            self.searched = 0;
            let (body, end) = after[..whole].split_at(head.total_len);
            return if end == b"\r\n" { Ok(Some((Op::Message(head, body), whole))) } else { Err(Fault::PayloadEnd) };
        }
        if head.total_len >= LARGE {
            self.searched = 0;
            return Ok(Some((Op::Large(head), 0)));
        }
        Ok(None)
    }
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// `subject sid [reply] length`, with headers `subject sid [reply] header_length length`.
fn head(line: &[u8], headers: bool) -> Result<Head<'_>, Fault> {
    let mut words: [&[u8]; 5] = [b""; 5];
    let mut count = 0;
    for word in line.split(|b| is_blank(*b)).filter(|word| !word.is_empty()) {
        *words.get_mut(count).ok_or(Fault::Arguments)? = word;
        count += 1;
    }
    let lengths = if headers { 2 } else { 1 };
    let (reply, lengths): (&[u8], &[&[u8]]) = match count - lengths.min(count) {
        2 => (b"", &words[2..count]),
        3 => (words[2], &words[3..count]),
        _ => return Err(Fault::Arguments),
    };
    let total_len = length(lengths[lengths.len() - 1])?;
    let header_len = if headers { length(lengths[0])? } else { 0 };
    if header_len > total_len {
        return Err(Fault::Length);
    }
    let sid = number(words[1]).ok_or(Fault::Arguments)?;
    Ok(Head { subject: words[0], sid, reply, header_len, total_len })
}

fn length(digits: &[u8]) -> Result<usize, Fault> {
    let whole = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !whole {
        return Err(Fault::Length);
    }
    // More digits than fit are simply too many.
    let value = number(digits).and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= MAX_MESSAGE);
    value.ok_or(Fault::TooLarge)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}
