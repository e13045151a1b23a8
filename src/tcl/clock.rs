//! The local time zone (localtime_r(3)); Tcl's own `clock` loads for several milliseconds when it is first used.

/// Seconds by which local time is ahead of UTC at `secs` since the epoch, as the environment's `TZ` says now.
pub fn local_offset(secs: i64) -> i32 {
    // SAFETY: `tm` is plain data that localtime_r fills in; both functions may be called from any thread.
    unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        let time = secs as libc::time_t;
        tzset();
        if libc::localtime_r(&time, &mut tm).is_null() { 0 } else { tm.tm_gmtoff as i32 }
    }
}

unsafe extern "C" {
    fn tzset();
}
