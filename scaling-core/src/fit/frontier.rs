//! The frontier of trained models: the runs that no cheaper run beats.

/// One trained model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Run {
    /// Parameters N.
    pub(crate) parameters: f64,
    /// Training samples D.
    pub(crate) m: f64,
    /// Its error.
    pub(crate) error: f64,
    /// Floating-point operations of its training.
    pub(crate) flops: f64,
}

/// The runs that no cheaper run beats, from the cheapest on: (operations, error). Where the smallest or the
/// largest model is the cheapest, the grid of sizes decided so, and those runs are left out: they bend the
/// law.
pub(crate) fn frontier(runs: &[Run]) -> Vec<(f64, f64)> {
    let size = |run: &Run| run.parameters;
    let smallest = runs.iter().map(size).fold(f64::INFINITY, f64::min);
    let largest = runs.iter().map(size).fold(0.0, f64::max);
    let mut sorted: Vec<&Run> = runs.iter().filter(|run| run.flops > 0.0).collect();
    sorted.sort_by(|a, b| a.flops.total_cmp(&b.flops).then(a.error.total_cmp(&b.error)));
    let mut frontier: Vec<&Run> = Vec::new();
    for run in sorted {
        if frontier.last().is_none_or(|cheaper| run.error < cheaper.error) {
            frontier.push(run);
        }
    }
    frontier.retain(|run| smallest < run.parameters && run.parameters < largest);
    frontier.into_iter().map(|run| (run.flops, run.error)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::surface::tests::runs;
    use super::*;

    #[test]
    fn the_frontier_falls() {
        let all = runs(0.02, 1);
        let frontier = frontier(&all);
        assert!(frontier.len() > 5);
        let inner = |run: &&Run| 1e5 < run.parameters && run.parameters < 1e5 * 4f64.powi(4);
        let inner: Vec<(f64, f64)> = all.iter().filter(inner).map(|run| (run.flops, run.error)).collect();
        assert!(frontier.iter().all(|run| inner.contains(run)));
        assert!(frontier.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 > w[1].1));
    }
}
