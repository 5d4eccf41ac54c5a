//! The local executor: trials as child processes, some at a time, until none is left.

use super::Study;
use super::display::Display;
use crate::error::{At, Error, Result};
use crate::files::{remove_if_present, write_json};
use crate::trial::{Failure, FailureKind, Lease, State, TrialConfig};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The environment variable that names the study that started a trial, by its process number.
pub(crate) const PARENT: &str = "SCALING_PARENT";
/// A trial whose process is killed from outside is started at most this many times per run of the study.
const ATTEMPTS: u32 = 3;

struct Worker {
    trial: TrialConfig,
    child: Child,
    /// Gathers what it says on stderr; in memory, since the disk may be what it complains about.
    said: JoinHandle<String>,
}

/// Runs all trials of a study that have not ended, `jobs` at a time, each with its share of the cores.
///
/// # Errors
/// [`Error::Interrupted`] if `interrupted` says so (children have written checkpoints),
/// [`Error::Input`] if a trial reports unusable input or an output disk that cannot be written.
pub fn execute(study: &Study<'_>, jobs: usize, interrupted: &dyn Fn() -> bool) -> Result<()> {
    let threads = (crate::device::cores() / jobs.max(1)).max(1);
    let mut workers: Vec<Worker> = Vec::new();
    let mut attempts: BTreeMap<String, u32> = BTreeMap::new();
    let mut trials = study.trials()?;
    // Retry what failed in an earlier run; a guided search waits for these before the next shard.
    let failed = trials.iter().filter(|(_, state)| matches!(state, State::Failed(_)) && !state.is_settled());
    for (trial, _) in failed {
        remove_if_present(&study.trial_directory(&trial.id()).join("error.json"))?;
    }
    trials = study.trials()?;
    // A report knows a trial by its configuration, also where that was lost.
    for (trial, _) in trials.iter().filter(|(_, state)| *state != State::Pending) {
        study.enlist(trial)?;
    }
    let mut display = Display::new(study, &trials)?;
    let mut first = true;
    let mut looked = Instant::now();
    loop {
        if interrupted() {
            stop(&mut workers);
            display.close();
            return Err(Error::Interrupted(format!(
                "interrupted; run the same command again to go on ({} holds what is done)",
                study.directory.display()
            )));
        }
        let mut ended = std::mem::take(&mut first);
        for index in (0..workers.len()).rev() {
            if workers[index].child.try_wait().at("wait for a trial in", &study.directory)?.is_some() {
                let worker = workers.swap_remove(index);
                if let Err(error) = conclude(study, worker, &mut attempts) {
                    stop(&mut workers);
                    display.close();
                    return Err(error);
                }
                ended = true;
            }
        }
        if ended {
            trials = study.trials()?;
            display.update(study, &trials)?;
        }
        // `next` reads the leases of all open trials, so not at every tick.
        let look = ended || looked.elapsed() > Duration::from_millis(500);
        while look && workers.len() < jobs.max(1) {
            looked = Instant::now();
            match next(study, &trials, &workers, &attempts)? {
                Some(trial) => {
                    study.enlist(&trial)?;
                    *attempts.entry(trial.id()).or_default() += 1;
                    workers.push(spawn(study, trial, threads)?);
                }
                None => break,
            }
        }
        if workers.is_empty() {
            display.close();
            return Ok(());
        }
        display.tick(workers.iter().map(|w| &w.trial));
        std::thread::sleep(Duration::from_millis(if ended { 1 } else { 4 }));
    }
}

/// The next trial to start: one that nobody runs if there is one, else one that another worker on
/// this directory runs (the child waits for its lease and then finds the result).
fn next(
    study: &Study<'_>,
    trials: &[(TrialConfig, State)],
    workers: &[Worker],
    attempts: &BTreeMap<String, u32>,
) -> Result<Option<TrialConfig>> {
    let mut elsewhere = None;
    for (trial, state) in trials {
        let id = trial.id();
        // Failures of earlier runs are retried; diverged trials are results.
        let spent = attempts.get(&id).is_some_and(|n| *n >= ATTEMPTS || matches!(state, State::Failed(_)));
        if state.is_settled() || spent || workers.iter().any(|w| w.trial == *trial) {
            continue;
        }
        if !Lease::is_held(&study.trial_directory(&id))? {
            return Ok(Some(trial.clone()));
        }
        elsewhere.get_or_insert_with(|| trial.clone());
    }
    Ok(elsewhere)
}

fn spawn(study: &Study<'_>, trial: TrialConfig, threads: usize) -> Result<Worker> {
    let directory = study.trial_directory(&trial.id());
    // Left by an earlier run; a new failure writes its own.
    remove_if_present(&directory.join("error.json"))?;
    let binary = this_program()?;
    let mut child = Command::new(&binary)
        .arg("trial")
        .arg("--study")
        .arg(&study.directory)
        .arg("--trial")
        .arg(trial.id())
        .arg("--threads")
        .arg(threads.to_string())
        .env(PARENT, std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .at("start", &binary)?;
    let stderr = child.stderr.take();
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            // A broken pipe ends the text early, no more.
            let _ = stderr.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    Ok(Worker { trial, child, said })
}

/// What to start for a trial: this very program, by its name where that still leads to it, as lists of processes show
/// it; a newer build may have taken its place meanwhile.
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

/// Judges a child that has ended by what it left behind.
fn conclude(study: &Study<'_>, mut worker: Worker, attempts: &mut BTreeMap<String, u32>) -> Result<()> {
    let id = worker.trial.id();
    let directory = study.trial_directory(&id);
    let status = worker.child.wait().at("wait for a trial in", &study.directory)?;
    if State::read(&directory)?.is_settled() {
        return Ok(());
    }
    let log = worker.said.join().unwrap_or_default();
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    let last = last.trim_start_matches("error: ").to_owned();
    if matches!(State::read(&directory)?, State::Failed(_)) {
        // The trial itself has said what is wrong.
        return Ok(());
    }
    let (kind, message) = match status.code() {
        Some(2) => return Err(Error::input(last)),
        // Stopped by a signal that it handled: a checkpoint is there.
        Some(130) => return Ok(()),
        Some(_) => (FailureKind::Panic, last),
        None if attempts.get(&id).is_some_and(|n| *n < ATTEMPTS) => return Ok(()),
        None => (FailureKind::Killed, format!("{status} {ATTEMPTS} times; out of memory?")),
    };
    write_json(&directory.join("error.json"), &Failure { kind, step: 0, message })
}

/// Asks all children to write a checkpoint and end, and waits for them.
fn stop(workers: &mut Vec<Worker>) {
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
