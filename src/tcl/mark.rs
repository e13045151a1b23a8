//! Marks on values, which tell what a text was read from, until somebody reads it as something else (Tcl_ObjType(3)).

use std::sync::OnceLock;

use super::obj::Obj;
use super::sys;

/// What a value is, where its text does not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing at all, whatever word stands for it.
    Nothing,
    /// A text, even if it looks like a number or a word of some notation.
    Text,
    /// A list without elements, for which Tcl has no type.
    NoItems,
}

const MARKS: [Mark; 3] = [Mark::Nothing, Mark::Text, Mark::NoItems];

/// Present form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// With a mark.
    Marked(Mark),
    /// As a dict.
    Dict,
    /// As a list.
    List,
    /// In another way.
    Other,
}

struct Types([sys::Tcl_ObjType; MARKS.len()]);

// SAFETY: constant data.
unsafe impl Send for Types {}
// SAFETY: constant data.
unsafe impl Sync for Types {}

/// Values of these types always have their text, nothing to free and nothing of their own to copy: no procedure is needed.
fn types() -> &'static [sys::Tcl_ObjType; MARKS.len()] {
    static TYPES: OnceLock<Types> = OnceLock::new();
    let named = |name: &'static std::ffi::CStr| {
        // SAFETY: all fields are pointers, function pointers or numbers, for which zero means none.
        let mut kind: sys::Tcl_ObjType = unsafe { std::mem::zeroed() };
        kind.name = name.as_ptr().cast_mut();
        kind
    };
    &TYPES.get_or_init(|| Types([named(c"marked nothing"), named(c"marked text"), named(c"marked list")])).0
}

impl Obj {
    /// A text with a mark.
    pub fn marked(text: &str, mark: Mark) -> Obj {
        let value = Obj::text(text);
        let kind = &types()[mark as usize];
        // SAFETY: the value is new, nobody else refers to it, it has a string and no type yet.
        unsafe { (*value.as_ptr()).typePtr = kind };
        value
    }

    /// Form of the value.
    pub fn shape(&self) -> Shape {
        // SAFETY: live while `self` is.
        let kind = unsafe { (*self.as_ptr()).typePtr };
        if let Some(mark) = types().iter().position(|marked| std::ptr::eq(kind, marked)) {
            return Shape::Marked(MARKS[mark]);
        }
        match self.type_name() {
            Some(name) if name == c"dict" => Shape::Dict,
            Some(name) if name == c"list" => Shape::List,
            _ => Shape::Other,
        }
    }
}
