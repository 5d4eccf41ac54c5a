//! How far a trial is, told to the study that started it on the trial's standard output.

use crate::parent::has_study;
use crate::terminal;
use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two lines.
const EVERY: Duration = Duration::from_millis(250);

/// How far a trial is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Beat {
    /// Updates made, in all runs.
    pub steps: u64,
    /// Seconds of training, in all runs, without evaluations.
    pub seconds: f64,
}

impl Beat {
    /// Updates per second since an earlier beat; none if there were none.
    pub(crate) fn speed_since(&self, earlier: &Self) -> Option<f64> {
        let (steps, seconds) = (self.steps.saturating_sub(earlier.steps), self.seconds - earlier.seconds);
        (steps > 0 && seconds > 0.0).then(|| steps as f64 / seconds)
    }

    fn line(&self) -> String {
        format!("step {} {}\n", self.steps, self.seconds)
    }

    fn parse(line: &str) -> Option<Self> {
        let (steps, seconds) = line.strip_prefix("step ")?.split_once(' ')?;
        Some(Self { steps: steps.parse().ok()?, seconds: seconds.trim().parse().ok()? })
    }
}

/// What a trial calls after every update: tells a study, if one has started it.
pub(crate) fn teller() -> impl Fn(Beat) {
    let is_heard = has_study();
    let told = Cell::new(None::<Instant>);
    move |beat| {
        if is_heard && told.get().is_none_or(|then| then.elapsed() >= EVERY) {
            told.set(Some(Instant::now()));
            // Where the study has gone, the trial learns of it otherwise.
            let _ = terminal::write(beat.line().as_bytes());
        }
    }
}

/// The newest beat of a child whose standard output this is.
pub(crate) fn listen(output: impl Read + Send + 'static) -> Arc<Mutex<Beat>> {
    let newest = Arc::new(Mutex::new(Beat::default()));
    let heard = newest.clone();
    std::thread::spawn(move || {
        // To the end, whatever is said: a pipe that nobody empties would stop the trial.
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if let Some(beat) = Beat::parse(&String::from_utf8_lossy(&line)) {
                *heard.lock().unwrap_or_else(PoisonError::into_inner) = beat;
            }
        }
    });
    newest
}

/// What [`listen`] has heard.
pub(crate) fn newest(of: &Mutex<Beat>) -> Beat {
    *of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_are_heard_among_other_lines() {
        let beat = Beat { steps: 12, seconds: 3.25 };
        assert_eq!(Beat::parse(beat.line().trim_end()), Some(beat));
        for other in ["a1b2: 5.1 nats after 12 updates", "step", "step x 1", "step 3", ""] {
            assert_eq!(Beat::parse(other), None);
        }
        let heard = listen(std::io::Cursor::new("step 1 0.5\nstep 12 3.25\nthe end\nstep 13"));
        let began = Instant::now();
        while newest(&heard) != beat && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert_eq!(newest(&heard), beat);
    }

    #[test]
    fn speed_is_that_of_training_alone() {
        let [early, late] = [(10, 2.0), (40, 4.0)].map(|(steps, seconds)| Beat { steps, seconds });
        assert_eq!(late.speed_since(&early), Some(15.0));
        assert_eq!(early.speed_since(&early), None);
    }
}
