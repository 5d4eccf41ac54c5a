//! How many trials run at the same time: as many as is said, or on a GPU as many as its memory holds and its
//! throughput gains from, both measured.

use crate::device::Memory;
use crate::trial::Beat;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how long the speed of the same trials is measured at least.
const WINDOW: Duration = Duration::from_secs(5);
/// Trials that end sooner than this spend their time on starting, and too little of it beside the same
/// others.
const SHORT: Duration = Duration::from_secs(20);
/// A larger number of trials must make at least so many times the progress of the smaller one.
const WORTH: f64 = 1.1;
/// What a trial may need, relative to those that run.
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
    /// The mean share of the trials in the memory as last seen, in bytes; 0 before it is known.
    share: u64,
    /// The largest number known to be worth it.
    worth: usize,
    /// Since when the same trials run, and where they were then.
    window: Option<(Instant, Beats)>,
    /// How many ran before the number was raised, and the updates per second of each.
    before: Option<(usize, BTreeMap<String, f64>)>,
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
        let search = Search { idle: memory.free, share: 0, worth: 1, window: None, before: None, pause: 0 };
        Self { limit: 1, most: most.max(1), search: Some(search) }
    }

    /// How many may run now.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether one more trial may start beside those that run.
    pub(super) fn may_start(&self, beats: &Beats, memory: Option<Memory>) -> bool {
        let Some(search) = &self.search else { return beats.len() < self.limit };
        // These have not taken their memory yet, or not been seen to.
        let fresh = beats.values().filter(|beat| beat.seconds < WINDOW.as_secs_f64()).count();
        let fits = || memory.is_some_and(|memory| search.fits(memory) > fresh);
        beats.len() < self.limit && (beats.is_empty() || fits())
    }

    /// Looks at the trials that run, and may change the number; says so in one line.
    pub(super) fn look(&mut self, now: Instant, beats: &Beats, memory: Option<Memory>) -> Option<String> {
        let (search, memory) = (self.search.as_mut()?, memory?);
        if beats.is_empty() || beats.values().any(|beat| beat.steps == 0) {
            search.window = None;
            return None;
        }
        search.share = search.idle.saturating_sub(memory.free) / beats.len() as u64;
        let same = search.window.as_ref().filter(|(_, then)| then.keys().eq(beats.keys()));
        let Some((began, then)) = same else {
            search.window = Some((now, beats.clone()));
            return None;
        };
        let speeds: BTreeMap<String, f64> = beats
            .iter()
            .filter_map(|(id, beat)| Some((id.clone(), beat.speed_since(then.get(id)?)?)))
            .collect();
        // Who makes no updates is being evaluated; that passes.
        if now.duration_since(*began) < WINDOW || speeds.len() < beats.len() {
            return None;
        }
        search.window = None;
        let running = beats.len();
        let verdict = search.before.take().filter(|(few, _)| *few < running).and_then(|(few, before)| {
            let ratios: Vec<f64> =
                speeds.iter().filter_map(|(id, now)| Some(now / before.get(id)?)).collect();
            // Where all others have ended meanwhile there is nothing to judge by.
            let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
            mean.is_finite().then(|| (few, running as f64 / few as f64 * mean))
        });
        let said = verdict.map(|(few, gain)| {
            let found = format!("{running} trials at a time make {gain:.2} times the progress of {few}");
            search.worth = running;
            if gain >= WORTH {
                return found;
            }
            (search.worth, self.limit, search.pause) = (few, few, running);
            format!("{found}: {few} from here on")
        });
        let are_long = beats.values().all(|beat| beat.seconds > SHORT.as_secs_f64());
        if running > search.worth && are_long {
            // So many were reached without a comparison, which needs fewer first.
            self.limit = search.worth;
        } else if running == self.limit && search.pause == 0 {
            let raised = (2 * running).min(self.most).min(running + search.fits(memory));
            if raised > running {
                search.before = Some((running, speeds));
                self.limit = raised;
            }
        }
        said
    }

    /// A trial has finished after so long. Of short ones many may run, which need not be measured.
    pub(super) fn finished(&mut self, lasted: Duration) {
        let Some(search) = &mut self.search else { return };
        search.pause = search.pause.saturating_sub(1);
        if lasted < SHORT && search.pause == 0 {
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
            search.worth = search.worth.min(fewer);
            (search.window, search.before) = (None, None);
        }
        running > 1
    }
}

impl Search {
    /// How many more trials the free memory holds; one that nothing is known of may take an eighth of the
    /// device.
    fn fits(&self, memory: Memory) -> usize {
        let need = if self.share == 0 { memory.total as f64 / 8.0 } else { self.share as f64 * SPARE };
        (memory.free as f64 / need) as usize
    }
}

#[cfg(test)]
mod tests;
