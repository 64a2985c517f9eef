//! The five functions as the pump calls them in process: the same batch function that their binaries run.

use std::{collections::BTreeMap, sync::Arc};

use contract::Stage;
use platform::{ErasedWork, Platform, serve::handle_batch};

use crate::pump::Batch;

/// Gives the five stages.
#[must_use]
pub fn all() -> [Arc<dyn ErasedWork>; 5] {
    [
        Arc::new(preprocess::Preprocess),
        Arc::new(sample::Sample),
        Arc::new(train::Train),
        Arc::new(eval::Eval),
        Arc::new(infer::Infer),
    ]
}

/// Gives each stage's batch function on one platform.
#[must_use]
pub fn batches(platform: &Platform) -> BTreeMap<Stage, Batch> {
    let batch = |work: Arc<dyn ErasedWork>| -> (Stage, Batch) {
        let (stage, platform) = (work.stage(), platform.clone());
        let handle: Batch = Arc::new(move |event, stop| {
            let (work, platform) = (work.clone(), platform.clone());
            Box::pin(async move { handle_batch(work.as_ref(), event, &stop, &platform).await })
        });
        (stage, handle)
    };
    all().map(batch).into()
}
