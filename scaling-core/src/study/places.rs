//! How many trials run at the same time: as many as is said, or on a GPU as many as its memory holds and its throughput
//! gains from, both measured.

use crate::device::Memory;
use crate::trial::Beat;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how long the speed of the same trials is measured.
const WINDOW: Duration = Duration::from_secs(5);
/// A larger number of trials must give at least so many times what the smaller one gave.
const WORTH: f64 = 1.1;
/// What a trial may need, relative to those that ran so far.
const SPARE: f64 = 1.25;

/// How far the running trials are, by their ids.
pub(super) type Beats = BTreeMap<String, Beat>;

/// The number of trials that may run at the same time.
#[derive(Debug)]
pub(super) struct Places {
    limit: usize,
    most: usize,
    /// None where the number was given.
    search: Option<Search>,
}

/// How a good number is found: it is doubled as long as that is worth it.
#[derive(Debug)]
struct Search {
    /// Free memory before the first trial.
    idle: u64,
    /// The largest share of a trial in the memory so far, in bytes; 0 before it is known.
    share: u64,
    /// Since when the same trials run, and where they were then.
    window: Option<(Instant, Beats)>,
    /// What was before the number was raised: updates per second of every trial.
    before: Option<BTreeMap<String, f64>>,
    /// Trials that shall end before a larger number is tried once more.
    pause: usize,
}

impl Places {
    /// A number that was given.
    pub(super) fn given(number: usize) -> Self {
        Self { limit: number.max(1), most: number.max(1), search: None }
    }

    /// To be found, at most so many, on a device that is now as full as this.
    pub(super) fn measured(most: usize, memory: Memory) -> Self {
        let search = Search { idle: memory.free, share: 0, window: None, before: None, pause: 0 };
        Self { limit: 1, most: most.max(1), search: Some(search) }
    }

    /// How many may run now.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether one more trial may start beside those that run, of which some have not made their first update.
    pub(super) fn may_start(
        &self,
        running: usize,
        starting: usize,
        memory: impl Fn() -> Option<Memory>,
    ) -> bool {
        let Some(search) = &self.search else { return running < self.limit };
        let fits = || memory().is_some_and(|memory| search.fits(memory) > starting);
        running < self.limit && (running == 0 || fits())
    }

    /// Looks at the trials that run, and may change the number; says so in one line.
    pub(super) fn look(
        &mut self,
        now: Instant,
        beats: &Beats,
        memory: impl Fn() -> Option<Memory>,
    ) -> Option<String> {
        let search = self.search.as_mut()?;
        let settled = beats.len() == self.limit && beats.values().all(|beat| beat.steps > 0);
        if !settled {
            search.window = None;
            return None;
        }
        let same = search.window.as_ref().filter(|(_, then)| then.keys().eq(beats.keys()));
        let Some((began, then)) = same else {
            search.note_share(memory()?, beats.len());
            search.window = Some((now, beats.clone()));
            return None;
        };
        if now.duration_since(*began) < WINDOW {
            return None;
        }
        let speed = |(id, beat): (&String, &Beat)| Some((id.clone(), beat.speed_since(then.get(id)?)?));
        let speeds: BTreeMap<String, f64> = beats.iter().filter_map(speed).collect();
        search.window = None;
        let free = memory()?;
        search.note_share(free, beats.len());
        let mut said = None;
        if let Some(before) = search.before.take() {
            let shared: Vec<f64> =
                speeds.iter().filter_map(|(id, now)| Some(now / before.get(id)?)).collect();
            // Where all others have ended meanwhile there is nothing to judge by.
            if !shared.is_empty() {
                let (few, many) = (before.len(), self.limit);
                let gain = many as f64 / few as f64 * shared.iter().sum::<f64>() / shared.len() as f64;
                if gain < WORTH {
                    (self.limit, search.pause) = (few, many);
                }
                said = Some(format!(
                    "{many} trials at a time make {gain:.2} times the progress of {few}: {} from here on",
                    self.limit
                ));
            }
        }
        if search.pause == 0 {
            let raised = (2 * self.limit).min(self.most).min(self.limit + search.fits(free));
            if raised > self.limit {
                search.before = Some(speeds);
                self.limit = raised;
            }
        }
        said
    }

    /// A trial has ended after so long. Many short ones spend their time on starting, which need not be measured.
    pub(super) fn ended(&mut self, lasted: Duration) {
        let Some(search) = &mut self.search else { return };
        search.pause = search.pause.saturating_sub(1);
        if lasted < 2 * WINDOW && search.pause == 0 {
            self.limit = (2 * self.limit).min(self.most);
            search.before = None;
        }
    }

    /// The device had no memory left for one of so many trials: never so many again. False if it was alone.
    pub(super) fn crowded(&mut self, running: usize) -> bool {
        let fewer = running.saturating_sub(1).max(1);
        self.most = self.most.min(fewer);
        self.limit = self.limit.min(fewer);
        if let Some(search) = &mut self.search {
            (search.window, search.before) = (None, None);
        }
        running > 1
    }
}

impl Search {
    fn note_share(&mut self, memory: Memory, running: usize) {
        self.share = self.share.max(self.idle.saturating_sub(memory.free) / running as u64);
    }

    /// How many more trials the free memory holds; one that nothing is known of may take an eighth of the device.
    fn fits(&self, memory: Memory) -> usize {
        let need = if self.share == 0 { memory.total as f64 / 8.0 } else { self.share as f64 * SPARE };
        (memory.free as f64 / need) as usize
    }
}

#[cfg(test)]
mod tests;
