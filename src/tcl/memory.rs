//! Memory that a flood has left behind.

/// Gives what is free back to the system, where the C library keeps it otherwise (malloc_trim(3)). Takes about a
/// millisecond for each 8 MiB.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: plain call.
    unsafe {
        libc::malloc_trim(0);
    }
}
