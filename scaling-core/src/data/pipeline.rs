//! Many items, such as files to decode, turned into results in bounded memory.

use crate::error::Result;

/// Makes results of batches of `items` with `make`, which may use all threads, and hands them to `take` in the
/// order of the items. While the results of one batch are taken the next are made; no more are in memory.
///
/// # Errors
/// The first that `take` returns.
pub fn overlapped<'a, I: Sync, T: Send>(
    items: &'a [I],
    batch: usize,
    make: impl Fn(&'a [I]) -> Vec<T> + Sync,
    mut take: impl FnMut(T) -> Result<()> + Send,
) -> Result<()> {
    let mut made = Vec::new();
    // One round more than there are batches: the last one only takes.
    for batch in items.chunks(batch).chain([&[][..]]) {
        let previous = std::mem::take(&mut made);
        let (next, taken) = rayon::join(|| make(batch), || previous.into_iter().try_for_each(&mut take));
        taken?;
        made = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn every_result_is_taken_once_in_order() {
        let items: Vec<u32> = (0..10).collect();
        let double = |batch: &[u32]| batch.iter().map(|i| 2 * i).collect();
        for batch in [1, 3, 10, 20] {
            let mut taken = Vec::new();
            let whole = overlapped(&items, batch, double, |result| {
                taken.push(result);
                Ok(())
            });
            assert_eq!(whole, Ok(()));
            assert_eq!(taken, (0..20).step_by(2).collect::<Vec<_>>());
        }
        let full = |result| if result < 6 { Ok(()) } else { Err(Error::input(format!("full at {result}"))) };
        assert_eq!(overlapped(&items, 2, double, full), Err(Error::input("full at 6")));
    }
}
