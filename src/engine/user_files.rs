//! Files that a script names for a connection: certificates, keys, credentials. They come in the forms in which people have them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use tokio::time::{Instant, timeout_at};

/// Size of the largest file that is read. A device may have no end.
const LARGEST: u64 = 16 << 20;

/// Byte order mark of UTF-8, with which Windows programs begin a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Does on another thread what may wait for a file, such as a pipe that nobody writes to. `None` if the time is over.
pub(super) async fn aside<T: Send + 'static>(deadline: Option<Instant>, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let working = tokio::task::spawn_blocking(work);
    let worked = match deadline {
        Some(deadline) => timeout_at(deadline, working).await.ok()?,
        None => working.await,
    };
    match worked {
        Ok(result) => Some(result),
        Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(_) => None,
    }
}

/// The bytes of a file; those of a text in UTF-16 that says so are turned into UTF-8, the form in which it is read on.
///
/// # Errors
/// What the system says, or that it is too large.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(match unmarked(&bytes) {
        Cow::Owned(text) => text,
        Cow::Borrowed(text) if text.len() < bytes.len() => text.to_vec(),
        Cow::Borrowed(_) => bytes,
    })
}

/// The lines of a file without the blanks around them. What is no UTF-8 is replaced: it can only be a comment.
///
/// # Errors
/// As [`bytes()`].
pub(super) fn lines(path: &Path) -> io::Result<Vec<String>> {
    let bytes = bytes(path)?;
    Ok(String::from_utf8_lossy(&bytes).split(['\n', '\r']).map(|line| line.trim().to_string()).collect())
}

fn unmarked(bytes: &[u8]) -> Cow<'_, [u8]> {
    let decoded = |of: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| of([pair[0], pair[1]]));
        let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        Cow::Owned(text.into_bytes())
    };
    match bytes {
        [0xff, 0xfe, ..] => decoded(u16::from_le_bytes),
        [0xfe, 0xff, ..] => decoded(u16::from_be_bytes),
        _ => Cow::Borrowed(bytes.strip_prefix(MARK).unwrap_or(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        assert_eq!(&*unmarked(b"\xef\xbb\xbfa"), b"a");
        assert_eq!(&*unmarked(b"\xff\xfea\0\r\0\n\0"), b"a\r\n");
        assert_eq!(&*unmarked(b"\xfe\xff\0a\x20\xac\0"), "a\u{20ac}".as_bytes());
        assert_eq!(&*unmarked(b"\xff\xfe\0\xd8"), "\u{fffd}".as_bytes());
        for same in [&b""[..], b"a", b"\xff", b"\xef\xbb", b"a\xef\xbb\xbf"] {
            assert_eq!(&*unmarked(same), same);
        }
    }
}
