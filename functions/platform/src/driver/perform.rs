//! One attempt: adopt or work, then conclude.

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use contract::{Manifest, Next, Produced, WorkId, keys};
use forecast::Progress;
use futures_util::FutureExt as _;

use super::failure::Fault;
use crate::{Classify, ErasedWork, Job, Platform, StoreError, Worked, documents, ports::Store};

/// How an attempt ended.
#[expect(clippy::large_enum_variant, reason = "made once per attempt")]
pub(super) enum Ending {
    /// Ready to be committed: the manifest is written, the conclusion drawn.
    Done { made: Produced, adopted: bool, next: Next },
    /// Stopped on the way.
    Stopped { progress: Progress, checkpoint: Vec<u8> },
    /// Something is not there yet.
    Wait { after: Duration, why: String },
    /// It went wrong.
    Failed(Box<dyn Classify>),
}

/// What finished work left, or that nothing is there yet.
pub(super) type Before = Result<Option<Produced>, StoreError>;

/// Makes one attempt: adopts what the work left `before`, or works. A panic is an ending like any other, so that poison is
/// counted and its neighbours live on.
pub(super) async fn perform(work: &dyn ErasedWork, job: &Job, before: Before, platform: &Platform) -> Ending {
    match AssertUnwindSafe(attempt(work, job, before, platform))
        .catch_unwind()
        .await
    {
        Ok(Ok(ending)) => ending,
        Ok(Err(error)) => Ending::Failed(error),
        Err(panic) => Ending::Failed(Box::new(Fault::Panicked {
            what: what(panic.as_ref()),
        })),
    }
}

async fn attempt(
    work: &dyn ErasedWork,
    job: &Job,
    before: Before,
    platform: &Platform,
) -> Result<Ending, Box<dyn Classify>> {
    let store = platform.store.as_ref();
    let (made, adopted) = match before.map_err(boxed)? {
        Some(made) => (made, true),
        None => match work.work(job, platform).await? {
            Worked::Done(made) => (record(store, job, made).await.map_err(boxed)?, false),
            Worked::Stopped { progress, checkpoint } => return Ok(Ending::Stopped { progress, checkpoint }),
            Worked::Wait { after, why } => return Ok(Ending::Wait { after, why }),
        },
    };
    let next = work.conclude(job, &made, platform).await?;
    Ok(Ending::Done { made, adopted, next })
}

/// Reads what finished work left.
pub(super) async fn look(store: &dyn Store, work: WorkId) -> Before {
    Ok(documents::read::<Manifest>(store, &keys::work(work))
        .await?
        .map(|(manifest, _)| manifest.outputs))
}

/// Writes the manifest of finished work; where there is one already, its outputs count.
async fn record(store: &dyn Store, job: &Job, made: Produced) -> Result<Produced, StoreError> {
    let work = job.identity.work;
    let manifest = Manifest {
        work,
        recipe: job.identity.recipe.clone(),
        outputs: made,
    };
    Ok(documents::create_or_adopt(store, &keys::work(work), manifest)
        .await?
        .outputs)
}

fn boxed(error: StoreError) -> Box<dyn Classify> {
    Box::new(error)
}

/// Gives the text of a panic.
fn what(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text").to_owned()
}
