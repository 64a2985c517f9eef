//! The five functions, as the pump calls them in this process: each is the batch function that its binary runs.

use std::{collections::BTreeMap, sync::Arc};

use contract::Stage;
use platform::{ErasedWork, Platform};

use crate::pump::{self, Batch};

/// Returns the work of the five stages.
#[must_use]
pub fn all() -> [Arc<dyn ErasedWork>; 5] {
    [
        Arc::new(preprocess::Preprocess::default()),
        Arc::new(sample::Sample),
        Arc::new(train::Train),
        Arc::new(eval::Eval),
        Arc::new(infer::Infer),
    ]
}

/// Returns each stage's batch function on one platform.
pub(crate) fn batches(platform: &Platform) -> BTreeMap<Stage, Batch> {
    let batch = |work: Arc<dyn ErasedWork>| (work.stage(), pump::batch(work, platform.clone()));
    all().map(batch).into()
}
