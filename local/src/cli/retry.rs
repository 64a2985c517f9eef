//! `flits retry`: opens failed jobs again and sends their uploads once more.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use contract::{Dataset, Failure, JobId, Message, Stage, keys};
use platform::{
    Platform, Store, bucket, documents, event,
    front::{self, Preview},
    ledger::State,
    walk,
};
use serde::Serialize;
use serde_json::json;

use super::{
    args::RetryArgs,
    open,
    print::{print, print_json},
    watch::Walk,
};

/// The fewest digits of a job id; a shorter text could be the name of a dataset.
const SHORTEST_JOB: usize = 8;

/// What the command line names.
enum Asked {
    Dataset(Dataset),
    Job(JobId, Dataset),
}

/// One job that is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Retried {
    job: JobId,
    stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    key: String,
}

/// Opens the failed jobs of a dataset, or one of them, and sends the events of their uploads once more.
///
/// # Errors
/// When the directory or the store cannot be used, or nothing of that name has failed.
pub(super) async fn retry(args: &RetryArgs) -> anyhow::Result<ExitCode> {
    let session = open::session(&args.at).await?;
    let done = retry_on(&args.what, &session.platform).await;
    let goes_on = open::goes_on(&session);
    session.close().await;
    let retried = done?;
    if args.at.json {
        print_json(&json!({"event": "result", "ok": true, "retried": retried}));
    } else {
        for one in &retried {
            let model = one
                .model
                .as_deref()
                .map(|model| format!(" {model}"))
                .unwrap_or_default();
            print(&format!(
                "{}{model} of `{}`, job {}",
                one.stage,
                one.key,
                one.job.short()
            ));
        }
        print(&format!("{} to be tried again{goes_on}", retried.len()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn retry_on(what: &str, platform: &Platform) -> anyhow::Result<Vec<Retried>> {
    let asked = asked(what, platform.store.as_ref()).await?;
    let (dataset, only) = match &asked {
        Asked::Dataset(dataset) => (dataset, None),
        Asked::Job(job, dataset) => (dataset, Some(*job)),
    };
    let mut retried = Vec::new();
    for key in bucket::list(platform.store.as_ref(), &format!("{}{dataset}/", keys::RAW)).await? {
        let opened = reopen(&key, only, platform).await?;
        if !opened.is_empty() {
            // As a new upload of the same bytes: a redelivery would find its jobs over.
            let now = series::rfc3339(platform.clock.now_s());
            let event = event::notification(&platform.host.bucket, &key, None, &now);
            platform.outbox.send(Stage::Preprocess, &[event]).await?;
        }
        retried.extend(opened);
    }
    if retried.is_empty() {
        match asked {
            Asked::Dataset(dataset) => bail!("nothing has failed for the uploads of dataset `{dataset}` that are here"),
            Asked::Job(job, _) => bail!(
                "job {} is not failed any more, or belongs to an upload that was replaced; upload it again",
                job.short()
            ),
        }
    }
    Ok(retried)
}

/// Opens the failed jobs that one object led to, and returns them.
async fn reopen(key: &str, only: Option<JobId>, platform: &Platform) -> anyhow::Result<Vec<Retried>> {
    let store = platform.store.as_ref();
    let wanted = |job: JobId| only.is_none_or(|only| only == job);
    let mut opened = Vec::new();
    match front::preview(key, platform).await? {
        Preview::Nothing(_) => {}
        Preview::Event(event) => {
            if wanted(event.job) && walk::replay(store, event.job).await? {
                opened.push(Retried {
                    job: event.job,
                    stage: "receive".to_owned(),
                    model: None,
                    key: key.to_owned(),
                });
            }
        }
        Preview::Job(first) => {
            for step in walked(&first, platform).await? {
                let failed = step.ledger.as_ref().is_some_and(|ledger| ledger.state == State::Failed);
                if failed && wanted(step.job) && walk::replay(store, step.job).await? {
                    opened.push(Retried {
                        job: step.job,
                        stage: step.task.stage().to_string(),
                        model: step.task.member().map(ToString::to_string),
                        key: key.to_owned(),
                    });
                }
            }
        }
    }
    Ok(opened)
}

/// Returns all jobs that a first message has led to.
async fn walked(first: &Message, platform: &Platform) -> anyhow::Result<Vec<walk::JobStatus>> {
    let task = first.stage.clone();
    let spec = walk::spec(platform.store.as_ref(), task.dataset(), task.spec()).await?;
    let mut walk = Walk::new(platform.store.clone(), spec.into(), task);
    Ok(walk.look().await?.jobs.into_iter().map(|job| job.step).collect())
}

async fn asked(what: &str, store: &dyn Store) -> anyhow::Result<Asked> {
    if what.len() >= SHORTEST_JOB && what.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let found = bucket::list(store, &format!("failed/{what}")).await?;
        ensure!(
            found.len() < 2,
            "`{what}` begins the ids of {} failed jobs; give more digits",
            found.len()
        );
        if let Some(key) = found.first()
            && let Some((failure, _)) = documents::read::<Failure>(store, key).await?
        {
            let Some(dataset) = failure.dataset else {
                bail!("job {what} names no dataset: {}", failure.message)
            };
            return Ok(Asked::Job(failure.job, dataset));
        }
    }
    Ok(Asked::Dataset(what.parse()?))
}
