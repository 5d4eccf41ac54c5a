//! What a panic says, in one line.

use crate::trial::{Failure, FailureKind};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many calls of [`catch`] run.
static CATCHING: AtomicUsize = AtomicUsize::new(0);

/// What tensor libraries say where a device has no memory left, or refuses one more process.
const SIGNS_OF_NO_MEMORY: [&str; 8] = [
    "out of memory",
    "out of device memory",
    "can't allocate memory",
    "busy or unavailable",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_INITIALIZED",
];

/// What may be the cause of [`FailureKind::Memory`].
pub(super) const NO_MEMORY: &str = "the device has too little memory for it, or others use it";

/// What `run` returns, or what it died of: tensor libraries report misuse and failed allocations by
/// panicking. Where it was is printed only if `RUST_BACKTRACE` asks for it.
///
/// Memory of the host that runs out is no panic, except in LibTorch: Rust aborts the process where an
/// allocation fails, and the system kills it where it has promised more than it has. Only who started the
/// process can tell of that.
pub(super) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Failure> {
    hush();
    CATCHING.fetch_add(1, Ordering::SeqCst);
    // What a panic leaves half done is not used again.
    let outcome = catch_unwind(AssertUnwindSafe(run));
    CATCHING.fetch_sub(1, Ordering::SeqCst);
    outcome.map_err(|panic| failure(panic.as_ref()))
}

/// Puts a hook before the one that prints panics, which keeps from it those that [`catch`] returns (and one
/// during which another begins, which ends the process).
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            // The calling thread is one of rayon's (`use_threads`), whose panics go to who waits for them. Of
            // those of other threads, such as a GPU driver's, nothing else may tell.
            let is_returned = CATCHING.load(Ordering::SeqCst) > 0 && rayon::current_thread_index().is_some();
            if !is_returned || is_traced() {
                print(panic);
            }
        }));
    });
}

/// Whether the user wants to know where a panic was.
fn is_traced() -> bool {
    std::env::var_os("RUST_BACKTRACE").is_some_and(|set| set != "0")
}

/// What a panic says. Of LibTorch's errors only what happened, without the frames of its stack.
fn failure(panic: &(dyn Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panic");
    // As `Result::unwrap` shows the error of tch, line breaks written as two characters.
    let message = match text.split_once("Torch(\"") {
        Some((_, error)) => {
            let what = error.split("\\n").next().unwrap_or_default();
            format!("LibTorch: {}", what.trim_end_matches("\")").trim())
        }
        None => text.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let is_full = SIGNS_OF_NO_MEMORY.iter().any(|sign| message.contains(sign));
    let kind = if is_full { FailureKind::Memory } else { FailureKind::Panic };
    Failure { kind, step: 0, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_libtorch_are_one_line() {
        let of = |text: &str| {
            let Failure { kind, message, .. } = failure(&text.to_owned());
            (kind, message)
        };
        let of_torch =
            |text: &str| of(&format!("called `Result::unwrap()` on an `Err` value: Torch(\"{text}\")"));
        for full in [
            "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
            "CUDA out of memory. Tried 2 GiB.",
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.",
        ] {
            let expected = (FailureKind::Memory, format!("LibTorch: {full}"));
            assert_eq!(of_torch(full), expected);
            assert_eq!(
                of_torch(&format!("{full}\\nSearch for `cudaError'\\nframe #0: c10::Error")),
                expected
            );
        }
        assert_eq!(
            of_torch("no such shape\\nframe #0"),
            (FailureKind::Panic, "LibTorch: no such shape".into())
        );
        assert_eq!(of("shapes\n  differ"), (FailureKind::Panic, "shapes differ".into()));
        assert_eq!(of("out of device\n  memory").0, FailureKind::Memory);
        assert_eq!(failure(&"a word").message, "a word");
        assert_eq!(failure(&1).message, "panic");
    }

    #[test]
    fn what_went_well_is_returned_and_a_panic_told() {
        assert_eq!(catch(|| 3), Ok(3));
        let full = catch(|| -> u32 { panic!("CUDA out of memory") }).expect_err("a panic");
        assert_eq!((full.kind, full.message.as_str()), (FailureKind::Memory, "CUDA out of memory"));
    }
}
