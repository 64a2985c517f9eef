//! What a person sees while an upload walks: bars on a terminal, plain lines elsewhere, JSON for programs.

use std::{
    collections::{HashMap, HashSet},
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use contract::{JobId, Produced, Task};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use platform::ledger::State;
use serde_json::json;

use super::{
    result::{StageResult, failure_text},
    watch::{JobView, Reused, View},
};

/// Reports each change of a walk once.
pub struct Progress {
    style: Style,
    seen: HashSet<(JobId, State)>,
}

enum Style {
    Json,
    Lines,
    Bars {
        all: MultiProgress,
        bars: HashMap<JobId, ProgressBar>,
    },
}

impl Progress {
    /// Chooses by what stands at the other end.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let style = if json {
            Style::Json
        } else if std::io::stderr().is_terminal() {
            Style::Bars {
                all: MultiProgress::new(),
                bars: HashMap::new(),
            }
        } else {
            Style::Lines
        };
        Self {
            style,
            seen: HashSet::new(),
        }
    }

    /// Shows what is new in a view; `reused` are the jobs that were committed before the command began.
    pub fn show(&mut self, view: &View, reused: &Reused) {
        for job in &view.jobs {
            let Some(ledger) = &job.step.ledger else { continue };
            let first = self.seen.insert((job.step.job, ledger.state));
            match &mut self.style {
                Style::Bars { all, bars } => {
                    let bar = bars
                        .entry(job.step.job)
                        .or_insert_with(|| start_bar(all, &label(&job.step.task)));
                    update_bar(bar, job, reused.contains(&job.step.job));
                }
                Style::Json if first => print_json(&json!({
                    "event": "job", "stage": job.step.task.stage(), "model": job.step.task.member(), "job": job.step.job,
                    "state": ledger.state, "attempt": ledger.attempt, "hop": ledger.hop,
                })),
                Style::Lines if first && ended(job) => eprintln!("{}", line(job, reused.contains(&job.step.job))),
                Style::Json | Style::Lines => {}
            }
        }
    }

    /// Says what is waited for when nothing has changed for some time.
    pub fn waiting(&mut self, what: &[String], seconds: u64) {
        let text = format!("nothing has changed for {seconds} s; waiting for {}", what.join(", "));
        match &self.style {
            Style::Json => print_json(&json!({"event": "waiting", "seconds": seconds, "for": what})),
            Style::Lines => eprintln!("{text}"),
            Style::Bars { all, .. } => {
                let _ = all.println(text);
            }
        }
    }

    /// Takes the bars away, leaving their last lines.
    pub fn finish(&mut self) {
        if let Style::Bars { bars, .. } = &mut self.style {
            for bar in bars.values() {
                bar.abandon();
            }
        }
    }
}

/// Prints one object per line to standard output.
pub fn print_json(value: &impl serde::Serialize) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop the work.
    let _ = serde_json::to_writer(&mut out, value)
        .map_err(std::io::Error::from)
        .and_then(|()| writeln!(out));
}

/// Describes a job as one of the result's stages.
#[must_use]
pub fn stage_result(job: &JobView, reused: &Reused) -> Option<StageResult> {
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

fn line(job: &JobView, before: bool) -> String {
    let name = label(&job.step.task);
    if let Some(failure) = &job.failure {
        return format!("{name:24} failed: {}", failure_text(failure));
    }
    let seconds = job.step.ledger.as_ref().map_or(0.0, |ledger| ledger.seconds);
    let adopted = job
        .step
        .ledger
        .as_ref()
        .and_then(|l| l.result.as_ref())
        .is_some_and(|r| r.adopted);
    let done = if before || adopted {
        "reused".to_owned()
    } else {
        format!("{seconds:.3} s")
    };
    format!("{name:24} {done:>10}  {}", facts(job))
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

fn start_bar(all: &MultiProgress, name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix:24} {msg}").expect("the template is a constant");
    let bar = all.add(
        ProgressBar::new_spinner()
            .with_style(style)
            .with_prefix(name.to_owned()),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn update_bar(bar: &ProgressBar, job: &JobView, before: bool) {
    if bar.is_finished() {
        return;
    }
    if ended(job) {
        let text = line(job, before);
        bar.abandon_with_message(text.get(25..).unwrap_or_default().to_owned());
        return;
    }
    let Some(ledger) = &job.step.ledger else { return };
    let progress = ledger
        .progress
        .map_or(String::new(), |p| format!(", epoch {}", p.epoch + 1));
    let again = if ledger.attempt > 0 {
        format!(", attempt {}", ledger.attempt + 1)
    } else {
        String::new()
    };
    let state = match ledger.state {
        State::Running => "running",
        State::Released => "waiting for another try",
        State::Yielded => "continuing",
        State::Committed | State::Failed => "done",
    };
    bar.set_message(format!("{state}{progress}{again}"));
}
