//! The local time zone (localtime_r(3)); Tcl's own `clock` loads for several milliseconds when it is first used.

/// Seconds by which local time is ahead of UTC at `secs` since the epoch, as the environment's `TZ` says now.
#[cfg(unix)]
pub fn local_offset(secs: i64) -> i32 {
    // SAFETY: `tm` is plain data that localtime_r fills in; both functions may be called from any thread.
    unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        let time = secs as libc::time_t;
        tzset();
        if libc::localtime_r(&time, &mut tm).is_null() { 0 } else { tm.tm_gmtoff as i32 }
    }
}

/// Seconds by which local time is ahead of UTC at `secs` since the epoch, as the environment's `TZ` says now.
#[cfg(windows)]
pub fn local_offset(secs: i64) -> i32 {
    // SAFETY: `local` and `utc` are plain data that the functions fill in; they may be called from any thread.
    let (local, utc) = unsafe {
        let (mut local, mut utc): (libc::tm, libc::tm) = std::mem::zeroed();
        let time = secs as libc::time_t;
        _tzset();
        if libc::localtime_s(&mut local, &time) != 0 || libc::gmtime_s(&mut utc, &time) != 0 {
            return 0;
        }
        (local, utc)
    };
    // Less than a day apart: over New Year's Eve the years differ, and the days of the year say nothing.
    let days = if local.tm_year == utc.tm_year { local.tm_yday - utc.tm_yday } else { local.tm_year - utc.tm_year };
    ((days * 24 + local.tm_hour - utc.tm_hour) * 60 + local.tm_min - utc.tm_min) * 60
}

#[cfg(unix)]
unsafe extern "C" {
    fn tzset();
}

#[cfg(windows)]
unsafe extern "C" {
    fn _tzset();
}
