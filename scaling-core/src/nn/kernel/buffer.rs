//! Large arrays that are used again.
//!
//! A training step needs the same large arrays as the step before. Memory fresh from the operating
//! system costs more than the arithmetic on it (a page fault for every 4 KiB, and the C library
//! returns arrays above 32 MiB at once), so arrays that are done with wait here for the next step.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Has the C library keep the memory that is freed, for the same reason; call it first.
///
/// Left alone it returns large arrays to the operating system at once, and a training step of a small
/// model spends a tenth of its time on fetching them again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_freed_memory() {
    // Arrays above this size (1 GiB) still come and go.
    const OWN_MAPPING: libc::c_int = 1 << 30;
    // SAFETY: `mallopt` takes two numbers and may be called at any time; its refusal changes nothing.
    #[allow(unsafe_code)]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// Other C libraries are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_freed_memory() {}

/// The most memory that waits, in values: 1 GiB.
const CAPACITY: usize = 256 << 20;

/// Arrays that wait, the oldest first.
static WAITING: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// An array that waits for its next use when it is dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer(Vec<f32>);

impl Buffer {
    /// An array whose values are to be overwritten: what they are depends on earlier uses.
    pub(super) fn new(len: usize) -> Self {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.iter().rposition(|values| values.len() == len) {
            Some(at) => Self(waiting.remove(at)),
            None => Self(vec![0.0; len]),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.is_empty() {
            return;
        }
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(std::mem::take(&mut self.0));
        let mut total: usize = waiting.iter().map(Vec::len).sum();
        let surplus = waiting.iter().take_while(|values| {
            let over = total > CAPACITY;
            total -= values.len();
            over
        });
        let surplus = surplus.count();
        waiting.drain(..surplus);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_used_again_at_its_own_size_only() {
        // Lengths that no other test uses, as the waiting arrays are shared.
        let mut first = Buffer::new(12_347);
        assert_eq!(first.len(), 12_347);
        first[0] = 7.0;
        let copy = first.clone();
        drop(first);
        assert_eq!(Buffer::new(12_348)[0], 0.0);
        let again = Buffer::new(12_347);
        assert_eq!((again[0], copy[0]), (7.0, 7.0));
        assert_eq!(Buffer::new(12_347)[0], 0.0);
    }
}
