//! Conversion between UTF-8 and Tcl's internal encoding, which writes NUL as two bytes and in Tcl 8.6 has no four-byte sequences.

use super::slots::stub;
use super::sys::{self, Size};

/// Whether bytes of valid UTF-8 differ from Tcl's internal encoding.
pub fn needs_conversion(utf8: &[u8]) -> bool {
    let four_byte_lead = if cfg!(tcl9) { u8::MAX } else { 0xF0 };
    utf8.iter().any(|&b| b == 0 || b >= four_byte_lead)
}

/// UTF-8 from the internal encoding by Tcl's converter; what still is not valid (a lone surrogate) becomes U+FFFD.
pub fn to_utf8(internal: &[u8]) -> String {
    // SAFETY: the DString is initialised by the conversion, copied and freed; "utf-8" exists in every Tcl.
    unsafe {
        let encoding = stub!(tcl_GetEncoding(std::ptr::null_mut(), c"utf-8".as_ptr()));
        let mut ds: sys::Tcl_DString = std::mem::zeroed();
        let s = stub!(tcl_UtfToExternalDString(encoding, internal.as_ptr().cast(), internal.len() as Size, &mut ds));
        let bytes = std::slice::from_raw_parts(s.cast::<u8>(), ds.length as usize);
        let text = String::from_utf8_lossy(bytes).into_owned();
        stub!(tcl_DStringFree(&mut ds));
        stub!(tcl_FreeEncoding(encoding));
        text
    }
}

/// The low 8 bits of each character of a string in the internal encoding; `None` in Tcl 9, where characters over
/// 255 are an error.
pub fn low_bytes(internal: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(internal.len());
    let mut rest = internal;
    while let Some((&lead, tail)) = rest.split_first() {
        let extra = match lead {
            0xC0..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xF7 => 3,
            _ => 0,
        };
        let whole = tail.len() >= extra && tail[..extra].iter().all(|b| b & 0xC0 == 0x80);
        if extra == 0 || !whole {
            out.push(lead);
            rest = tail;
            continue;
        }
        let code = tail[..extra].iter().fold(u32::from(lead) & (0x3F >> extra), |code, b| code << 6 | u32::from(b & 0x3F));
        if code > 0xFF && cfg!(tcl9) {
            return None;
        }
        if code > 0xFFFF {
            // Tcl 8.6 counts such a character as two: a surrogate pair.
            out.push(((code - 0x1_0000) >> 10) as u8);
        }
        out.push(code as u8);
        rest = &tail[extra..];
    }
    Some(out)
}
