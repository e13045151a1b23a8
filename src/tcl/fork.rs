//! Processes that fork (fork(2)): the child has the memory of its parent, but none of its other threads.

#[cfg(unix)]
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// Number of forks between the process that loaded the library and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

#[cfg(unix)]
static WATCHING: Once = Once::new();

#[cfg(unix)]
extern "C" fn in_child() {
    // Nothing else may be done here: the threads that held locks do not exist in this process.
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Number of this process in the line of forks. What was made under another number belongs to a parent.
pub fn generation() -> u32 {
    #[cfg(unix)]
    WATCHING.call_once(|| {
        // SAFETY: the handler only counts, and the library is never unloaded.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
    });
    FORKS.load(Ordering::Relaxed)
}
