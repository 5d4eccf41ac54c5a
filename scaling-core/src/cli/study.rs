//! `study`, `plan` and `trial`.

use super::arguments::{StudyArguments, TrialArguments};
use super::date::today;
use super::{Domain, interrupt};
use crate::device::{Compute, cores, use_threads};
use crate::error::{At, Error, Result};
use crate::files::write_json;
use crate::number::thousands;
use crate::report;
use crate::settings::{Layers, Search};
use crate::study::{Study, StudyFile, collect, execute};
use crate::task::{DEFAULT_SEED, Preset};
use crate::terminal::{say, tell};
use crate::trial::{FailureKind, NO_MEMORY, SCHEMA, State, TrialConfig, has_study, teller};
use std::path::{Path, PathBuf};

/// Floating-point operations per second and core that `plan` assumes; `throughput` measures them.
const ASSUMED_RATE: f64 = 6e10;
/// Where studies lie that name no place.
const RUNS: &str = "runs";
/// Passes over a shard that `plan` assumes until early stopping.
const ASSUMED_EPOCHS: f64 = 15.0;

pub(super) fn study(domain: &Domain, arguments: &StudyArguments) -> Result<()> {
    let study = open(domain, arguments, true)?;
    let interrupted = interrupt::watch(true)?;
    tell(&format!("{} -> {}", study.corpus.description(), study.directory.display()));
    execute(&study, arguments.jobs, &interrupted)?;
    let data = collect(&study.directory)?;
    say(&report::write(&data, &study.directory)?)?;
    study.prune_weights(&data)?;
    say(&format!("report: {}", study.directory.join("report.html").display()))?;
    judge(&study)
}

/// Exit code 1 where a shard has no finished trial, or a trial failed other than by diverging.
fn judge(study: &Study<'_>) -> Result<()> {
    let trials = study.trials(&[])?;
    for (trial, state) in &trials {
        if matches!(state, State::Pending) {
            return Err(Error::failed(format!("trial {} did not end; run again to go on", trial.id())));
        }
        if let State::Failed(failure) = state
            && failure.kind != FailureKind::Diverged
        {
            let cause = match failure.kind {
                FailureKind::Memory => "; the device has too little memory for it, or others use it",
                _ => "",
            };
            return Err(Error::failed(format!(
                "trial {}: {}{cause}; run again to retry it",
                trial.id(),
                failure.message
            )));
        }
    }
    for shard in &study.settings.shards {
        let finished = trials.iter().any(|(t, s)| t.shard.size == *shard && matches!(s, State::Finished(_)));
        if !finished {
            return Err(Error::failed(format!(
                "the shard of {} {} has no finished trial; widen the search",
                thousands(*shard),
                study.task.unit()
            )));
        }
    }
    Ok(())
}

pub(super) fn plan(domain: &Domain, arguments: &StudyArguments) -> Result<()> {
    let study = open(domain, arguments, false)?;
    let trials = study.space().all_trials()?;
    say(&study.corpus.description())?;
    study.corpus.warnings().iter().try_for_each(|line| say(&format!("warning: {line}")))?;
    say(&format!("{:>14} {:>7} {:>22} {:>12}", study.task.unit(), "trials", "parameters", "FLOPs"))?;
    let (mut all_flops, mut disk) = (0.0, 0.0);
    for shard in &study.settings.shards {
        let (mut flops, mut count, mut range) = (0.0, 0, (u64::MAX, 0));
        for trial in trials.iter().filter(|t| t.shard.size == *shard) {
            let extent = study.corpus.extent(&trial.model, &trial.options);
            let cost = study.task.cost(&trial.model, trial.size, extent, &trial.options)?;
            let epochs = ASSUMED_EPOCHS.min(trial.optimization.epochs as f64);
            // Evaluation takes turns with training and costs a third of it per sample.
            let seen = trial.shard.size as f64 * epochs + study.validation_samples() as f64 * epochs / 3.0;
            flops += seen * study.corpus.steps_per_sample() * cost.flops_per_sample;
            disk += cost.parameters as f64 * 4.0;
            range = (range.0.min(cost.parameters), range.1.max(cost.parameters));
            count += 1;
        }
        say(&format!(
            "{:>14} {count:>7} {:>22} {flops:>12.2e}",
            thousands(*shard),
            format!("{} - {}", thousands(range.0), thousands(range.1))
        ))?;
        all_flops += flops;
    }
    let hours = all_flops / (ASSUMED_RATE * cores() as f64) / 3600.0;
    let at_most = if study.settings.search == Search::Guided { "at most " } else { "" };
    say(&format!(
        "{at_most}{} trials, {all_flops:.2e} FLOPs: about {hours:.2} h at {:.0} GFLOP/s per core on {} cores; {:.2} GB if all weights are kept (assuming {ASSUMED_EPOCHS} epochs)",
        trials.len(),
        ASSUMED_RATE / 1e9,
        cores(),
        disk / 1e9,
    ))
}

pub(super) fn trial(domain: &Domain, arguments: &TrialArguments) -> Result<()> {
    interrupt::end_with_study();
    use_threads(arguments.threads.unwrap_or_else(cores));
    let interrupted = interrupt::watch(false)?;
    let study = Study::open(&arguments.study, domain.tasks)?;
    let (id, teller) = (&arguments.trial, teller());
    // Tensor libraries report misuse and failed allocations by panicking: an error of this trial alone.
    let outcome =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| study.run_trial(id, &interrupted, &teller)));
    match outcome {
        Ok(state) => match state? {
            State::Finished(o) => {
                let unit = study.task.metric().unit;
                say(&format!("{id}: {} {unit} after {} updates", o.error, o.best_step))
            }
            State::Failed(failure) if failure.kind == FailureKind::Diverged => {
                say(&format!("{id}: diverged, {}", failure.message))
            }
            State::Failed(failure) => Err(Error::failed(failure.message)),
            State::Pending => Err(Error::failed(format!("trial {id} did not end"))),
        },
        Err(panic) => {
            let failure = super::panic::failure(panic.as_ref());
            if failure.kind == FailureKind::Memory && has_study() {
                tell(&format!("error: {}", failure.message));
                std::process::exit(NO_MEMORY);
            }
            write_json(&study.trial_directory(id).join("error.json"), &failure)?;
            Err(Error::failed(failure.message))
        }
    }
}

/// Opens the study that the arguments describe. With no settings given, a directory that holds a
/// study speaks for itself. Creates the directory only if `create`.
fn open(domain: &Domain, arguments: &StudyArguments, create: bool) -> Result<Study<'static>> {
    let says_nothing = arguments.data.is_none()
        && arguments.model.is_none()
        && arguments.preset.is_none()
        && arguments.config.is_none()
        && arguments.device.is_none()
        && arguments.seed.is_none()
        && arguments.assignments.is_empty();
    if let Some(out) = arguments.out.as_ref().filter(|out| says_nothing && out.join("study.toml").exists()) {
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
        Some(path) => std::fs::canonicalize(path).at("find", Path::new(path))?.to_string_lossy().into_owned(),
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
    let mut layers = Layers::new(task.keys())?;
    override_settings(&mut layers, config.as_ref(), &arguments.assignments)?;
    let corpus = task.open(&data, &layers.resolve()?.1, seed)?;
    let mut layers = Layers::new(task.keys())?;
    layers.pairs(&task.preset(preset, &models[0], corpus.as_ref()))?;
    override_settings(&mut layers, config.as_ref(), &arguments.assignments)?;
    let (settings, options) = layers.resolve()?;
    let compute = compute.in_precision(&settings.precision)?;
    let mut table = toml::Table::try_from(&settings).map_err(|e| Error::input(e.to_string()))?;
    table.extend(toml::Table::try_from(&options).map_err(|e| Error::input(e.to_string()))?);
    let file = StudyFile {
        version: env!("CARGO_PKG_VERSION").into(),
        task: task.name().into(),
        models,
        data,
        fingerprint: corpus.fingerprint(),
        preset,
        device: compute.name.clone(),
        compute: compute.kind.clone(),
        schema: SCHEMA,
        seed,
        command: command(domain.name),
        settings: table,
    };
    let directory = match &arguments.out {
        Some(directory) => directory.clone(),
        None => earlier_directory(&file)?.unwrap_or_else(|| default_directory(task.name())),
    };
    let study = Study { directory, file, task, corpus, settings, options, compute };
    study.check_shards()?;
    if create {
        check_memory(&study, study.space().all_trials()?)?;
        study.establish()?;
    }
    Ok(study)
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

/// The models of `--model a,b`, which must belong to one task.
fn models(domain: &Domain, names: Option<&str>) -> Result<(&'static dyn crate::task::Task, Vec<String>)> {
    let Some(names) = names else {
        let (task, _) = domain.find(None)?;
        return Ok((task, task.default_models().iter().map(|model| (*model).to_owned()).collect()));
    };
    let found = names.split(',').map(|name| domain.find(Some(name.trim()))).collect::<Result<Vec<_>>>()?;
    let task = found[0].0;
    if let Some((_, stranger)) = found.iter().find(|(t, _)| t.name() != task.name()) {
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

/// The command line as a person would type it again.
fn command(name: &str) -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p {name} -- {}", arguments.join(" ")).trim_end().to_owned()
}

/// The newest `runs/<task>-*` that holds the same study, perhaps from another day: to be gone on with, or complete.
fn earlier_directory(file: &StudyFile) -> Result<Option<PathBuf>> {
    let prefix = format!("{}-", file.task);
    let is_ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(RUNS).into_iter().flatten().flatten().map(|e| e.path()).collect();
    found.retain(|path| is_ours(path) && path.join("study.toml").exists());
    found.sort();
    for directory in found.into_iter().rev() {
        // One that cannot be read is somebody else's concern.
        if let Ok(there) = StudyFile::read(&directory)
            && there.difference(file)?.is_none()
        {
            return Ok(Some(directory));
        }
    }
    Ok(None)
}

/// `runs/<task>-<date>`, by the date in UTC.
fn default_directory(task: &str) -> PathBuf {
    Path::new(RUNS).join(format!("{task}-{}", today()))
}
