//! Ctrl-C and SIGTERM end a command cleanly; a second one ends it at once.

use crate::error::{At, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Watches for signals from now on; the returned function says whether one has come.
pub(super) fn watch() -> Result<impl Fn() -> bool> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())
            .and_then(|_| signal_hook::flag::register(signal, flag.clone()))
            .at("watch for", Path::new("signals"))?;
    }
    Ok(move || flag.load(Ordering::Relaxed))
}

/// Asks the system to send SIGTERM to this process when its parent dies, so that no trial outlives
/// its study. Elsewhere than on Linux a lease keeps a left-over trial from running twice.
pub(super) fn end_with_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
}
