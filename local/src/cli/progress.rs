//! What is shown while an upload is processed: bars on a terminal, plain lines elsewhere, JSON for programs.

use std::{collections::HashSet, io::IsTerminal as _};

use contract::{JobId, Lengths, Produced, Report, Task};
use indicatif::ProgressDrawTarget;
use platform::ledger::State;
use serde_json::json;

use super::{
    bars::Bars,
    lengths,
    print::print_json,
    result::{StageResult, failure_text},
    watch::{JobView, Reused, View},
};

/// Reports each change once.
pub(super) struct Progress {
    style: Style,
    seen: HashSet<(JobId, State)>,
    /// The jobs whose file or lengths were described.
    understood: HashSet<JobId>,
}

enum Style {
    Json,
    Lines,
    Bars(Bars),
}

impl Progress {
    /// Chooses the style: JSON if asked for, bars if standard error is a terminal, else lines.
    pub(super) fn new(json: bool) -> Self {
        let style = if json {
            Style::Json
        } else if std::io::stderr().is_terminal() {
            Style::Bars(Bars::on(ProgressDrawTarget::stderr()))
        } else {
            Style::Lines
        };
        Self {
            style,
            seen: HashSet::new(),
            understood: HashSet::new(),
        }
    }

    /// Says what is done with the upload before its first job, where bars are shown.
    pub(super) fn upload(&mut self, what: &str) {
        if let Style::Bars(bars) = &mut self.style {
            bars.upload(what);
        }
    }

    /// Says that the upload is made, where bars are shown.
    pub(super) fn uploaded(&mut self, what: &str) {
        if let Style::Bars(bars) = &mut self.style {
            bars.uploaded(what);
        }
    }

    /// Shows what is new in a view. `reused` are the jobs that were committed before the command began.
    pub(super) fn show(&mut self, view: &View, reused: &Reused) {
        for job in &view.jobs {
            let before = reused.contains(&job.step.job);
            let name = label(&job.step.task);
            if let Some(Produced::Preprocess(facts)) = &job.made
                && self.understood.insert(job.step.job)
            {
                self.understood(&facts.report);
            }
            if let Some(Produced::Sample(facts)) = &job.made
                && let Some(lengths) = &facts.lengths
                && self.understood.insert(job.step.job)
            {
                self.chosen(lengths);
            }
            if let Style::Bars(bars) = &mut self.style {
                if ended(job) {
                    bars.ended(&name, job, outcome(job, before));
                } else {
                    bars.running(&name, job);
                }
                continue;
            }
            let Some(ledger) = &job.step.ledger else { continue };
            if !self.seen.insert((job.step.job, ledger.state)) {
                continue;
            }
            if let Style::Json = self.style {
                print_json(&json!({
                    "event": "job", "stage": job.step.task.stage(), "model": job.step.task.member(), "job": job.step.job,
                    "state": ledger.state, "attempt": ledger.attempt, "hop": ledger.hop,
                }));
            } else if ended(job) {
                eprintln!("{name:24} {}", outcome(job, before));
            }
        }
    }

    /// Says in at most three lines how the file was understood.
    fn understood(&self, report: &Report) {
        let lines = report.lines();
        let lines = lines.iter().map(|line| contract::text::plain(line));
        match &self.style {
            Style::Json => print_json(&json!({"event": "understood", "report": report})),
            Style::Lines => lines.for_each(|line| eprintln!("{line}")),
            Style::Bars(bars) => lines.for_each(|line| bars.println(&line)),
        }
    }

    /// Says in one line which lengths were chosen.
    fn chosen(&self, lengths: &Lengths) {
        let line = lengths::chosen(lengths);
        match &self.style {
            Style::Json => print_json(&json!({"event": "chosen", "lengths": lengths})),
            Style::Lines => eprintln!("{line}"),
            Style::Bars(bars) => bars.println(&line),
        }
    }

    /// Shows what the command waits for when nothing has changed for some time.
    pub(super) fn waiting(&mut self, what: &[String], seconds: u64) {
        let text = format!("nothing has changed for {seconds} s; waiting for {}", what.join(", "));
        match &self.style {
            Style::Json => print_json(&json!({"event": "waiting", "seconds": seconds, "for": what})),
            Style::Lines => eprintln!("{text}"),
            Style::Bars(bars) => bars.println(&text),
        }
    }

    /// Ends the bars and leaves their last lines.
    pub(super) fn finish(&mut self) {
        if let Style::Bars(bars) = &mut self.style {
            bars.finish();
        }
    }
}

/// Describes a job as one of the result's stages.
#[must_use]
pub(super) fn stage_result(job: &JobView, reused: &Reused) -> Option<StageResult> {
    let (made, ledger) = (job.made.as_ref()?, job.step.ledger.as_ref()?);
    let adopted = ledger.result.as_ref().is_some_and(|result| result.adopted);
    let mut stage = StageResult {
        stage: job.step.task.stage(),
        model: job.step.task.member().map(ToString::to_string),
        part: job.step.task.part().to_string(),
        seconds: ledger.seconds,
        reused: adopted || reused.contains(&job.step.job),
        rows: None,
        columns: None,
        x: None,
        y: None,
        epochs: Vec::new(),
        notices: Vec::new(),
    };
    match made {
        Produced::Preprocess(facts) => {
            (stage.rows, stage.columns) = (Some(facts.rows), Some(facts.columns));
            stage.notices = facts.report.notices();
        }
        Produced::Sample(facts) => (stage.rows, stage.columns) = (Some(facts.rows), Some(facts.columns)),
        Produced::Train(facts) => {
            (stage.x, stage.y) = (Some(facts.x), Some(facts.y));
            stage.epochs.clone_from(&facts.epochs);
            stage.notices.clone_from(&facts.notices);
        }
        Produced::Eval(_) | Produced::Infer(_) => {}
    }
    Some(stage)
}

fn label(task: &Task) -> String {
    match task.member() {
        Some(member) => format!("{} {member}", task.stage()),
        None => task.stage().to_string(),
    }
}

fn ended(job: &JobView) -> bool {
    job.made.is_some() || job.failure.is_some()
}

/// Says how a job ended: how long it took and what it made, or why it failed.
fn outcome(job: &JobView, before: bool) -> String {
    if let Some(failure) = &job.failure {
        return format!("failed: {}", failure_text(failure));
    }
    let ledger = job.step.ledger.as_ref();
    let seconds = ledger.map_or(0.0, |ledger| ledger.seconds);
    let result = ledger.and_then(|ledger| ledger.result.as_ref());
    let done = if before || result.is_some_and(|result| result.adopted) {
        "reused".to_owned()
    } else {
        format!("{seconds:.3} s")
    };
    format!("{done:>10}  {}", facts(job))
}

fn facts(job: &JobView) -> String {
    match &job.made {
        Some(Produced::Preprocess(f)) => format!("{} rows, {} columns, {} gaps", f.rows, f.columns, f.report.gaps),
        Some(Produced::Sample(f)) => format!("{} sampled rows, {} held out", f.sampled_rows, f.holdout_rows),
        Some(Produced::Train(f)) => {
            let loss = f
                .epochs
                .last()
                .map_or(String::new(), |e| format!(", loss {:.5}", e.train_loss));
            format!("X {:?}, y {:?}{loss}", f.x, f.y)
        }
        Some(Produced::Eval(f)) => {
            let score = f.scores.as_ref().and_then(|s| s.rmsse);
            score.map_or_else(|| "no scores".to_owned(), |rmsse| format!("rmsse {rmsse:.4}"))
        }
        Some(Produced::Infer(f)) => format!("{} steps, generation {}", f.steps, f.generation),
        None => String::new(),
    }
}
