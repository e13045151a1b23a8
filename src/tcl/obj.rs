//! `Obj`: a counted reference to a Tcl value (Tcl_Obj(3)), with conversions from and to Rust.

use std::borrow::Cow;
use std::ffi::CStr;
use std::os::raw::c_char;
use std::ptr::NonNull;
use std::slice;

use super::lent::{Lent, none_lent};
use super::slots::stub;
use super::sys::{self, Size};
use super::text;

/// A counted reference to a Tcl value. Not `Send`: values belong to their thread.
#[repr(transparent)]
pub struct Obj(NonNull<sys::Tcl_Obj>);

impl Clone for Obj {
    fn clone(&self) -> Self {
        // SAFETY: the pointer is live while `self` is.
        unsafe { Obj::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for Obj {
    fn drop(&mut self) {
        // SAFETY: we own one reference; Tcl frees the value with the last one, as its macro does.
        unsafe {
            let obj = self.0.as_ptr();
            (*obj).refCount -= 1;
            if (*obj).refCount <= 0 {
                stub!(tclFreeObj(obj));
            }
        }
    }
}

impl Obj {
    /// Takes a new reference to the value.
    ///
    /// # Safety
    /// `obj` points to a live Tcl value of this thread.
    pub unsafe fn from_raw(obj: *mut sys::Tcl_Obj) -> Obj {
        // SAFETY: live by the caller's promise.
        unsafe {
            (*obj).refCount += 1;
            Obj(NonNull::new_unchecked(obj))
        }
    }

    /// Takes over a reference that the caller has.
    ///
    /// # Safety
    /// As [`Obj::from_raw`], and one of the value's references is the caller's.
    pub(super) unsafe fn adopt(obj: *mut sys::Tcl_Obj) -> Obj {
        // SAFETY: live by the caller's promise.
        unsafe { Obj(NonNull::new_unchecked(obj)) }
    }

    /// The C pointer; valid as long as `self`.
    pub fn as_ptr(&self) -> *mut sys::Tcl_Obj {
        self.0.as_ptr()
    }

    /// An empty value.
    pub fn empty() -> Obj {
        // SAFETY: Tcl_NewObj always gives a live value.
        unsafe { Obj::from_raw(stub!(tcl_NewObj())) }
    }

    /// A value made of Rust text.
    pub fn text(s: &str) -> Obj {
        if text::needs_conversion(s.as_bytes()) {
            return converted(s.as_bytes());
        }
        // SAFETY: Tcl copies `len` bytes, which are valid in its internal encoding.
        unsafe { Obj::from_raw(stub!(tcl_NewStringObj(s.as_ptr().cast(), s.len() as Size))) }
    }

    /// A byte array.
    pub fn bytes(b: &[u8]) -> Obj {
        // SAFETY: Tcl copies `len` bytes.
        unsafe { Obj::from_raw(stub!(tcl_NewByteArrayObj(b.as_ptr(), b.len() as Size))) }
    }

    /// Text from bytes that should be UTF-8; other bytes come out as Tcl's own converter has them.
    pub fn utf8(b: &[u8]) -> Obj {
        match std::str::from_utf8(b) {
            Ok(s) => Obj::text(s),
            Err(_) => converted(b),
        }
    }

    /// A whole number.
    pub fn int(i: i64) -> Obj {
        // SAFETY: plain constructor.
        unsafe { Obj::from_raw(stub!(tcl_NewWideIntObj(i))) }
    }

    /// A whole number that may need all 64 bits.
    pub fn uint(i: u64) -> Obj {
        i64::try_from(i).map_or_else(|_| Obj::text(&i.to_string()), Obj::int)
    }

    /// `true` or `false`, as words.
    pub fn bool(b: bool) -> Obj {
        Obj::text(if b { "true" } else { "false" })
    }

    /// A list of the values.
    pub fn list(items: &[Obj]) -> Obj {
        // SAFETY: `Obj` is a transparent pointer, so the slice is an array of pointers; Tcl takes references of its own.
        unsafe { Obj::from_raw(stub!(tcl_NewListObj(items.len() as Size, items.as_ptr().cast()))) }
    }

    /// A list of texts.
    pub fn text_list<S: AsRef<str>>(items: &[S]) -> Obj {
        let items: Vec<Obj> = items.iter().map(|s| Obj::text(s.as_ref())).collect();
        Obj::list(&items)
    }

    /// An empty dict, to be filled with [`Obj::put`].
    pub fn dict() -> Obj {
        // SAFETY: plain constructor.
        unsafe { Obj::from_raw(stub!(tcl_NewDictObj())) }
    }

    /// Sets a key of a dict. Other references to the value keep it as it was; a value that is no dict is left alone.
    pub fn put(&mut self, key: &Obj, value: &Obj) {
        self.unshare();
        // SAFETY: both values are live, and nobody else refers to the dict; a null interp asks for no message.
        unsafe { stub!(tcl_DictObjPut(std::ptr::null_mut(), self.as_ptr(), key.as_ptr(), value.as_ptr())) };
    }

    /// [`Obj::put`] with a text as key.
    pub fn put_text(&mut self, key: &str, value: &Obj) {
        self.put(&Obj::text(key), value);
    }

    /// Appends to a list. Other references to the value keep it as it was.
    pub fn append(&mut self, value: &Obj) {
        self.unshare();
        // SAFETY: both values are live, and nobody else refers to the list.
        unsafe { stub!(tcl_ListObjAppendElement(std::ptr::null_mut(), self.as_ptr(), value.as_ptr())) };
    }

    /// Makes this the only reference to its value, by a copy if it is not.
    fn unshare(&mut self) {
        // SAFETY: live while `self` is; Tcl_DuplicateObj gives a new value.
        unsafe {
            if (*self.as_ptr()).refCount > 1 {
                *self = Obj::from_raw(stub!(tcl_DuplicateObj(self.as_ptr())));
            }
        }
    }

    /// The string in Tcl's internal encoding.
    pub fn raw_str(&self) -> &[u8] {
        let mut len: Size = 0;
        // SAFETY: conversions to other types leave the string where it is. Only a change of the value frees it, and nobody
        // changes one that others refer to: neither Tcl nor `put` and `append`, which need the only reference, and `&mut` of it.
        unsafe {
            let s = stub!(tcl_GetStringFromObj(self.as_ptr(), &mut len));
            slice::from_raw_parts(s.cast::<u8>(), len as usize)
        }
    }

    /// The value as Rust text.
    pub fn as_text(&self) -> Cow<'_, str> {
        let raw = self.raw_str();
        match std::str::from_utf8(raw) {
            Ok(s) => Cow::Borrowed(s),
            Err(_) => Cow::Owned(text::to_utf8(raw)),
        }
    }

    /// The value as owned Rust text.
    pub fn to_text(&self) -> String {
        self.as_text().into_owned()
    }

    /// Lets `f` see the value as bytes, one per character, as a binary channel would write it: up to Tcl 8.6 the low 8 bits of
    /// each; from 9.0 on a character over 255 has none, and the result is `None`.
    ///
    /// # Panics
    /// If `f` uses a value or an interpreter: that might convert this value and free its bytes.
    pub fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if !self.is_byte_array() {
            let raw = self.raw_str();
            return if raw.is_ascii() { Some(f(raw)) } else { text::low_bytes(raw).map(|bytes| f(&bytes)) };
        }
        Some(self.with_array(f))
    }

    /// Whether the value is a byte array.
    pub(super) fn is_byte_array(&self) -> bool {
        self.type_name() == Some(c"bytearray")
    }

    /// Lets `f` see the bytes of a byte array; none if it is something else.
    ///
    /// # Panics
    /// As [`Obj::with_bytes`].
    pub(super) fn with_array<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        if !self.is_byte_array() {
            return f(&[]);
        }
        let mut len: Size = 0;
        // SAFETY: the type says byte array; nothing can convert the value before the guard goes.
        unsafe {
            #[cfg(not(tcl9))]
            let bytes = stub!(tcl_GetByteArrayFromObj(self.as_ptr(), &mut len));
            // The older function is a macro there, its slot empty in 9.0.
            #[cfg(tcl9)]
            let bytes = stub!(tcl_GetBytesFromObj(std::ptr::null_mut(), self.as_ptr(), &mut len));
            let _lent = Lent::new();
            f(if len == 0 { &[] } else { slice::from_raw_parts(bytes, len as usize) })
        }
    }

    /// The number of bytes of [`Obj::with_bytes`].
    pub fn byte_count(&self) -> Option<usize> {
        self.with_bytes(<[u8]>::len)
    }

    pub(super) fn type_name(&self) -> Option<&CStr> {
        // SAFETY: a value's type is static data of Tcl or an extension, its name a C string.
        unsafe {
            let kind = (*self.as_ptr()).typePtr;
            if kind.is_null() { None } else { Some(CStr::from_ptr((*kind).name as *const c_char)) }
        }
    }

    /// Whether the text matches the pattern, as in `string match`.
    pub fn matches(&self, pattern: &Obj) -> bool {
        let (text, pattern) = (self.raw_str(), pattern.raw_str());
        // SAFETY: string representations end with a NUL, and nothing changes them here.
        unsafe { stub!(tcl_StringCaseMatch(text.as_ptr().cast(), pattern.as_ptr().cast(), 0)) != 0 }
    }

    /// Whether the string is empty.
    pub fn is_empty(&self) -> bool {
        self.raw_str().is_empty()
    }

    /// The value as a whole number of 64 bits with sign, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        none_lent();
        let mut wide: sys::Tcl_WideInt = 0;
        // SAFETY: a null interp asks for no message.
        let code = unsafe { stub!(tcl_GetWideIntFromObj(std::ptr::null_mut(), self.as_ptr(), &mut wide)) };
        // Up to 2^64 Tcl takes a number and wraps it. What needs more than 63 bits has this type by now.
        (code == sys::OK && self.type_name() != Some(c"bignum")).then_some(wide)
    }

    /// Whether the value parses as a list.
    pub fn is_list(&self) -> bool {
        none_lent();
        let mut size: Size = 0;
        // SAFETY: as in `as_int`.
        unsafe { stub!(tcl_ListObjLength(std::ptr::null_mut(), self.as_ptr(), &mut size)) == sys::OK }
    }

    /// The value as a boolean, if Tcl takes it as one.
    pub fn as_bool(&self) -> Option<bool> {
        none_lent();
        let mut flag = 0;
        // SAFETY: as in `as_int`.
        let code = unsafe { stub!(tcl_GetBooleanFromObj(std::ptr::null_mut(), self.as_ptr(), &mut flag)) };
        (code == sys::OK).then_some(flag != 0)
    }

    /// The elements, if the value is a list.
    pub fn as_list(&self) -> Option<Vec<Obj>> {
        none_lent();
        let mut count: Size = 0;
        let mut items: *mut *mut sys::Tcl_Obj = std::ptr::null_mut();
        // SAFETY: on success `items` points to `count` live values, of which we take references at once.
        unsafe {
            let code = stub!(tcl_ListObjGetElements(std::ptr::null_mut(), self.as_ptr(), &mut count, &mut items));
            if code != sys::OK {
                return None;
            }
            Some((0..count as usize).map(|i| Obj::from_raw(*items.add(i))).collect())
        }
    }

    /// The pairs in their order, if the value is a dict.
    pub fn as_dict(&self) -> Option<Vec<(Obj, Obj)>> {
        none_lent();
        // The value must outlive the search, whatever else refers to it.
        let dict = self.clone();
        let mut pairs = Vec::new();
        // SAFETY: the search is ended in every case; values are referenced before it goes on.
        unsafe {
            let mut search: sys::Tcl_DictSearch = std::mem::zeroed();
            let (mut key, mut value, mut done) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
            let code = stub!(tcl_DictObjFirst(std::ptr::null_mut(), dict.as_ptr(), &mut search, &mut key, &mut value, &mut done));
            if code != sys::OK {
                return None;
            }
            while done == 0 {
                pairs.push((Obj::from_raw(key), Obj::from_raw(value)));
                stub!(tcl_DictObjNext(&mut search, &mut key, &mut value, &mut done));
            }
            stub!(tcl_DictObjDone(&mut search));
        }
        Some(pairs)
    }

    /// The value of a key of a dict; `None` if it has none or is no dict.
    pub fn get(&self, key: &Obj) -> Option<Obj> {
        none_lent();
        let mut value = std::ptr::null_mut();
        // SAFETY: on success `value` is null or live.
        unsafe {
            let code = stub!(tcl_DictObjGet(std::ptr::null_mut(), self.as_ptr(), key.as_ptr(), &mut value));
            (code == sys::OK && !value.is_null()).then(|| Obj::from_raw(value))
        }
    }

    /// Whether the value parses as a dict.
    pub fn is_dict(&self) -> bool {
        none_lent();
        let mut size: Size = 0;
        // SAFETY: as in `as_int`.
        unsafe { stub!(tcl_DictObjSize(std::ptr::null_mut(), self.as_ptr(), &mut size)) == sys::OK }
    }
}

/// Text from UTF-8 by Tcl's converter: any bytes are taken.
fn converted(bytes: &[u8]) -> Obj {
    // Tcl 8.6 looks beyond the end for the rest of a truncated character: it must find nothing there.
    let padded = [bytes, &[0; 4]].concat();
    // SAFETY: the DString is initialised by the conversion, copied into the value and freed; "utf-8" exists in every Tcl.
    unsafe {
        let encoding = stub!(tcl_GetEncoding(std::ptr::null_mut(), c"utf-8".as_ptr()));
        let mut ds: sys::Tcl_DString = std::mem::zeroed();
        let s = stub!(tcl_ExternalToUtfDString(encoding, padded.as_ptr().cast(), bytes.len() as Size, &mut ds));
        let obj = Obj::from_raw(stub!(tcl_NewStringObj(s, ds.length)));
        stub!(tcl_DStringFree(&mut ds));
        stub!(tcl_FreeEncoding(encoding));
        obj
    }
}
