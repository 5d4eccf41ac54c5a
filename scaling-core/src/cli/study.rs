//! `study`, `plan` and `trial`.

use super::arguments::{StudyArguments, TrialArguments};
use super::open::open;
use super::{Domain, interrupt, panic};
use crate::device::{cores, use_threads};
use crate::error::{Error, Result};
use crate::files::write_json;
use crate::number::thousands;
use crate::parent::has_study;
use crate::report;
use crate::settings::{Search, Settings};
use crate::study::{Study, collect, execute};
use crate::task::Origin;
use crate::terminal::{say, tell};
use crate::trial::{Beat, Failure, FailureKind, NO_MEMORY_EXIT, State, teller};
use std::cell::Cell;

/// Floating-point operations per second and core that `plan` assumes; `throughput` measures them.
const ASSUMED_RATE: f64 = 6e10;
/// Passes over a shard that `plan` assumes until early stopping, if the schedule can end so early.
const ASSUMED_EPOCHS: f64 = 15.0;

pub(super) fn study(domain: &Domain, arguments: &StudyArguments) -> Result<()> {
    let study = open(domain, arguments, true)?;
    let interrupted = interrupt::watch(true)?;
    tell(&format!("{} -> {}", study.corpus.origin().description, study.directory.display()));
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
                FailureKind::Memory => format!("; {}", panic::NO_MEMORY),
                _ => String::new(),
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
                study.task.about().unit
            )));
        }
    }
    Ok(())
}

pub(super) fn plan(domain: &Domain, arguments: &StudyArguments) -> Result<()> {
    let study = open(domain, arguments, false)?;
    let trials = study.space().all_trials()?;
    let Origin { description, warnings, .. } = study.corpus.origin();
    say(description)?;
    warnings.iter().try_for_each(|line| say(&format!("warning: {line}")))?;
    say(&format!("{:>14} {:>7} {:>22} {:>12}", study.task.about().unit, "trials", "parameters", "FLOPs"))?;
    let Settings { drops, stall, patience, epochs, .. } = study.settings;
    let epochs = ASSUMED_EPOCHS.max((1 + drops * stall + patience) as f64).min(epochs as f64);
    let (mut all_flops, mut disk) = (0.0, 0.0);
    for shard in &study.settings.shards {
        let (mut flops, mut count, mut range) = (0.0, 0, (u64::MAX, 0));
        for trial in trials.iter().filter(|t| t.shard.size == *shard) {
            let extent = study.corpus.extent(&trial.model, &trial.options);
            let cost = study.task.cost(&trial.model, trial.size, extent, &trial.options)?;
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
        "{at_most}{} trials, {all_flops:.2e} FLOPs: about {hours:.2} h at {:.0} GFLOP/s per core on {} cores; {:.2} GB if all weights are kept (assuming {epochs} epochs)",
        trials.len(),
        ASSUMED_RATE / 1e9,
        cores(),
        disk / 1e9,
    ))
}

pub(super) fn trial(domain: &Domain, arguments: &TrialArguments) -> Result<()> {
    interrupt::end_with_study();
    use_threads(arguments.threads.unwrap_or_else(cores));
    let study = Study::open(&arguments.study, domain.tasks)?;
    // Before, there is nothing that a checkpoint would save.
    let interrupted = interrupt::watch(false)?;
    let (id, teller, updates) = (&arguments.trial, teller(), Cell::new(0));
    let tell_and_note = |beat: Beat| {
        updates.set(beat.steps);
        teller(beat);
    };
    // A panic is an error of this trial alone.
    match panic::catch(|| study.run_trial(id, &interrupted, &tell_and_note)) {
        Ok(state) => match state? {
            State::Finished(o) => {
                let unit = &study.task.about().metric.unit;
                say(&format!("{id}: {} {unit} after {} updates", o.error, o.best_step))
            }
            State::Failed(failure) if failure.kind == FailureKind::Diverged => {
                say(&format!("{id}: diverged, {}", failure.message))
            }
            State::Failed(failure) => Err(Error::failed(failure.message)),
            State::Pending => Err(Error::failed(format!("trial {id} did not end"))),
        },
        Err(failure) => {
            if failure.kind == FailureKind::Memory && has_study() {
                tell(&format!("error: {}", failure.message));
                std::process::exit(NO_MEMORY_EXIT);
            }
            let failure = Failure { step: updates.get(), ..failure };
            write_json(&study.trial_directory(id).join("error.json"), &failure)?;
            Err(Error::failed(failure.message))
        }
    }
}
