//! `flits run` and `flits upload`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use contract::text;
use platform::StoreError;

use super::{
    args::{DirArgs, RunArgs, SpecArgs, UploadArgs},
    fate::{Fate, Placed},
    outcome,
    progress::{Progress, print_json},
    request,
    result::{RunResult, StageResult, failure_text, scores_table},
    watch::{Reused, View, Walk},
};
use crate::{
    harness::{Harness, Interrupt, Options, Session},
    submit::{self, Prepared, Refused, SubmitError},
};

/// How long nothing may change before a person hears what is waited for.
const SILENT: Duration = Duration::from_secs(30);
/// Every how many looks an upload that no job began with is looked for.
const LOOKS_PER_FATE: u32 = 10;
/// How often the bucket is looked at: often enough for a person, and seldom for the requests that it takes beside the work.
const LOOK: Duration = Duration::from_millis(100);
/// The exit code after Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

/// How following an upload ended.
enum Followed {
    Finished(Box<RunResult>),
    /// The process that served the directory is gone.
    Lost,
    Interrupted,
}

/// Uploads a file and follows it to its forecast.
///
/// # Errors
/// When the directory, the servers or the file cannot be used.
pub async fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let harness = Harness::new(
        Options::new(&args.place.dir)
            .sets(&args.spec.sets)?
            .isolated(args.isolated)
            .pumping(),
    );
    let mut interrupt = Interrupt::listen()?;
    let session = harness.session().await?;
    let Some(prepared) = prepare(&args.file, &args.spec, &session, args.place.json).await? else {
        session.close().await;
        return Ok(ExitCode::FAILURE);
    };
    let mut following = Following::new(prepared, &args.place, &session);
    let (followed, session) = following.until_the_end(&harness, session, &mut interrupt).await?;
    let code = match followed {
        Followed::Finished(result) => {
            print_result(&result, args.place.json);
            if result.ok {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Followed::Interrupted | Followed::Lost => {
            eprintln!("interrupted; the same command goes on from here");
            ExitCode::from(INTERRUPTED)
        }
    };
    session.close().await;
    Ok(code)
}

/// Uploads a file and returns at once.
///
/// # Errors
/// When the directory, the servers or the file cannot be used.
pub async fn upload(args: &UploadArgs) -> anyhow::Result<ExitCode> {
    let harness = Harness::new(Options::new(&args.place.dir).sets(&args.spec.sets)?);
    let session = harness.session().await?;
    let code = match prepare(&args.file, &args.spec, &session, args.place.json).await? {
        Some(prepared) => {
            prepared.upload(&session.platform).await?;
            let key = prepared.upload.key();
            if args.place.json {
                print_json(&serde_json::json!({
                    "event": "uploaded", "key": key, "dataset": prepared.upload.dataset, "job": prepared.first.job,
                }));
            } else {
                let later = if session.is_holder() {
                    "; `flits up` or `flits run` goes on from here"
                } else {
                    ""
                };
                super::print(&format!("uploaded `{key}`{later}"));
            }
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    };
    session.close().await;
    Ok(code)
}

/// Looks whether the upload can be let in; a refusal is printed and ends the command.
async fn prepare(file: &Path, args: &SpecArgs, session: &Session, json: bool) -> anyhow::Result<Option<Prepared>> {
    for path in std::iter::once(file).chain(args.test.as_deref()) {
        let found = std::fs::metadata(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        anyhow::ensure!(found.is_file(), "`{}` is not a file", path.display());
    }
    let environment: Vec<_> = session.platform.host.overrides.clone().into_iter().collect();
    let submission = request::submission(file, args, &environment)?;
    match submit::prepare(&submission, &session.platform).await {
        Ok(prepared) => Ok(Some(prepared)),
        Err(SubmitError::Refused(Refused(failure))) => {
            let mut result = RunResult::new(&submission.dataset);
            result.failed.push(*failure);
            print_result(&result, json);
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// One upload on its way.
struct Following {
    dir: PathBuf,
    prepared: Prepared,
    walk: Walk,
    progress: Progress,
    reused: Reused,
    placed: Option<Placed>,
    /// Whether the upload was seen to be gone before; its job may have begun in that moment.
    gone: bool,
}

impl Following {
    fn new(prepared: Prepared, place: &DirArgs, session: &Session) -> Self {
        let first = prepared.first.stage.clone();
        let walk = Walk::new(session.platform.store.clone(), prepared.spec.clone(), first);
        Self {
            dir: place.dir.clone(),
            prepared,
            walk,
            progress: Progress::new(place.json),
            reused: Reused::new(),
            placed: None,
            gone: false,
        }
    }

    /// Follows over as many sessions as it takes: whoever serves the directory may go, then another one serves.
    async fn until_the_end(
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
                Err(error) if is_silence(&error) && !session.is_holder() => {}
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
        let placed = match self.placed.clone() {
            Some(placed) => placed,
            None => self.submit(session).await?,
        };
        let (clock, mut silence) = (session.platform.clock.clone(), Silence::new(session));
        for look in 0_u32.. {
            let view = self.walk.look().await?;
            self.reused.extend(view.ended_before(placed.written()));
            self.progress.show(&view, &self.reused);
            if view.finished {
                return self.result(&view, session).await.map(Box::new).map(Followed::Finished);
            }
            if session.is_lost() {
                return Ok(Followed::Lost);
            }
            let mut waits = view.waits_for();
            if !view.has_begun() && look % LOOKS_PER_FATE == 0 {
                match placed.fate(session.platform.store.as_ref()).await? {
                    Fate::Open(None) => {}
                    Fate::Open(Some(why)) => waits.push(why),
                    Fate::Refused(failure) => return Ok(self.ended(|result| result.failed.push(*failure))),
                    Fate::Gone(why) if self.gone => return Ok(self.ended(|result| result.lost = Some(why))),
                    Fate::Gone(_) => self.gone = true,
                }
            }
            if let Some(seconds) = silence.broken(&view, clock.monotonic()) {
                self.progress.waiting(&waits, seconds);
            }
            clock.sleep(LOOK).await;
        }
        unreachable!("a walk is not looked at so often")
    }

    async fn submit(&mut self, session: &Session) -> anyhow::Result<Placed> {
        self.reused = self.walk.committed().await?;
        self.prepared.upload(&session.platform).await?;
        let placed = Placed::of(&self.prepared, &session.platform).await?;
        self.placed = Some(placed.clone());
        Ok(placed)
    }

    /// Ends without any job, for a reason.
    fn ended(&self, why: impl FnOnce(&mut RunResult)) -> Followed {
        let mut result = RunResult::new(self.prepared.upload.dataset.as_str());
        why(&mut result);
        Followed::Finished(Box::new(result))
    }

    /// Reads what the upload has led to, and draws it. Whoever serves may go meanwhile, so this is a part of following.
    async fn result(&self, view: &View, session: &Session) -> anyhow::Result<RunResult> {
        let round = self.walk.round(view).await?;
        let mut result = outcome::summarize(&self.prepared.upload.dataset, view, round.as_ref(), &self.reused);
        if let (true, Some(round)) = (result.ok, &round) {
            let store = session.platform.store.as_ref();
            outcome::draw(&self.dir, view, round, &mut result, store).await?;
        }
        Ok(result)
    }
}

/// Notices that nothing changes any more.
struct Silence {
    seen: u64,
    since: Duration,
    told: Duration,
}

impl Silence {
    fn new(session: &Session) -> Self {
        let now = session.platform.clock.monotonic();
        Self {
            seen: 0,
            since: now,
            told: now,
        }
    }

    /// Returns for how many seconds nothing has changed, each time that it is worth telling.
    fn broken(&mut self, view: &View, now: Duration) -> Option<u64> {
        let seen = view.fingerprint();
        if seen != self.seen {
            *self = Self {
                seen,
                since: now,
                told: now,
            };
        }
        if now < self.told + SILENT {
            return None;
        }
        self.told = now;
        Some(now.saturating_sub(self.since).as_secs())
    }
}

fn print_result(result: &RunResult, json: bool) {
    if json {
        return print_json(result);
    }
    let champion = result.champion.as_ref().map(|champion| champion.model.as_str());
    let mut lines = Vec::new();
    if !result.scores.is_empty() {
        lines.push(scores_table(&result.scores, &result.out, champion));
    }
    for (about, notice) in result.stages.iter().flat_map(StageResult::told) {
        lines.push(format!("  {about}: {notice}"));
    }
    if let Some(champion) = &result.champion {
        let digest = champion.digest.short();
        lines.push(format!(
            "champion  {} ({digest}), generation {}",
            champion.model, champion.generation
        ));
    }
    lines.extend(result.forecast.iter().map(|key| format!("forecast  {key}")));
    lines.extend(result.plot.iter().map(|path| format!("plot      {path}")));
    lines.extend(
        result
            .unplotted
            .iter()
            .map(|why| format!("no plot: {}", text::lines(why))),
    );
    if !result.ok {
        lines.extend(result.failed.iter().map(failure_text));
        lines.extend(
            result
                .nobody
                .iter()
                .map(|why| format!("no champion: {}", text::lines(why))),
        );
        lines.extend(result.lost.iter().map(|why| text::lines(why).to_string()));
        lines.push(if result.lost.is_some() {
            "no forecast; the same command uploads it again".to_owned()
        } else {
            format!(
                "no forecast; a failure stays until data or spec change, `flits retry {}` or --force",
                text::plain(&result.dataset)
            )
        });
    }
    super::print(&lines.join("\n"));
}

/// Whether an error means that nobody answers there any more.
fn is_silence(error: &anyhow::Error) -> bool {
    let store = error.chain().find_map(|cause| cause.downcast_ref());
    matches!(
        store,
        Some(StoreError::Unavailable { .. } | StoreError::Doubt { .. } | StoreError::Denied { .. })
    )
}
