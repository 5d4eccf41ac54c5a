//! What a panic says, in one line.

use crate::trial::{Failure, FailureKind};
use std::any::Any;

/// What a trial died of. Of LibTorch's errors only what happened, without the frames of its stack.
pub(super) fn failure(panic: &(dyn Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panic");
    // As `Result::unwrap` shows the error of tch, line breaks written as two characters.
    let Some((_, error)) = text.split_once("Torch(\"") else {
        let message = text.split_whitespace().collect::<Vec<_>>().join(" ");
        return Failure { kind: FailureKind::Panic, step: 0, message };
    };
    let what = error.split("\\n").next().unwrap_or_default().trim_end_matches("\")").trim();
    let is_full = ["out of memory", "can't allocate memory", "busy or unavailable"]
        .iter()
        .any(|text| what.contains(text));
    let kind = if is_full { FailureKind::Memory } else { FailureKind::Panic };
    Failure { kind, step: 0, message: format!("LibTorch: {what}") }
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
        assert_eq!(failure(&"a word").message, "a word");
        assert_eq!(failure(&1).message, "panic");
    }
}
