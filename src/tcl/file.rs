//! File names as the commands of Tcl understand them (filename(n)).

use std::path::PathBuf;

/// The file that a script means by this name. In Tcl 8.6 a name that begins with `~` is one in a home folder; where there is no such user it is
/// left as it is, as Tcl 9 leaves all of them.
pub fn path(name: &str) -> PathBuf {
    #[cfg(not(tcl9))]
    if name.starts_with('~')
        && let Some(found) = in_home(name)
    {
        return found;
    }
    PathBuf::from(name)
}

#[cfg(not(tcl9))]
fn in_home(name: &str) -> Option<PathBuf> {
    use super::slots::stub;
    use super::{sys, text};
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: the name ends with NUL; the call initialises the DString, also when it finds no such user; it is copied and freed.
    unsafe {
        let mut found: sys::Tcl_DString = std::mem::zeroed();
        let translated = stub!(tcl_TranslateFileName(std::ptr::null_mut(), name.as_ptr(), &mut found));
        if translated.is_null() {
            return None;
        }
        let path = text::to_utf8(std::ffi::CStr::from_ptr(translated).to_bytes());
        stub!(tcl_DStringFree(&mut found));
        Some(PathBuf::from(path))
    }
}
