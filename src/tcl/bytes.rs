//! Long values of bytes: made piece by piece in their own memory, and read piece by piece while scripts run in between.

use std::ptr;

use super::obj::Obj;
use super::slots::stub;
use super::sys::Size;

/// Greatest number of bytes of one value.
pub const MOST: u64 = Size::MAX as u64;

/// Number of bytes up to which memory is reserved for what is announced.
const RESERVED: usize = 64 << 20;

/// A byte array that is being made. Nobody else sees it before it is whole.
pub struct Growing {
    value: Obj,
    data: *mut u8,
    filled: usize,
    room: usize,
    announced: usize,
}

impl Growing {
    /// None of so many bytes.
    pub fn new(announced: u64) -> Growing {
        let announced = announced.min(MOST) as usize;
        let mut growing = Growing { value: Obj::bytes(&[]), data: ptr::null_mut(), filled: 0, room: 0, announced };
        growing.resize(announced.min(RESERVED));
        growing
    }

    /// Adds bytes.
    ///
    /// # Panics
    /// If there are more than [`MOST`] then.
    pub fn extend(&mut self, bytes: &[u8]) {
        let filled = self.filled + bytes.len();
        assert!(filled as u64 <= MOST, "a value of {filled} bytes");
        if filled > self.room {
            self.resize(filled.max(self.room.saturating_mul(2).min(self.announced)));
        }
        // SAFETY: the value has room for them behind those that are there, and nobody else knows its memory.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.data.add(self.filled), bytes.len()) };
        self.filled = filled;
    }

    /// The value.
    pub fn finish(mut self) -> Obj {
        self.resize(self.filled);
        self.value
    }

    fn resize(&mut self, room: usize) {
        // SAFETY: ours is the only reference to the value, a byte array; its bytes stay where the result says until the next call.
        self.data = unsafe { stub!(tcl_SetByteArrayLength(self.value.as_ptr(), room as Size)) };
        self.room = room;
    }
}

/// Where the bytes of a value are.
enum Place {
    /// In the byte array that it is.
    Array,
    /// In its string, which is ASCII.
    Text,
    /// Here.
    Copy(Vec<u8>),
}

/// The bytes of a value as [`Obj::with_bytes`] shows them, piece by piece. Scripts may use the value in between.
pub struct Pieces {
    value: Obj,
    place: Place,
    len: usize,
}

impl Pieces {
    /// Those of this value; `None` if it has a character that is no byte.
    pub fn of(value: &Obj) -> Option<Pieces> {
        let value = value.clone();
        let (place, len) = if value.is_byte_array() {
            (Place::Array, value.byte_count()?)
        } else if value.raw_str().is_ascii() {
            (Place::Text, value.raw_str().len())
        } else {
            let copy = value.with_bytes(<[u8]>::to_vec)?;
            let len = copy.len();
            (Place::Copy(copy), len)
        };
        Some(Pieces { value, place, len })
    }

    /// Number of bytes.
    pub fn count(&self) -> usize {
        self.len
    }

    /// Lets `f` see the bytes from `at` on, at most `most`; none behind the end.
    ///
    /// # Panics
    /// As [`Obj::with_bytes`].
    pub fn at<R>(&mut self, at: usize, most: usize, f: impl FnOnce(&[u8]) -> R) -> R {
        if matches!(self.place, Place::Array) && !self.value.is_byte_array() {
            // A script has made something else of the value: it has the same bytes, but not as an array.
            self.place = Place::Copy(self.value.with_bytes(<[u8]>::to_vec).unwrap_or_default());
        }
        let part = |bytes: &[u8]| {
            let begin = at.min(bytes.len());
            f(&bytes[begin..begin.saturating_add(most).min(bytes.len())])
        };
        match &self.place {
            Place::Text => part(self.value.raw_str()),
            Place::Copy(copy) => part(copy),
            Place::Array => self.value.with_array(part),
        }
    }
}
