//! A study on a real Slurm cluster, by the script that users submit; `clusters/with_slurm` provides one.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use support::{Bench, analytic, results, text};

/// For anything that a cluster does.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn workers_that_are_killed_requeued_and_out_of_time_end_in_the_same_bytes() {
    let is_there = Command::new("sinfo").output().is_ok_and(|output| output.status.success());
    if !is_there {
        scaling_core::terminal::tell(
            "SKIPPED: no Slurm here; run by `clusters/with_slurm cargo test --release -p scaling-core`",
        );
        return;
    }
    let settings = "study --out s --set shards=500,1000,2000,4000 --set sizes=300,1000 --set seeds=1 \
                    --set step_microseconds=10000 --set checkpoint_seconds=0.5 --jobs 1";
    let (alone, cluster) = (analytic(), analytic());
    // Its trials only wait.
    alone.succeed(&settings.replace("--jobs 1", "--jobs 16"));

    let array = Array::submit(&cluster, "1-3", settings);
    let trials = cluster.path("s/trials");
    // One core each: on a machine of two, the third waits for one of these to end.
    let run = wait("two trials run", || Some(running(&trials)).filter(|run| run.len() >= 2));

    let killed = run[0].clone();
    let (_, pid) = killed.1.split_once(' ').expect("`host pid` in the lease");
    // It may have ended meanwhile.
    let _ = Command::new("kill").args(["-9", pid.trim()]).output();
    let goes_on = || running(&trials).iter().any(|now| now.0 == killed.0 && now.1 != killed.1);
    wait("it goes on", || (goes_on() || killed.0.join("result.json").exists()).then_some(()));

    // As after a preemption or a failed node.
    command("scontrol", &["requeue", &array.element(1)]);
    array.start_soon(1);
    // As `--signal` does before the time limit.
    command("scancel", &["--batch", "--signal=USR1", &array.element(2)]);
    array.start_soon(2);
    wait("all workers end", || array.states().is_empty().then_some(()));

    let mut logs = array.logs(&cluster);
    assert_eq!(logs.len(), 3);
    assert!(logs.iter().all(|log| log.contains("report: ")), "{logs:?}");
    let interrupted = logs.drain(..2).filter(|log| log.contains("error: interrupted; ")).count();
    assert_eq!(interrupted, 2, "both were stopped in good order");
    assert!(results(&cluster.path("s")) == results(&alone.path("s")), "the same bytes");
}

/// Jobs of one submission.
struct Array(String);

impl Array {
    fn submit(bench: &Bench, elements: &str, arguments: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clusters/slurm.sh");
        let study = bench.command(arguments);
        let output = Command::new("sbatch")
            .args(["--parsable", "--cpus-per-task=1", &format!("--array={elements}")])
            .arg(script)
            .arg(study.get_program())
            .args(study.get_args())
            .envs(study.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(bench.directory.path())
            .output()
            .expect("sbatch starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
        Self(text(&output.stdout).trim().to_owned())
    }

    fn element(&self, index: usize) -> String {
        format!("{}_{index}", self.0)
    }

    /// Of those that have not ended, as `number state`.
    fn states(&self) -> Vec<String> {
        let said = command("squeue", &["--noheader", "--array", "--format=%i %T", "--jobs", &self.0]);
        said.lines().map(str::to_owned).collect()
    }

    /// Once it is back in the queue, where Slurm lets requeued jobs wait for two minutes. Within a second, it
    /// would fail to start them.
    fn start_soon(&self, index: usize) {
        let job = self.element(index);
        wait(&format!("{job} is in the queue again"), || {
            self.states().contains(&format!("{job} PENDING")).then_some(())
        });
        command("scontrol", &["update", &format!("JobId={job}"), "StartTime=now+3"]);
    }

    /// By element.
    fn logs(&self, bench: &Bench) -> Vec<String> {
        let name = |index| bench.path(&format!("slurm-{}.out", self.element(index)));
        (1..).map(name).map_while(|path| std::fs::read_to_string(path).ok()).collect()
    }
}

impl Drop for Array {
    /// Where the test has failed.
    fn drop(&mut self) {
        let _ = Command::new("scancel").arg(&self.0).output();
    }
}

/// Trials that are neither done nor waiting, with what their leases say.
fn running(trials: &Path) -> Vec<(PathBuf, String)> {
    let trials = std::fs::read_dir(trials).into_iter().flatten().flatten().map(|entry| entry.path());
    let trials =
        trials.filter(|trial| trial.join("metrics.jsonl").exists() && !trial.join("result.json").exists());
    trials
        .filter_map(|trial| Some((trial.clone(), std::fs::read_to_string(trial.join("lease")).ok()?)))
        .collect()
}

/// Runs a command; what it printed.
fn command(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn wait<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}
