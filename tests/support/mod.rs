//! Runs built binaries as a user runs them, each test in a directory of its own.
// Every test file uses its own part of this.
#![allow(dead_code, unreachable_pub, unused_imports, unused_macros)]

mod real;
#[macro_use]
mod reference;

pub(crate) use real::real;
pub use reference::{train_alike, training_losses};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A place for one test, and the binary under test.
pub struct Bench {
    binary: PathBuf,
    pub directory: tempfile::TempDir,
}

impl Bench {
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let binary = binary.into();
        assert!(binary.exists(), "{} is not built", binary.display());
        Self { binary, directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// The same directory with another binary.
    pub fn with(self, binary: impl Into<PathBuf>) -> Self {
        let binary = binary.into();
        assert!(binary.exists(), "{} is not built", binary.display());
        Self { binary, ..self }
    }

    /// The tool `scaling` in the same directory.
    pub fn tool(self) -> Self {
        self.with(built("scaling"))
    }

    /// A path in the test's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file in the test's directory.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// Reads a file in the test's directory.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The cells of a column of a CSV file in the test's directory.
    pub fn column(&self, file: &str, name: &str) -> Vec<String> {
        let text = self.read(file);
        let mut rows = text.lines().map(cells);
        let header = rows.next().unwrap_or_default();
        let at = header.iter().position(|cell| cell == name);
        let at = at.unwrap_or_else(|| panic!("{file} has no column {name}: {header:?}"));
        rows.map(|row| row[at].clone()).collect()
    }

    /// The numbers in a column of a CSV file in the test's directory.
    pub fn numbers(&self, file: &str, name: &str) -> Vec<f64> {
        self.column(file, name).iter().map(|cell| cell.parse().expect("a number")).collect()
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments.split_whitespace())
            .current_dir(self.directory.path())
            .env("SCALING_CACHE", self.path("cache"))
            .env("NO_COLOR", "1");
        command
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    /// Runs to a successful end; returns stdout.
    pub fn succeed(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "`{arguments}` failed: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs to a successful end; returns the JSON on stdout.
    pub fn json(&self, arguments: &str) -> serde_json::Value {
        serde_json::from_str(&self.succeed(arguments)).expect("one JSON document")
    }

    /// Runs to exit code 2 with at most 4 lines on stderr; returns them.
    pub fn refuse(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "`{arguments}`: {message}");
        assert!((1..=4).contains(&message.lines().count()), "`{arguments}`: {message}");
        message
    }

    /// Starts in a process group of its own, so that it can be killed with all its children.
    pub fn start(&self, arguments: &str) -> Child {
        use std::os::unix::process::CommandExt;
        self.command(arguments)
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts")
    }

    /// Runs `arguments` again and again, killing it with SIGKILL after each of `moments` (in turn
    /// the study alone, or with all its children), and then once to the end. Returns how many
    /// kills hit a running study.
    pub fn run_with_kills(&self, arguments: &str, moments: &[Duration]) -> usize {
        let mut hits = 0;
        for (k, moment) in moments.iter().enumerate() {
            let mut child = self.start(arguments);
            std::thread::sleep(*moment);
            hits += usize::from(child.try_wait().expect("a state").is_none());
            let target = if k % 2 == 0 { child.id().to_string() } else { format!("-{}", child.id()) };
            let _ = Command::new("kill").args(["-9", "--", &target]).stderr(Stdio::null()).status();
            child.wait().expect("an end");
        }
        self.succeed(arguments);
        hits
    }
}

/// What this build has made, by its name in the directory of the profile.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    test.parent().and_then(Path::parent).expect("target/<profile>/deps").join(name)
}

/// With the example `analytic` as the binary.
pub fn analytic() -> Bench {
    Bench::new(built("examples/analytic"))
}

/// Settings of a study of the analytic task: small enough for a second, rich enough to have every outcome
/// (rate 4 diverges).
pub const SMALL: &str =
    "study --out s --set shards=500,1000,2000,4000 --set sizes=300,1000 --set seeds=2 --jobs 2";

/// The cells of a line of a CSV file; those between quotes may hold commas.
fn cells(line: &str) -> Vec<String> {
    let mut is_quoted = false;
    let cells = line.split(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    cells.map(|cell| cell.trim_matches('"').to_owned()).collect()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a directory holds, by name.
pub fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries
}

/// What a study leaves behind that must not depend on how it was run: every `result.json`, `error.json` and
/// `metrics.jsonl` by trial, `curve.csv` and `fit.json`.
pub fn results(study: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut keep = |name: String, path: PathBuf| {
        if path.exists() {
            found.insert(name, std::fs::read_to_string(path).expect("text"));
        }
    };
    for trial in entries(&study.join("trials")) {
        for file in ["result.json", "error.json", "metrics.jsonl"] {
            let name = format!("{}/{file}", trial.file_name().expect("a name").to_string_lossy());
            keep(name, trial.join(file));
        }
    }
    for file in ["curve.csv", "fit.json"] {
        keep(file.into(), study.join(file));
    }
    found
}

/// Asserts the parameters that `model` counts, by its arguments.
pub fn counts_are_exact(bench: &Bench, counts: &[(&str, u64)]) {
    for (arguments, parameters) in counts {
        let json = bench.json(&format!("model {arguments} --json"));
        assert_eq!(json["parameters"], *parameters, "{arguments}");
        assert!(json["flops_per_sample"].as_f64().is_some_and(|f| f > 0.0));
    }
}

/// Asserts that a study says how lengths and symbols of its shards compare with those of the pool.
pub fn compares_shards(said: &str) {
    let line = said.lines().find(|line| line.contains("the shards resemble the pool, by lengths ("));
    let line = line.unwrap_or_else(|| panic!("nothing is said of shards: {said}"));
    assert!(line.contains(") and symbols (furthest: chi-square "), "{line}");
}

/// Asserts that a study in `s` that is killed again and again ends as one that is not. It writes checkpoints
/// all the time, and never stops early.
pub fn killed_ends_in_the_same_bytes(bench: fn() -> Bench, settings: &str, kills: u64) {
    let (undisturbed, killed) = (bench(), bench());
    let settings = format!("{settings} --set checkpoint_seconds=0.02 --set patience=60");
    let began = Instant::now();
    undisturbed.succeed(&settings);
    // What was done before a kill is kept, so each may only be a fraction of the way.
    let whole = began.elapsed();
    let moments = moments(kills, whole.mul_f64(0.1), whole.mul_f64(0.4));
    let hits = killed.run_with_kills(&settings, &moments);
    assert!(hits >= 2, "only {hits} kills hit a running study");
    assert_eq!(results(&killed.path("s")), results(&undisturbed.path("s")), "{settings}");
}

/// Asserts that a study in `s` with `--jobs 2` ends in the same bytes as with one job, which has all cores:
/// its trials run with other thread counts. Returns the place of the first.
pub fn jobs_change_nothing(bench: fn() -> Bench, settings: &str) -> Bench {
    assert!(settings.contains("--jobs 2"), "{settings}");
    let (two, one) = (bench(), bench());
    two.succeed(settings);
    one.succeed(&settings.replace("--jobs 2", "--jobs 1"));
    assert_eq!(results(&one.path("s")), results(&two.path("s")), "{settings}");
    two
}

/// Asserts that real data are prepared within a minute; `more` are further arguments. Returns what is said.
pub fn prepares_in_time(bench: &Bench, path: &Path, more: &str) -> String {
    let began = Instant::now();
    let said = bench.succeed(&format!("data prepare {} {more}", path.display()));
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    said
}

/// Asserts what `throughput --json` says: positive speeds, the unit, the batch, and the CPU as device.
pub fn throughput_speaks_json(bench: &Bench, arguments: &str, unit: &str, batch: u64) {
    let json = bench.json(&format!("throughput {arguments} --batch {batch} --json"));
    for key in ["samples_per_second", "gflops"] {
        assert!(json[key].as_f64().is_some_and(|x| x > 0.0), "{key}: {json}");
    }
    assert_eq!(json["unit"], unit);
    assert_eq!(json["batch"], batch);
    assert_eq!(json["device"], "cpu");
}

/// Pseudo-random moments in a range, the same in every run.
pub fn moments(n: u64, from: Duration, to: Duration) -> Vec<Duration> {
    (1..=n)
        .map(|k| {
            from + to
                .saturating_sub(from)
                .mul_f64((k.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1u64 << 53) as f64)
        })
        .collect()
}
