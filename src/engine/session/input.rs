//! Bytes that have come and have not been parsed yet.

use crate::engine::wire::parse::{Fault, Op, Parser};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Size of the read buffer: as much as one read brings under load.
const SIZE: usize = 64 * 1024;

/// Room that must be left to make a read worthwhile.
const LEAST_ROOM: usize = 4 * 1024;

/// The read buffer. It grows for a line that is longer, never by what a line says.
#[derive(Debug)]
pub(in crate::engine) struct Input {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    parser: Parser,
}

impl Input {
    pub fn new() -> Input {
        Input { buf: vec![0; SIZE], start: 0, end: 0, parser: Parser::default() }
    }

    /// The next operation; `None` if it has not come whole.
    pub fn next(&mut self) -> Result<Option<Op<'_>>, Fault> {
        let Input { buf, start, end, parser } = self;
        Ok(parser.next(&buf[*start..*end])?.map(|(op, taken)| {
            *start += taken;
            op
        }))
    }

    /// The next line, or as much of it as has come.
    pub fn line(&self) -> &[u8] {
        let rest = &self.buf[self.start..self.end];
        &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())]
    }

    /// Takes up to `most` bytes that are there.
    pub fn take(&mut self, most: usize) -> &[u8] {
        let from = self.start;
        self.start = self.end.min(from + most);
        &self.buf[from..self.start]
    }

    /// Whether bytes are there.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Reads once; 0 at the end of the stream. Nothing is lost if it is given up.
    pub async fn read<R: AsyncRead + Unpin>(&mut self, r: &mut R) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // A long INFO is no reason to keep its memory.
            if self.buf.len() > SIZE {
                self.buf = vec![0; SIZE];
            }
        } else if self.buf.len() - self.end < LEAST_ROOM {
            self.buf.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.buf.len() - self.end < LEAST_ROOM {
                self.buf.resize(self.buf.len() * 2, 0);
            }
        }
        let n = r.read(&mut self.buf[self.end..]).await?;
        self.end += n;
        Ok(n)
    }
}
