//! This process and its machine: cores, threads and memory.

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Prepares this process for computing with a number of threads; call it first.
pub fn use_threads(threads: usize) {
    crate::nn::keep_freed_memory();
    // The calling thread is one of the pool's: it computes instead of waking others and waiting for them,
    // which a layer of a small network is too short for. The pool can be built once; a second call (in
    // tests) keeps the first size.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).use_current_thread();
    let _ = pool.build_global();
    // LibTorch's pool for operations side by side is left alone: here each waits for the one before.
    #[cfg(feature = "tch")]
    tch::set_num_threads(threads.max(1) as i32);
}

/// The memory of this machine in bytes, where the system tells.
pub(super) fn host_memory() -> Option<u64> {
    kib_of("/proc/meminfo", "MemTotal:")
}

/// A number of KiB that follows a word at the beginning of a line, in bytes.
fn kib_of(file: &str, word: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    Some(rest.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Largest resident memory of this process so far, in bytes; 0 where the system does not say.
pub fn peak_memory() -> u64 {
    kib_of("/proc/self/status", "VmHWM:").unwrap_or(0)
}

/// The name of this machine, for the cost record.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
