//! The memory of a GPU, as its driver tells it.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two questions.
const EVERY: Duration = Duration::from_secs(2);
/// An older answer says nothing.
const STALE: Duration = Duration::from_secs(20);

/// How full a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of the device.
    pub total: u64,
    /// Bytes that nobody uses.
    pub free: u64,
}

/// How full a device was last, asked again and again by a thread of its own: a driver may take long to
/// answer.
#[derive(Debug)]
pub struct MemoryWatch(Arc<Mutex<(Instant, Memory)>>);

impl MemoryWatch {
    /// Begins with a first answer; `ask` gives the others.
    pub(super) fn new(first: Memory, ask: impl Fn() -> Option<Memory> + Send + 'static) -> Self {
        let newest = Arc::new(Mutex::new((Instant::now(), first)));
        let watched = Arc::downgrade(&newest);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(EVERY);
                let answer = ask();
                let Some(newest) = watched.upgrade() else { return };
                if let Some(memory) = answer {
                    *newest.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), memory);
                }
            }
        });
        Self(newest)
    }

    /// The newest answer, unless the driver has ceased to give any.
    pub fn newest(&self) -> Option<Memory> {
        let (when, memory) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (when.elapsed() < STALE).then_some(memory)
    }
}

/// What NVIDIA's driver says of the GPU of this index, among those that this process may use. None without an
/// answer.
pub(super) fn of_nvidia(index: usize) -> Option<Memory> {
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    ask("nvidia-smi", &physical(index, visible.as_deref())?)
}

/// The name by which the driver knows a GPU: CUDA counts those that are visible to a process, the driver all.
fn physical(index: usize, visible: Option<&str>) -> Option<String> {
    match visible {
        Some(names) => names.split(',').map(|name| name.trim().to_owned()).nth(index),
        None => Some(index.to_string()),
    }
}

fn ask(program: &str, gpu: &str) -> Option<Memory> {
    let query = ["--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"];
    let answer = Command::new(program).args(query).args(["--id", gpu]).stdin(Stdio::null()).output().ok()?;
    parse(std::str::from_utf8(&answer.stdout).ok().filter(|_| answer.status.success())?)
}

/// `143771, 1024`, in MiB.
fn parse(answer: &str) -> Option<Memory> {
    let bytes = |text: &str| Some(text.trim().parse::<u64>().ok()? << 20);
    let (total, free) = answer.lines().next()?.split_once(',')?;
    Some(Memory { total: bytes(total)?, free: bytes(free)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_is_asked_for_the_gpu_that_the_process_sees() {
        assert_eq!(physical(1, None).as_deref(), Some("1"));
        assert_eq!(physical(1, Some("3, GPU-8f6a")).as_deref(), Some("GPU-8f6a"));
        assert_eq!(physical(2, Some("3,5")), None);
    }

    #[test]
    fn the_newest_answer_counts() {
        let [first, second] = [8, 5].map(|free| Memory { total: 9, free });
        let watch = MemoryWatch::new(first, move || Some(second));
        assert_eq!(watch.newest(), Some(first));
        let began = Instant::now();
        while watch.newest() != Some(second) && began.elapsed() < STALE {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(watch.newest(), Some(second));
    }

    #[cfg(unix)]
    #[test]
    fn only_a_full_answer_counts() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let answer = |script: &str| {
            let driver = folder.path().join("driver");
            std::fs::write(&driver, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&driver, std::fs::Permissions::from_mode(0o755)).unwrap();
            ask(driver.to_str().unwrap(), "1")
        };
        let found = answer(
            "[ \"$*\" = '--query-gpu=memory.total,memory.free --format=csv,noheader,nounits --id 1' ] && echo '81559, 80123'",
        );
        assert_eq!(found, Some(Memory { total: 81_559 << 20, free: 80_123 << 20 }));
        assert_eq!(answer("echo '81559, [N/A]'"), None);
        assert_eq!(answer("echo '81559, 80123'; exit 9"), None);
        assert_eq!(answer("echo No devices were found"), None);
        assert_eq!(ask("no-such-program", "0"), None);
    }
}
