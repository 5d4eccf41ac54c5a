use super::*;

const GIB: u64 = 1 << 30;

/// A GPU on which trials slow each other down from some number on, seen by a study that has trials enough.
struct Gpu {
    /// Trials that run at full speed beside each other.
    wide: f64,
    /// Bytes of a trial.
    each: u64,
    /// Of others.
    other: u64,
    now: Instant,
    beats: Beats,
    started: usize,
}

impl Gpu {
    fn new(wide: f64, each: u64) -> Self {
        Self { wide, each, other: GIB, now: Instant::now(), beats: Beats::new(), started: 0 }
    }

    fn memory(&self) -> Memory {
        let used = self.other + self.each * self.beats.values().filter(|beat| beat.steps > 0).count() as u64;
        Memory { total: 80 * GIB, free: (80 * GIB).checked_sub(used).expect("memory is not exceeded") }
    }

    fn start(&mut self, places: &Places) {
        while places.may_start(&self.beats, Some(self.memory())) {
            self.started += 1;
            self.beats.insert(format!("{:04}", self.started), Beat::default());
        }
    }

    /// Goes on for so many seconds; returns what was said.
    fn run(&mut self, places: &mut Places, seconds: u32) -> Vec<String> {
        let mut said = Vec::new();
        for _ in 0..2 * seconds {
            self.start(places);
            let slow = (self.beats.len() as f64 / self.wide).max(1.0);
            for beat in self.beats.values_mut() {
                (beat.steps, beat.seconds) = (beat.steps + (5000.0 / slow) as u64, beat.seconds + 0.5);
            }
            self.now += Duration::from_millis(500);
            said.extend(places.look(self.now, &self.beats, Some(self.memory())));
        }
        said
    }

    fn end(&mut self, places: &mut Places, lasted: Duration) {
        self.beats.pop_first().expect("a trial runs");
        places.finished(lasted);
    }
}

fn measured(gpu: &Gpu, most: usize) -> Places {
    Places::measured(most, gpu.memory())
}

#[test]
fn trials_are_added_while_the_gpu_makes_more_progress() {
    for (wide, expected) in [(1.0, 1), (2.0, 2), (5.0, 8), (8.0, 8), (100.0, 16)] {
        let mut gpu = Gpu::new(wide, GIB);
        let mut places = measured(&gpu, 16);
        let said = gpu.run(&mut places, 120);
        assert_eq!(places.limit(), expected, "{wide} wide: {said:?}");
        let last = said.last().expect("a verdict").clone();
        let end = if expected < 16 { format!(": {expected} from here on") } else { "of 8".into() };
        assert!(last.ends_with(&end), "{said:?}");
    }
}

#[test]
fn trials_are_added_as_long_as_memory_is_left() {
    let mut gpu = Gpu::new(100.0, 11 * GIB);
    let mut places = measured(&gpu, 16);
    gpu.run(&mut places, 120);
    // Seven would fit, but the seventh may need more than the others.
    assert_eq!((places.limit(), gpu.beats.len()), (6, 6));
    // What others take is not there for trials: the next one waits.
    gpu.other = 30 * GIB;
    gpu.beats.retain(|id, _| id.as_str() > "0004");
    gpu.run(&mut places, 1);
    assert_eq!(gpu.beats.len(), 4);
}

#[test]
fn after_as_many_trials_a_larger_number_is_tried_again() {
    let mut gpu = Gpu::new(1.0, GIB);
    let mut places = measured(&gpu, 16);
    gpu.run(&mut places, 60);
    assert_eq!(places.limit(), 1);
    // The next trials are smaller.
    gpu.wide = 4.0;
    let long = Duration::from_mins(1);
    gpu.end(&mut places, long);
    gpu.run(&mut places, 60);
    assert_eq!(places.limit(), 1);
    gpu.end(&mut places, long);
    gpu.run(&mut places, 60);
    assert_eq!(places.limit(), 4);
}

#[test]
fn of_short_trials_many_run_until_long_ones_come() {
    let mut gpu = Gpu::new(1.0, GIB);
    let mut places = measured(&gpu, 16);
    for _ in 0..4 {
        gpu.start(&places);
        gpu.end(&mut places, Duration::from_secs(3));
    }
    assert_eq!(places.limit(), 16);
    gpu.start(&places);
    // An eighth of the memory for each, as long as nothing is known of them.
    assert_eq!(gpu.beats.len(), 7);
    // Now they are long, and one alone would make as much progress.
    gpu.run(&mut places, 60);
    assert_eq!(places.limit(), 1);
    while gpu.beats.len() > 1 {
        gpu.end(&mut places, Duration::from_mins(2));
    }
    let said = gpu.run(&mut places, 60);
    assert!(said.last().is_some_and(|line| line.ends_with(": 1 from here on")), "{said:?}");
}

#[test]
fn who_is_evaluated_is_waited_for() {
    let mut gpu = Gpu::new(2.0, GIB);
    let mut places = measured(&gpu, 16);
    gpu.run(&mut places, 9);
    assert_eq!(gpu.beats.len(), 2);
    // The newer one makes no updates for a while.
    let (id, evaluated) = gpu.beats.last_key_value().map(|(id, beat)| (id.clone(), *beat)).expect("two run");
    for _ in 0..60 {
        gpu.run(&mut places, 1);
        gpu.beats.insert(id.clone(), evaluated);
    }
    assert_eq!(places.limit(), 2);
    gpu.run(&mut places, 60);
    assert_eq!(places.limit(), 2);
}

#[test]
fn where_memory_was_exceeded_fewer_trials_run_from_there_on() {
    let mut gpu = Gpu::new(100.0, GIB);
    let mut places = measured(&gpu, 16);
    gpu.run(&mut places, 60);
    assert!(places.crowded(16));
    assert_eq!(places.limit(), 15);
    gpu.run(&mut places, 60);
    assert_eq!(places.limit(), 15);
    for running in (2..=15).rev() {
        assert!(places.crowded(running));
    }
    assert_eq!(places.limit(), 1);
    assert!(!places.crowded(1), "alone, a trial has nobody to wait for");

    let mut given = Places::given(12);
    let running = |n: usize| (0..n).map(|k| (k.to_string(), Beat::default())).collect::<Beats>();
    assert!(given.may_start(&running(11), None) && !given.may_start(&running(12), None));
    assert!(given.crowded(12) && given.limit() == 11);
    assert_eq!(Places::given(0).limit(), 1);
}
