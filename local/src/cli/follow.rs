//! Follows one upload to its end, over as many sessions as it takes.

use std::{path::PathBuf, time::Duration};

use platform::StoreError;

use super::{
    args::RunArgs,
    interrupt::Interrupt,
    outcome,
    progress::Progress,
    result::RunResult,
    uploaded::{UploadState, Uploaded},
    watch::{Reused, View, Walk},
};
use crate::{
    harness::{Harness, Session},
    submit::Prepared,
};

/// How long nothing may change before the command says what it waits for.
const STALLED: Duration = Duration::from_secs(30);

/// After how many looks the state of an upload that no job has begun with is read again.
const LOOKS_PER_STATE: u32 = 10;

/// What is shown while an upload is made.
pub(super) const SENDING: &str = "sends the data to the bucket";

/// How often the bucket is read: often enough for a person, and few requests compared with those of the work.
const LOOK: Duration = Duration::from_millis(100);

/// How following an upload ended.
pub(super) enum Followed {
    Finished(Box<RunResult>),
    /// The process that served the directory is gone.
    Lost,
    Interrupted,
}

/// One upload that is followed.
pub(super) struct Following {
    dir: PathBuf,
    /// The file that is drawn beside the usual one.
    plot: Option<PathBuf>,
    prepared: Prepared,
    walk: Walk,
    progress: Progress,
    reused: Reused,
    uploaded: Option<Uploaded>,
    /// Whether the upload was found to be gone at the last look. Only the second time counts, because its job may have
    /// begun in between.
    gone: bool,
}

impl Following {
    pub(super) fn new(prepared: Prepared, progress: Progress, args: &RunArgs, session: &Session) -> Self {
        let first = prepared.first.stage.clone();
        let walk = Walk::new(session.platform.store.clone(), prepared.spec.clone(), first);
        Self {
            dir: args.at.dir.clone(),
            plot: args.plot.clone(),
            prepared,
            walk,
            progress,
            reused: Reused::new(),
            uploaded: None,
            gone: false,
        }
    }

    /// Follows over as many sessions as it takes: when the process that serves the directory ends, another one serves
    /// it.
    pub(super) async fn until_the_end(
        &mut self,
        harness: &Harness,
        mut session: Session,
        interrupt: &mut Interrupt,
    ) -> anyhow::Result<(Followed, Session)> {
        loop {
            let followed = tokio::select! {
                followed = self.follow(&session) => followed,
                () = interrupt.wait() => Ok(Followed::Interrupted),
            };
            match followed {
                Ok(Followed::Lost) => {}
                Err(error) if is_unreachable(&error) && !session.is_holder() => {}
                Ok(followed) => {
                    self.progress.finish();
                    return Ok((followed, session));
                }
                Err(error) => return Err(error),
            }
            session = tokio::select! {
                session = harness.session() => session?,
                () = interrupt.wait() => return Ok((Followed::Interrupted, session)),
            };
            self.walk.reconnect(session.platform.store.clone());
        }
    }

    async fn follow(&mut self, session: &Session) -> anyhow::Result<Followed> {
        let uploaded = match self.uploaded.clone() {
            Some(uploaded) => uploaded,
            None => self.submit(session).await?,
        };
        let (clock, mut stall) = (session.platform.clock.clone(), StallWatch::new(session));
        for look in 0_u32.. {
            let view = self.walk.look().await?;
            self.reused.extend(view.ended_before(uploaded.written()));
            self.progress.show(&view, &self.reused);
            if view.finished {
                return self.result(&view, session).await.map(Box::new).map(Followed::Finished);
            }
            if session.is_lost() {
                return Ok(Followed::Lost);
            }
            let mut waits = view.waits_for();
            if !view.has_begun() && look % LOOKS_PER_STATE == 0 {
                match uploaded.state(session.platform.store.as_ref()).await? {
                    UploadState::Open(None) => {}
                    UploadState::Open(Some(why)) => waits.push(why),
                    UploadState::Refused(failure) => return Ok(self.ended(|result| result.failed.push(*failure))),
                    UploadState::Gone(why) if self.gone => return Ok(self.ended(|result| result.lost = Some(why))),
                    UploadState::Gone(_) => self.gone = true,
                }
            }
            if let Some(seconds) = stall.seconds(&view, clock.monotonic()) {
                self.progress.waiting(&waits, seconds);
            }
            clock.sleep(LOOK).await;
        }
        unreachable!("a walk is not looked at so often")
    }

    async fn submit(&mut self, session: &Session) -> anyhow::Result<Uploaded> {
        self.reused = self.walk.committed().await?;
        self.progress.upload(SENDING);
        self.prepared.upload(&session.platform).await?;
        self.progress.uploaded(&self.prepared.upload.key());
        let uploaded = Uploaded::of(&self.prepared, &session.platform).await?;
        self.uploaded = Some(uploaded.clone());
        Ok(uploaded)
    }

    /// Returns the result of an upload that no job began with.
    fn ended(&self, why: impl FnOnce(&mut RunResult)) -> Followed {
        let mut result = RunResult::new(self.prepared.upload.dataset.as_str());
        why(&mut result);
        Followed::Finished(Box::new(result))
    }

    /// Reads the result of the upload and draws it. The server may end meanwhile, so this is part of following.
    async fn result(&self, view: &View, session: &Session) -> anyhow::Result<RunResult> {
        let round = self.walk.round(view).await?;
        let mut result = outcome::summarize(&self.prepared.upload.dataset, view, round.as_ref(), &self.reused);
        if let (true, Some(round)) = (result.ok, &round) {
            let store = session.platform.store.as_ref();
            let own = self.dir.join("plots").join(format!("{}.svg", result.dataset));
            let paths = std::iter::once(own).chain(self.plot.clone()).collect();
            outcome::draw(paths, view, round, &mut result, store).await?;
        }
        Ok(result)
    }
}

/// Notices when nothing changes for some time.
struct StallWatch {
    seen: u64,
    since: Duration,
    reported: Duration,
}

impl StallWatch {
    fn new(session: &Session) -> Self {
        let now = session.platform.clock.monotonic();
        Self {
            seen: 0,
            since: now,
            reported: now,
        }
    }

    /// Returns for how many seconds nothing has changed, once every [`STALLED`], else `None`.
    fn seconds(&mut self, view: &View, now: Duration) -> Option<u64> {
        let seen = view.fingerprint();
        if seen != self.seen {
            *self = Self {
                seen,
                since: now,
                reported: now,
            };
        }
        if now < self.reported + STALLED {
            return None;
        }
        self.reported = now;
        Some(now.saturating_sub(self.since).as_secs())
    }
}

/// Returns whether an error means that the server no longer answers.
fn is_unreachable(error: &anyhow::Error) -> bool {
    let store = error.chain().find_map(|cause| cause.downcast_ref());
    matches!(
        store,
        Some(StoreError::Unavailable { .. } | StoreError::Doubt { .. } | StoreError::Denied { .. })
    )
}
