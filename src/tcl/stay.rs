//! The library stays in memory until the process ends: it has threads that run its code. ELF has a mark for that, which build.rs
//! sets; elsewhere the loader is asked.

/// Asks the loader never to unmap the library; does nothing where it bears the mark.
pub(super) fn stay() {
    #[cfg(target_vendor = "apple")]
    // SAFETY: `info` is plain data that dladdr fills in; the handle is left open on purpose.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(stay as *const libc::c_void, &mut info) != 0 {
            libc::dlopen(info.dli_fname, libc::RTLD_LAZY | libc::RTLD_NODELETE);
        }
    }
    #[cfg(windows)]
    // SAFETY: an address within the library, and a place for its handle.
    unsafe {
        let mut module = std::ptr::null_mut();
        GetModuleHandleExW(PIN | FROM_ADDRESS, stay as *const u16, &mut module);
    }
}

#[cfg(windows)]
const PIN: u32 = 1;
#[cfg(windows)]
const FROM_ADDRESS: u32 = 4;

#[cfg(windows)]
#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetModuleHandleExW(flags: u32, address: *const u16, module: *mut *mut std::ffi::c_void) -> i32;
}
