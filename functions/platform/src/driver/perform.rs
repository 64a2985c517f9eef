//! One attempt: adopts finished work or works, then concludes.

use std::{panic::AssertUnwindSafe, time::Duration};

use contract::{Manifest, Next, Produced, keys};
use forecast::Progress;
use futures_util::FutureExt as _;

use super::{about::Checked, failure::Fault};
use crate::{
    class::Classify,
    documents,
    error::{StoreError, panic_text},
    host::Platform,
    ports::Store,
    work::{ErasedWork, Job, Worked},
};

/// How an attempt ended.
#[expect(clippy::large_enum_variant, reason = "made once per attempt")]
pub(super) enum Ending {
    /// Ready to be committed: the manifest is written and the conclusion is known.
    Done { made: Produced, adopted: bool, next: Next },
    /// It was stopped and can continue.
    Stopped { progress: Progress, checkpoint: Vec<u8> },
    /// An input is not there yet.
    Wait { after: Duration, why: String },
    /// It failed.
    Failed(Box<dyn Classify>),
}

/// What an earlier job of the same work left.
pub(super) enum Before {
    /// Nothing: the work was never finished.
    Nothing,
    /// The work was finished, but an object that its manifest names is gone.
    Lost,
    /// The work was finished, and all objects that its manifest names are stored.
    Left(Box<Produced>),
}

/// Makes one attempt: adopts the outputs in `before`, or works. A panic ends an attempt like an error, so that a poison
/// message is counted and the rest of its batch survives.
pub(super) async fn perform(
    work: &dyn ErasedWork,
    job: &Job,
    before: Result<Before, StoreError>,
    platform: &Platform,
) -> Ending {
    match AssertUnwindSafe(attempt(work, job, before, platform))
        .catch_unwind()
        .await
    {
        Ok(Ok(ending)) => ending,
        Ok(Err(error)) => Ending::Failed(error),
        Err(panic) => Ending::Failed(Box::new(Fault::Panicked {
            what: panic_text(panic.as_ref()).to_owned(),
        })),
    }
}

async fn attempt(
    work: &dyn ErasedWork,
    job: &Job,
    before: Result<Before, StoreError>,
    platform: &Platform,
) -> Result<Ending, Box<dyn Classify>> {
    let store = platform.store.as_ref();
    let before = before.map_err(boxed)?;
    let (made, adopted) = if let Before::Left(made) = before {
        (*made, true)
    } else {
        match work.work(job, platform).await? {
            Worked::Done(made) => (record(store, job, made, &before).await.map_err(boxed)?, false),
            Worked::Stopped { progress, checkpoint } => return Ok(Ending::Stopped { progress, checkpoint }),
            Worked::Wait { after, why } => return Ok(Ending::Wait { after, why }),
        }
    };
    let next = work.conclude(job, &made, platform).await?;
    Ok(Ending::Done { made, adopted, next })
}

/// Reads the manifest of finished work and checks that its objects are still stored: retention or a person may have
/// deleted them.
pub(super) async fn look(store: &dyn Store, checked: &Checked) -> Result<Before, StoreError> {
    let manifest = documents::read::<Manifest>(store, &keys::work(checked.identity.work)).await?;
    let Some((Manifest { outputs, .. }, _)) = manifest else {
        return Ok(Before::Nothing);
    };
    let task = &checked.message.stage;
    for key in outputs.objects(task.dataset(), task.part()) {
        if !documents::is_there(store, &key).await? {
            tracing::warn!(key, "an output of finished work is gone, the work is done again");
            return Ok(Before::Lost);
        }
    }
    Ok(Before::Left(Box::new(outputs)))
}

/// Writes the manifest of finished work. When there is one already, its outputs are adopted, unless they are lost.
async fn record(store: &dyn Store, job: &Job, made: Produced, before: &Before) -> Result<Produced, StoreError> {
    let work = job.identity.work;
    let manifest = Manifest {
        work,
        recipe: job.identity.recipe.clone(),
        outputs: made,
    };
    if matches!(before, Before::Lost) {
        let key = keys::work(work);
        store.put(&key, documents::json(&key, &manifest)?).await?;
        return Ok(manifest.outputs);
    }
    Ok(documents::create_or_adopt(store, &keys::work(work), manifest)
        .await?
        .outputs)
}

fn boxed(error: StoreError) -> Box<dyn Classify> {
    Box::new(error)
}
