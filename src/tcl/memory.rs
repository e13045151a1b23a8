//! Memory left behind by a flood.

/// Returns free memory to the system, which the C library would keep (malloc_trim(3)). Takes about a
/// millisecond for each 8 MiB.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: plain call.
    unsafe {
        libc::malloc_trim(0);
    }
}
