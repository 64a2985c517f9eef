//! `flits rollback`: pins an earlier champion of a dataset, or removes the pin.

use std::process::ExitCode;

use contract::{Dataset, Digest, Entry, JobId, Message, PartId, Task};
use eval::rollback;
use gateway::Champion;
use platform::Platform;
use serde_json::json;

use super::{
    args::RollbackArgs,
    open,
    print::{print, print_json},
};

/// Pins a champion and asks for a forecast by it, or removes the pin.
///
/// # Errors
/// When the directory or the store cannot be used, or there is no such champion.
pub(super) async fn rollback(args: &RollbackArgs) -> anyhow::Result<ExitCode> {
    let dataset: Dataset = args.dataset.parse()?;
    let session = open::session(&args.at).await?;
    let done = rolled_back(args, &dataset, &session.platform).await;
    let goes_on = open::goes_on(&session);
    session.close().await;
    let (entry, job) = done?;
    if args.at.json {
        print_json(&json!({
            "event": "result", "ok": true, "dataset": dataset, "kind": entry.kind, "champion": Champion::of(&entry),
            "reason": entry.reason, "job": job,
        }));
    } else {
        print(&format!(
            "champion  {} ({}), generation {}: {}",
            entry.member,
            entry.artifact.short(),
            entry.generation,
            entry.reason
        ));
        if job.is_some() {
            print(&format!("its forecast is asked for{goes_on}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the newest entry and, after a pin, the job that forecasts with it.
async fn rolled_back(
    args: &RollbackArgs,
    dataset: &Dataset,
    platform: &Platform,
) -> anyhow::Result<(Entry, Option<JobId>)> {
    let (store, part) = (platform.store.as_ref(), PartId::WHOLE);
    if args.unpin {
        return Ok((rollback::unpin(store, dataset, part).await?, None));
    }
    let entry = rollback::pin(store, dataset, part, args.to).await?;
    let (task, spec) = rollback::forecast(store, dataset, part, &entry).await?;
    // A walk of its own: no upload leads to it.
    let trace = Digest::of_json(&entry).hex()[..32].to_owned();
    let message = Message::new(Task::Infer(task), &spec, &trace);
    platform
        .outbox
        .send(message.stage.stage(), &[message.to_json()])
        .await?;
    Ok((entry, Some(message.job)))
}
