//! One event from a file or from standard input; its outcome as JSON on standard output.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Handled, handle_record, stop_on_signals};
use crate::{
    event::Invocation,
    host::Platform,
    outcome::{Ended, Outcome},
    stop::Stop,
    work::ErasedWork,
};

/// Handles one event. Fails when a job failed or must be given back, because nobody delivers the event again.
pub(super) async fn serve(work: &dyn ErasedWork, file: Option<&Path>, platform: &Platform) -> anyhow::Result<ExitCode> {
    let text = read(file)?;
    let invocation = Invocation::parse(&text)?;
    let ending = Stop::never();
    stop_on_signals(&ending);
    let stop = ending.child(
        platform.clock.clone(),
        platform.clock.monotonic() + platform.host.deadline,
    );
    let mut all = ExitCode::SUCCESS;
    for (number, record) in invocation.event.records.into_iter().enumerate() {
        let id = record.message_id.clone().unwrap_or_else(|| format!("record {number}"));
        let handled = handle_record(work, record, id, &stop, platform).await;
        if handled.again || handled.outcomes.iter().any(failed) {
            all = ExitCode::FAILURE;
        }
        writeln!(std::io::stdout().lock(), "{}", report(&handled))?;
    }
    Ok(all)
}

pub(super) fn read(file: Option<&Path>) -> anyhow::Result<String> {
    if let Some(file) = file {
        return std::fs::read_to_string(file).with_context(|| format!("cannot read event `{}`", file.display()));
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("cannot read an event from standard input")?;
    Ok(text)
}

fn failed(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Done {
            ended: Ended::Failed(_),
            ..
        }
    )
}

fn report(handled: &Handled) -> Value {
    let outcomes: Vec<Value> = handled.outcomes.iter().map(outcome).collect();
    json!({"record": handled.id, "acknowledged": !handled.again, "outcomes": outcomes})
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::GiveBack { job, after, why } => {
            json!({"job": job, "ended": "given-back", "after_s": after.as_secs_f64(), "why": why})
        }
        Outcome::Done { job, ended } => match ended {
            Ended::Committed { reused } => json!({"job": job, "ended": "committed", "reused": reused}),
            Ended::Failed(failure) => json!({"job": job, "ended": "failed", "failure": failure}),
            Ended::Yielded { hop } => json!({"job": job, "ended": "yielded", "hop": hop}),
            Ended::Stale => json!({"job": job, "ended": "stale"}),
        },
    }
}
