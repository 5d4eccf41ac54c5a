//! Ctrl-C and SIGTERM end a command cleanly.

use crate::error::{At, Result};
use crate::parent::PARENT;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the next signal ends the process at once. What signals do is done in the order of registration:
/// [`exit_at_once`] reads this first. Then an impatient [`watch`] sets it, so that the second signal ends the
/// process.
static AT_ONCE: AtomicBool = AtomicBool::new(true);

/// From now on, and until [`watch`], a signal ends the process at once, with exit code 130. It leaves what a
/// killed one leaves: files are complete or absent, and locks free.
pub(crate) fn exit_at_once() {
    for signal in [SIGINT, SIGTERM] {
        // Otherwise the system ends it, with a code of its own.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, &AT_ONCE);
    }
}

/// Watches for signals from now on; the returned function says whether one has come. With
/// `impatient`, a second signal ends the process at once. A trial is patient: from a terminal it gets
/// the signal twice, by itself and from its study, and it needs the time to write a checkpoint.
pub(super) fn watch(impatient: bool) -> Result<impl Fn() -> bool> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        if impatient {
            signal_hook::flag::register(signal, &AT_ONCE).at("watch for", Path::new("signals"))?;
        }
        signal_hook::flag::register(signal, flag.clone()).at("watch for", Path::new("signals"))?;
    }
    AT_ONCE.store(false, Ordering::SeqCst);
    Ok(move || flag.load(Ordering::Relaxed))
}

/// Asks the system to send SIGTERM to this process when the study that started it dies, so that no
/// trial outlives its study. Elsewhere than on Linux a lease keeps a left-over trial from running twice.
pub(super) fn end_with_study() {
    #[cfg(target_os = "linux")]
    if let Some(parent) = std::env::var(PARENT).ok().and_then(|pid| pid.parse::<i32>().ok()) {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        let _ = set_parent_process_death_signal(Some(Signal::TERM));
        if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
            // It died before we asked.
            std::process::exit(130);
        }
    }
}
