//! Jobs that no message leads to any more.

use contract::JobId;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use platform::{
    Classify as _, Platform, StoreError,
    driver::tend::{Tended, send_lost, tend as tend_job},
    error::chain,
    ledger::StoredLedger,
    walk,
};

use crate::{
    ABREAST, SweepError, Swept,
    listing::{Ledgers, digest},
    window::Window,
};

/// Does for each job what the next delivery of its message would do.
pub(crate) async fn tend(ledgers: &Ledgers, window: Window, platform: &Platform) -> Result<Swept, SweepError> {
    let due = ledgers.keys.iter().filter(|listed| window.holds(listed.last_modified));
    let due = due.filter_map(|listed| digest(&listed.key));
    stream::iter(due)
        .map(|job| one(job, ledgers, window, platform))
        .buffer_unordered(ABREAST)
        .try_fold(Swept::default(), async |all, one| Ok(all.and(one)))
        .await
}

async fn one(job: JobId, ledgers: &Ledgers, window: Window, platform: &Platform) -> Result<Swept, SweepError> {
    let mut swept = Swept {
        read: 1,
        ..Swept::default()
    };
    let found = match walk::stored_ledger(platform.store.as_ref(), job).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Swept::default()),
        Err(error @ (StoreError::Damaged { .. } | StoreError::Newer { .. })) => {
            tracing::warn!(job = %job.short(), error = chain(&error), "a ledger is skipped");
            swept.skipped = 1;
            return Ok(swept);
        }
        Err(error) => return Err(error.into()),
    };
    let tended = async {
        match tend_job(&found, platform).await? {
            Tended::Nothing => swept.resent = again(&found, ledgers, window, platform).await?,
            Tended::PassedOn => swept.resent = 1,
            Tended::Sent => swept.taken_over = 1,
            Tended::Failed => swept.failed = 1,
            Tended::Unknown => swept.skipped = 1,
        }
        Ok(())
    };
    match tended.await {
        Ok(()) => {}
        Err(SweepError::Send(error)) if !error.class().may_pass() => {
            tracing::warn!(job = %job.short(), error = chain(&error), "a job is skipped");
            swept.skipped = 1;
        }
        Err(error) => return Err(error),
    }
    Ok(swept)
}

/// Sends once more what was lost after a job; returns 1 if anything was.
async fn again(
    found: &StoredLedger,
    ledgers: &Ledgers,
    window: Window,
    platform: &Platform,
) -> Result<usize, SweepError> {
    if !window.is_overdue(found.written) {
        return Ok(0);
    }
    let is_known = |job| ledgers.jobs.contains(&job);
    Ok(send_lost(&found.ledger, is_known, platform).await?.min(1))
}

impl Swept {
    fn and(self, other: Self) -> Self {
        Self {
            listed: self.listed + other.listed,
            read: self.read + other.read,
            resent: self.resent + other.resent,
            taken_over: self.taken_over + other.taken_over,
            failed: self.failed + other.failed,
            uploads: self.uploads + other.uploads,
            skipped: self.skipped + other.skipped,
        }
    }
}
