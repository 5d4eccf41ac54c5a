//! Many items, such as files to decode, turned into results in bounded memory.

use crate::error::Result;
use rayon::prelude::*;

/// Pieces of text that are in memory at a time, while what was made of as many before them is taken.
const PIECES: usize = 16;

/// Makes results of batches of `items` with `make`, which may use all threads, and hands them to `take` in
/// the order of the items. While the results of one batch are taken the next are made; no more are in memory.
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

/// As [`overlapped`], of pieces of text: `work` makes one result of each, in parallel.
///
/// # Errors
/// The first, in the order of the pieces, that `work` or `take` returns.
pub fn of_pieces<I: Sync, T: Send>(
    pieces: &[I],
    work: impl Fn(&I) -> Result<T> + Sync,
    mut take: impl FnMut(T) -> Result<()> + Send,
) -> Result<()> {
    let make = |pieces: &[I]| pieces.par_iter().map(&work).collect::<Vec<_>>();
    overlapped(pieces, PIECES, make, |result: Result<T>| take(result?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn pieces_are_taken_in_order_up_to_the_first_that_fails() {
        let pieces: Vec<usize> = (0..3 * PIECES).collect();
        let mut taken = Vec::new();
        let work = |piece: &usize| {
            if *piece < 40 { Ok(2 * piece) } else { Err(Error::input(format!("no piece {piece}"))) }
        };
        let ended = of_pieces(&pieces, work, |result| {
            taken.push(result);
            Ok(())
        });
        assert_eq!(ended, Err(Error::input("no piece 40")));
        assert_eq!(taken, (0..80).step_by(2).collect::<Vec<_>>());
    }

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
