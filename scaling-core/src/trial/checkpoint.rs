//! Checkpoints that are complete or absent, the newest usable one found again after any crash.

use super::progress::Progress;
use super::weights::Weights;
use crate::error::{At, Result};
use crate::files::{read_json, write_atomic, write_json};
use std::fs;
use std::path::{Path, PathBuf};

/// Names the newest checkpoint, for scripts; [`load`] goes by what is there.
const LATEST: &str = "LATEST";

/// Everything needed to go on.
pub(super) struct Checkpoint {
    pub(super) progress: Progress,
    pub(super) state: Weights,
    /// The model at its best evaluation so far.
    pub(super) best: Option<Weights>,
}

/// Writes `step-N` (in a scratch directory that is then renamed) and its name into `LATEST`, and removes all
/// other checkpoints but the one before, which is the fallback if this one is unreadable.
pub(super) fn save(trial: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let root = trial.join("checkpoints");
    fs::create_dir_all(&root).at("create", &root)?;
    let name = format!("step-{}", checkpoint.progress.step);
    let target = root.join(&name);
    // One that is there and could not be read is written again.
    if read(&target).is_err() {
        if target.exists() {
            fs::remove_dir_all(&target).at("remove", &target)?;
        }
        // Always the same name, so that what killed processes leave does not pile up.
        let scratch = root.join("next.tmp");
        if scratch.exists() {
            fs::remove_dir_all(&scratch).at("remove", &scratch)?;
        }
        fs::create_dir(&scratch).at("create", &scratch)?;
        checkpoint.state.save(&scratch.join("state.safetensors"))?;
        if let Some(best) = &checkpoint.best {
            best.save(&scratch.join("best.safetensors"))?;
        }
        write_json(&scratch.join("progress.json"), &checkpoint.progress)?;
        fs::File::open(&scratch).and_then(|d| d.sync_all()).at("write", &scratch)?;
        fs::rename(&scratch, &target).at("write", &target)?;
        fs::File::open(&root).and_then(|d| d.sync_all()).at("write", &root)?;
    }
    // Until then it names the one before, which is there too.
    write_atomic(&root.join(LATEST), format!("{name}\n").as_bytes())?;
    let all = complete(&root)?;
    let newest = all.iter().position(|path| *path == target).unwrap_or(0);
    for (i, other) in all.iter().enumerate() {
        if i != newest && i + 1 != newest {
            fs::remove_dir_all(other).at("remove", other)?;
        }
    }
    Ok(())
}

/// The newest checkpoint that can be read. A damaged one is passed over for the one before it.
pub(super) fn load(trial: &Path) -> Result<Option<Checkpoint>> {
    let root = trial.join("checkpoints");
    if !root.exists() {
        return Ok(None);
    }
    Ok(complete(&root)?.iter().rev().find_map(|path| read(path).ok()))
}

/// Removes all checkpoints of a finished trial.
pub(super) fn clear(trial: &Path) -> Result<()> {
    let root = trial.join("checkpoints");
    if root.exists() { fs::remove_dir_all(&root).at("remove", &root) } else { Ok(()) }
}

fn read(path: &Path) -> Result<Checkpoint> {
    let best = path.join("best.safetensors");
    let progress: Progress = read_json(&path.join("progress.json"))?;
    Ok(Checkpoint {
        best: if progress.best.is_some() { Some(Weights::load(&best)?) } else { None },
        state: Weights::load(&path.join("state.safetensors"))?,
        progress,
    })
}

/// Directories `step-N` in rising order of N.
fn complete(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<(u64, PathBuf)> = fs::read_dir(root)
        .at("read", root)?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let step = entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok()?;
            Some((step, entry.path()))
        })
        .collect();
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        let mut state = Weights::default();
        state.insert("w", &[1], vec![step as f32]);
        Checkpoint { progress: Progress { step, ..Progress::new() }, state, best: None }
    }

    #[test]
    fn the_newest_is_found_and_a_damaged_one_is_passed_over() {
        let trial = tempfile::tempdir().unwrap();
        assert!(load(trial.path()).unwrap().is_none());
        save(trial.path(), &checkpoint(5)).unwrap();
        save(trial.path(), &checkpoint(12)).unwrap();
        assert_eq!(load(trial.path()).unwrap().unwrap().progress.step, 12);
        save(trial.path(), &checkpoint(15)).unwrap();
        assert_eq!(complete(&trial.path().join("checkpoints")).unwrap().len(), 2);
        let latest = fs::read_to_string(trial.path().join("checkpoints/LATEST")).unwrap();
        assert_eq!(latest, "step-15\n");
        fs::write(trial.path().join("checkpoints/step-15/state.safetensors"), b"short").unwrap();
        assert_eq!(load(trial.path()).unwrap().unwrap().progress.step, 12, "the one before it");
        // A second one whose state was cut short, as after a crash of the machine.
        let damaged = trial.path().join("checkpoints/step-20");
        fs::create_dir(&damaged).unwrap();
        fs::copy(trial.path().join("checkpoints/step-12/progress.json"), damaged.join("progress.json"))
            .unwrap();
        fs::write(damaged.join("state.safetensors"), b"short").unwrap();
        assert_eq!(load(trial.path()).unwrap().unwrap().progress.step, 12);
    }
}
