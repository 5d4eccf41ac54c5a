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
    let is_full =
        ["out of memory", "not enough memory", "busy or unavailable"].iter().any(|text| what.contains(text));
    let (kind, remedy) = if is_full {
        (FailureKind::Memory, "; run fewer trials at the same time (`--jobs`)")
    } else {
        (FailureKind::Panic, "")
    };
    Failure { kind, step: 0, message: format!("LibTorch: {what}{remedy}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_libtorch_are_one_line_with_a_remedy() {
        let of = |text: &str| {
            let Failure { kind, message, .. } = failure(&text.to_owned());
            assert_eq!(kind == FailureKind::Memory, message.contains("--jobs"), "{message}");
            message
        };
        let busy = "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA error: CUDA-capable device(s) is/are busy \
                    or unavailable\\nSearch for `cudaErrorDevicesUnavailable'\\nframe #0: c10::Error\")";
        let fewer = "; run fewer trials at the same time (`--jobs`)";
        let unavailable = "LibTorch: CUDA error: CUDA-capable device(s) is/are busy or unavailable";
        assert_eq!(of(busy), format!("{unavailable}{fewer}"));
        let full = "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA out of memory. Tried 2 GiB.\")";
        assert_eq!(of(full), format!("LibTorch: CUDA out of memory. Tried 2 GiB.{fewer}"));
        assert_eq!(of("Torch(\"no such shape\\nframe #0\")"), "LibTorch: no such shape");
        assert_eq!(of("shapes\n  differ"), "shapes differ");
        assert_eq!(failure(&"a word").message, "a word");
        assert_eq!(failure(&1).message, "panic");
    }
}
