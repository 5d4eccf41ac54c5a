//! A trial as a child process of a study.

use super::Study;
use crate::data::cache;
use crate::error::{At, Result};
use crate::parent::PARENT;
use crate::trial::{Beat, State, TrialConfig, listen, newest};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

pub(super) struct Worker {
    pub(super) trial: TrialConfig,
    pub(super) child: Child,
    /// Where the trial stood when it was started.
    pub(super) before: State,
    pub(super) began: Instant,
    /// Gathers what it says on stderr; in memory, since the disk may be what it complains about.
    pub(super) said: JoinHandle<String>,
    beat: Arc<Mutex<Beat>>,
}

impl Worker {
    /// How far the trial is, as it last said.
    pub(super) fn beat(&self) -> Beat {
        newest(&self.beat)
    }
}

/// Starts a trial that may use so many cores.
pub(super) fn spawn(study: &Study<'_>, trial: TrialConfig, threads: usize) -> Result<Worker> {
    let before = State::read(&study.trial_directory(&trial.id()))?;
    let binary = this_program()?;
    let mut command = Command::new(&binary);
    if let Some(prepared) = cache::found() {
        command.env(cache::PREPARED, prepared);
    }
    let mut child = command
        .arg("trial")
        .arg("--study")
        .arg(&study.directory)
        .arg("--trial")
        .arg(trial.id())
        .arg("--threads")
        .arg(threads.to_string())
        .env(PARENT, std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .at("start", &binary)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let beat = stdout.map_or_else(Default::default, listen);
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            // A broken pipe ends the text early, no more.
            let _ = stderr.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    Ok(Worker { trial, child, before, began: Instant::now(), said, beat })
}

/// What to start for a trial: this very program, by its name where that still leads to it, as lists of
/// processes show it; a newer build may have taken its place meanwhile.
fn this_program() -> Result<PathBuf> {
    let named = std::env::current_exe().at("find", Path::new("this program"))?;
    let running = PathBuf::from("/proc/self/exe");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let file = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let there = file(&running);
        if there.is_some() && file(&named) != there {
            return Ok(running);
        }
    }
    Ok(named)
}

/// Asks all children to write a checkpoint and end, and waits for them.
pub(super) fn stop(workers: &mut Vec<Worker>) {
    for worker in workers.iter() {
        if let Some(pid) = i32::try_from(worker.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself meanwhile.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
    for worker in workers.iter_mut() {
        let _ = worker.child.wait();
    }
    workers.clear();
}
