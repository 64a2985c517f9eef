//! One event from a file or from standard input; its outcome as JSON on standard output.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;

use crate::{
    batch::{handle_record, report},
    event::{CloudEvent, Invocation},
    host::Platform,
    outcome::{Ended, Outcome},
    stop::Stop,
    work::ErasedWork,
};

/// Handles one event. Fails when a job failed or must be given back, because nobody delivers the event again.
pub(super) async fn serve(
    work: &dyn ErasedWork,
    file: Option<&Path>,
    ending: &Stop,
    platform: &Platform,
) -> anyhow::Result<ExitCode> {
    let invocation = Invocation::parse(&read(file)?)?;
    handle(work, invocation, ending, platform).await
}

/// Handles the one event that a job was started for: a CloudEvent in JSON. A stop that is asked for is a good end,
/// because the continuation was sent.
pub(super) async fn job(
    work: &dyn ErasedWork,
    path: &Path,
    ending: &Stop,
    platform: &Platform,
) -> anyhow::Result<ExitCode> {
    // A folder is mounted, with the event in it.
    let file = if path.is_dir() {
        path.join("event")
    } else {
        path.to_owned()
    };
    let event = CloudEvent::structured(read(Some(&file))?.as_bytes())
        .with_context(|| format!("`{}` is not an event", file.display()))?;
    tracing::info!(id = event.id, kind = event.kind, "started for an event");
    let done = handle(work, Invocation::parse(&event.data)?, ending, platform).await?;
    Ok(if ending.is_asked() { ExitCode::SUCCESS } else { done })
}

async fn handle(
    work: &dyn ErasedWork,
    invocation: Invocation,
    ending: &Stop,
    platform: &Platform,
) -> anyhow::Result<ExitCode> {
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
    anyhow::ensure!(
        !text.trim().is_empty(),
        "standard input holds no event: name an event file, empty a queue with `--drain QUEUE`, or serve HTTP with `PORT`"
    );
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
