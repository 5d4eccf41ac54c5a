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
    // Arrays above this size still come and go; older libraries allow no more than 32 MiB.
    const OWN_MAPPING: [libc::c_int; 2] = [1 << 30, 32 << 20];
    // SAFETY: `mallopt` takes two numbers and may be called at any time.
    #[allow(unsafe_code)]
    let set = |parameter, value| unsafe { libc::mallopt(parameter, value) == 1 };
    // Only together: the second alone would pin the first at its small initial value.
    if OWN_MAPPING.into_iter().any(|bytes| set(libc::M_MMAP_THRESHOLD, bytes)) {
        set(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
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
pub(super) struct Buffer {
    /// Of the length of its class.
    values: Vec<f32>,
    len: usize,
}

/// The length that an array of at least `len` values really has: one of few, so that sequences of many
/// lengths use the same arrays.
fn class(len: usize) -> usize {
    len.next_multiple_of((len.next_power_of_two() / 8).max(1))
}

/// Zeros, in large pages where the array is large: fewer entries of the page table to look up and to make.
fn fresh(len: usize) -> Vec<f32> {
    let values = vec![0.0; len];
    #[cfg(target_os = "linux")]
    if len >= 1 << 20 {
        const PAGE: usize = 2 << 20;
        let base = values.as_ptr().cast_mut().cast::<libc::c_void>();
        let skipped = base.align_offset(PAGE);
        let whole = (len * size_of::<f32>() - skipped) / PAGE * PAGE;
        // SAFETY: these pages lie within `values`, and the advice leaves what they hold alone.
        #[allow(unsafe_code)]
        unsafe {
            libc::madvise(base.wrapping_byte_add(skipped), whole, libc::MADV_HUGEPAGE);
        }
    }
    values
}

impl Buffer {
    /// An array whose values are to be overwritten: what they are depends on earlier uses.
    pub(super) fn new(len: usize) -> Self {
        let class = class(len);
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        let found = waiting.iter().rposition(|values| values.len() == class);
        let found = found.map(|at| waiting.remove(at));
        drop(waiting);
        Self { values: found.unwrap_or_else(|| fresh(class)), len }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.values.is_empty() || self.values.len() > CAPACITY {
            return;
        }
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(std::mem::take(&mut self.values));
        let mut total: usize = waiting.iter().map(Vec::len).sum();
        let surplus = waiting.iter().take_while(|values| {
            let over = total > CAPACITY;
            total -= values.len();
            over
        });
        let surplus = surplus.count();
        let surplus: Vec<_> = waiting.drain(..surplus).collect();
        // Freeing takes its time, which nobody has to wait for.
        drop(waiting);
        drop(surplus);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_used_again_within_its_class_only() {
        // Lengths of classes that no other test uses, as the waiting arrays are shared.
        let mut first = Buffer::new(12_347);
        assert_eq!((first.len(), first.values.len()), (12_347, 14_336));
        first[0] = 7.0;
        let copy = first.clone();
        drop(first);
        assert_eq!(Buffer::new(14_337)[0], 0.0);
        let again = Buffer::new(12_348);
        assert_eq!((again.len(), again[0], copy[0]), (12_348, 7.0, 7.0));
        assert_eq!(Buffer::new(12_347)[0], 0.0);
    }
}
