//! From the command line to a study.

use super::arguments::StudyArguments;
use super::date::today;
use super::{Domain, command_line};
use crate::device::Compute;
use crate::error::{At, Error, Result};
use crate::settings::{Layers, Options, Settings};
use crate::study::{Study, StudyFile, distinct_shards};
use crate::task::{Corpus, DEFAULT_SEED, Preset, Task};
use crate::terminal::tell;
use crate::trial::{SCHEMA, State, TrialConfig};
use std::path::{Path, PathBuf};

/// Where studies lie that name no place.
const RUNS: &str = "runs";

/// Opens the study that the arguments describe. With no settings given, a directory that holds a
/// study speaks for itself. Creates the directory only if `create`.
pub(super) fn open(domain: &Domain, arguments: &StudyArguments, create: bool) -> Result<Study<'static>> {
    let there = arguments.out.as_ref().filter(|out| out.join("study.toml").exists());
    if let Some(out) = there.filter(|_| name_no_setting(arguments)) {
        let study = Study::open(out, domain.tasks)?;
        if create {
            study.establish()?;
        }
        return Ok(study);
    }
    let (task, models) = models(domain, arguments.model.as_deref())?;
    let compute = Compute::parse(arguments.device.as_deref().unwrap_or("cpu"))?;
    let preset = arguments.preset.unwrap_or(Preset::Smoke);
    let seed = arguments.seed.unwrap_or(DEFAULT_SEED);
    let data = match arguments.data.as_deref() {
        None | Some("synthetic") => "synthetic".to_owned(),
        Some(path) => absolute(Path::new(path))?.to_string_lossy().into_owned(),
    };
    let config = arguments.config.as_deref().map(read_config).transpose()?;
    if create {
        // Preparing data may take hours: what would refuse the study after that is looked at first.
        match &arguments.out {
            Some(out) => StudyFile::check_place(out)?,
            None => StudyFile::check_access(Path::new(RUNS))?,
        }
    }
    // The task's options decide how the data are read, and the data what the preset proposes.
    let resolve = |proposed: &[(&'static str, String)]| -> Result<_> {
        let mut layers = Layers::new(task.about().keys)?;
        layers.pairs(proposed)?;
        override_settings(&mut layers, config.as_ref(), &arguments.assignments)?;
        layers.resolve()
    };
    let (without_preset, options) = resolve(&[])?;
    let corpus = task.open(&data, &options, seed)?;
    let (mut settings, options) = resolve(&task.preset(preset, &models[0], corpus.as_ref()))?;
    // Shards that the user has chosen stay what they are.
    if settings.shards != without_preset.shards {
        keep_distinct_shards(&mut settings, seed, corpus.as_ref());
    }
    let compute = compute.in_precision(&settings.precision)?;
    let file = StudyFile {
        version: env!("CARGO_PKG_VERSION").into(),
        task: task.about().name.into(),
        models,
        data,
        fingerprint: corpus.origin().fingerprint.clone(),
        preset,
        device: compute.name.clone(),
        compute: compute.kind.clone(),
        schema: SCHEMA,
        seed,
        command: command_line::of_this_process(domain.name),
        settings: table(&settings, &options)?,
    };
    let (directory, other) = place(&file, arguments.out.as_deref())?;
    let mut study = Study { directory, file, task, corpus, settings, options, compute };
    study.check_shards()?;
    if create {
        check_memory(&study, study.space().all_trials()?)?;
        begin(&mut study, arguments.out.is_none(), other)?;
    }
    Ok(study)
}

/// Leaves out shards of a preset that would hold as many samples as larger ones: presets do not know how long
/// items are.
fn keep_distinct_shards(settings: &mut Settings, seed: u64, corpus: &dyn Corpus) {
    if let Some(distinct) = distinct_shards(settings, seed, corpus) {
        let (all, out) = (settings.shards.len(), settings.shards.len() - distinct.len());
        tell(&format!(
            "left out {out} of the preset's {all} shards, which would hold as many samples as larger ones: items \
             are long"
        ));
        settings.shards = distinct;
    }
}

/// Whether the arguments say nothing of what is to be studied.
fn name_no_setting(arguments: &StudyArguments) -> bool {
    arguments.data.is_none()
        && arguments.model.is_none()
        && arguments.preset.is_none()
        && arguments.config.is_none()
        && arguments.device.is_none()
        && arguments.seed.is_none()
        && arguments.assignments.is_empty()
}

/// All settings, as in `study.toml`.
fn table(settings: &Settings, options: &Options) -> Result<toml::Table> {
    let mut table = toml::Table::try_from(settings).map_err(|e| Error::input(e.to_string()))?;
    table.extend(toml::Table::try_from(options).map_err(|e| Error::input(e.to_string()))?);
    Ok(table)
}

/// The directory of a study: the chosen one, the one where it was begun before, or else a new one. Of a new
/// one also what the study before it has that this one has not.
fn place(file: &StudyFile, chosen: Option<&Path>) -> Result<(PathBuf, Option<String>)> {
    let known = match chosen {
        Some(directory) => Some(directory.to_owned()),
        None => earlier_directory(file)?,
    };
    known.map_or_else(|| new_directory(file), |directory| Ok((directory, None)))
}

/// Begins the study in its directory, or goes on there. If the directory `is_chosen` here and another study
/// has begun in it since, in the next one. Says what the `other` study before it has that this one has not:
/// that one may have been meant.
fn begin(study: &mut Study<'_>, is_chosen: bool, mut other: Option<String>) -> Result<()> {
    loop {
        match study.establish() {
            Err(_) if is_chosen && !suits(&study.directory, &study.file)? => {
                (study.directory, other) = new_directory(&study.file)?;
            }
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    if let Some(other) = other {
        tell(&format!("{other}; this one begins in {}", study.directory.display()));
    }
    Ok(())
}

/// Refuses a size that the device surely cannot hold, before data are cut and processes started for it.
fn check_memory(study: &Study<'_>, mut trials: Vec<TrialConfig>) -> Result<()> {
    // What has ended somewhere need not fit here.
    trials.retain(|trial| {
        !State::read(&study.trial_directory(&trial.id())).is_ok_and(|state| state.is_settled())
    });
    let mut largest = None;
    for trial in &trials {
        let extent = study.corpus.extent(&trial.model, &trial.options);
        let cost = study.task.cost(&trial.model, trial.size, extent, &trial.options)?;
        if largest.is_none_or(|(parameters, _)| cost.parameters > parameters) {
            largest = Some((cost.parameters, trial));
        }
    }
    largest.map_or(Ok(()), |(parameters, trial)| {
        study.compute.check_memory(&trial.model, trial.size, parameters)
    })
}

fn override_settings(
    layers: &mut Layers,
    config: Option<&toml::Table>,
    assignments: &[String],
) -> Result<()> {
    if let Some(table) = config {
        layers.table(table)?;
    }
    assignments.iter().try_for_each(|assignment| layers.set(assignment))
}

/// A path that leads to the same place from anywhere. A link to a file is not followed: what a manifest names
/// lies beside the link, as where nothing is made absolute.
fn absolute(path: &Path) -> Result<PathBuf> {
    let found = std::fs::canonicalize(path).at("find", path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(found) };
    if !found.is_file() {
        return Ok(found);
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    Ok(std::fs::canonicalize(parent).at("find", parent)?.join(name))
}

/// The models of `--model a,b`, which must belong to one task.
fn models(domain: &Domain, names: Option<&str>) -> Result<(&'static dyn Task, Vec<String>)> {
    let Some(names) = names else {
        let (task, _) = domain.find(None)?;
        return Ok((task, task.about().default_models().iter().map(|model| (*model).to_owned()).collect()));
    };
    let found = names.split(',').map(|name| domain.find(Some(name.trim()))).collect::<Result<Vec<_>>>()?;
    let task = found[0].0;
    if let Some((_, stranger)) = found.iter().find(|(t, _)| t.about().name != task.about().name) {
        return Err(Error::input(format!(
            "`{}` and `{stranger}` are models of different tasks; study them apart",
            found[0].1
        )));
    }
    Ok((task, found.into_iter().map(|(_, name)| name.to_owned()).collect()))
}

fn read_config(path: &Path) -> Result<toml::Table> {
    let table = std::fs::read_to_string(path)
        .at("read", path)?
        .parse::<toml::Table>()
        .map_err(|e| e.to_string().lines().collect::<Vec<_>>().join(" "))
        .at("read", path)?;
    // Only what a study writes about itself has one.
    if table.contains_key("fingerprint") {
        return Err(Error::input(format!(
            "{} describes a study, not settings; go on with that study by `--out`, or leave out all lines down to `command`",
            path.display()
        )));
    }
    Ok(table)
}

/// The newest `runs/<task>-*` that holds the same study, perhaps from another day: to be gone on with, or
/// complete.
fn earlier_directory(file: &StudyFile) -> Result<Option<PathBuf>> {
    let prefix = format!("{}-", file.task);
    let is_ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(RUNS).into_iter().flatten().flatten().map(|e| e.path()).collect();
    found.retain(is_ours);
    found.sort();
    for directory in found.into_iter().rev() {
        if holds(&directory, file)? {
            return Ok(Some(directory));
        }
    }
    Ok(None)
}

/// `runs/<task>-<date>`, by the date in UTC; where that is taken, with a number after it, and what the study
/// before has that this one has not.
fn new_directory(file: &StudyFile) -> Result<(PathBuf, Option<String>)> {
    let first = format!("{}-{}", file.task, today());
    let (mut directory, mut number, mut other) = (Path::new(RUNS).join(&first), 1, None);
    while !suits(&directory, file)? {
        if let Ok(there) = StudyFile::read(&directory) {
            other = file.other_than(&there, &directory)?;
        }
        number += 1;
        directory.set_file_name(format!("{first}-{number}"));
    }
    Ok((directory, other))
}

/// Whether this study may lie in `directory`. Another worker may have begun it there since it was looked for.
fn suits(directory: &Path, file: &StudyFile) -> Result<bool> {
    Ok(StudyFile::is_free(directory) || holds(directory, file)?)
}

/// Whether `directory` holds this study. One that cannot be read is somebody else's concern.
fn holds(directory: &Path, file: &StudyFile) -> Result<bool> {
    match StudyFile::read(directory) {
        Ok(there) => Ok(there.difference(file)?.is_none()),
        Err(_) => Ok(false),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_linked_manifest_stays_where_its_link_is() {
        let root = tempfile::tempdir().expect("a directory");
        let [here, there] = ["here", "there"].map(|name| root.path().join(name));
        for directory in [&here, &there] {
            std::fs::create_dir(directory).expect("a directory");
        }
        std::fs::write(there.join("list.csv"), "").expect("a file");
        std::os::unix::fs::symlink(there.join("list.csv"), here.join("train.csv")).expect("a link");
        std::os::unix::fs::symlink(&there, here.join("data")).expect("a link");
        let [here, there] = [here, there].map(|path| path.canonicalize().expect("a directory"));
        let found = |name: &str| absolute(&here.join(name)).expect("a path");
        assert_eq!(found("train.csv"), here.join("train.csv"));
        assert_eq!(found("../here/data/list.csv"), there.join("list.csv"));
        assert_eq!(found("data"), there);
        assert!(absolute(&here.join("gone.csv")).is_err());
    }
}
