//! The stage `sample`: decides which rows train, validate and score, and fits the transform on the training rows.
//!
//! It promises that equal jobs give equal bytes, that nothing is fitted on held-out rows, and that a round opens once
//! however often its job is delivered. It refuses to know models: it names the members and leaves them to `train`.
//!
//! Start with [`cut`], the pure part, then [`Sample`].

mod error;

use async_trait::async_trait;
use contract::{
    Absent, CutDocument, Digest, Lengths, MemberName, Next, Round, SampleFacts, SampleTask, Spec, TrainTask, keys,
    spec::{Choice, Member},
};
use forecast::Ground;
use platform::{
    Job, Platform, Work, Worked,
    documents::{create_or_adopt, json, read_named, work_on_blob},
};
use series::{Cut, Role, Table, Transform, horizon, season};

pub use error::SampleError;

/// The stage `sample`, as the driver runs it. Has no settings of its own: all come from the spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample;

/// The longest season that a net's context holds, and the longest context without one: longer ones cost more than they gain.
const NET_CONTEXT: usize = 48;

/// Divides one clean part into training, validation and holdout rows, and fits the transform on the training rows.
///
/// Pure: equal inputs give equal bytes.
///
/// # Errors
/// When the split leaves no training row, a given season does not fit twice into the rows, or there is nothing to fit the
/// transform on.
pub fn cut(spec: &Spec, clean: Digest, table: &Table) -> Result<CutDocument, SampleError> {
    let observed = table
        .last_observed()
        .ok_or(SampleError::NothingObserved { rows: table.rows() })?;
    let (frequency, rows) = (table.axis.frequency, observed + 1);
    let auto = horizon(frequency, rows);
    let (window, forecast) = (spec.window.horizon.given(), spec.forecast.horizon.given());
    let served = *forecast.or(window).unwrap_or(&auto);
    let cycle = match &spec.forecast.seasons {
        Choice::Given(seasons) => seasons.first().copied().unwrap_or(1),
        Choice::Auto => season(frequency, rows),
    };
    let shape = spec.window.shape(1, *window.unwrap_or(&served));
    let mut cut = Cut::new(table, spec.split.shape(), &spec.sample, shape, cycle)?;
    let learned = cut.learned();
    let seasons = seasons(spec, table, &cut)?;
    cut.set_context(*spec.window.context.given().unwrap_or(&context(&seasons, &cut)));
    let mut transform = Transform::fit(table, cut.training.clone(), &spec.clean)?;
    if spec.forecast.nonnegative {
        transform = transform.nonnegative(table, learned.clone());
    }
    // Rows that stop a fit early decide its weights as much as the rows that it is fitted on.
    let trained = cut.training.end.max(cut.select.end);
    let season = match &spec.forecast.seasons {
        Choice::Given(_) => cycle,
        Choice::Auto => season(frequency, learned.len()),
    };
    Ok(CutDocument {
        clean,
        season,
        seasons,
        served,
        axis: table.axis.clone(),
        train_end: table.axis.at(cut.refits.last().map_or(trained, |end| *end) - 1),
        observed_end: table.axis.at(observed),
        transform,
        cut,
    })
}

/// Returns the given seasons, or those that the rows which were learned from show.
fn seasons(spec: &Spec, table: &Table, cut: &Cut) -> Result<Vec<usize>, SampleError> {
    let learned = cut.learned();
    if let Choice::Given(given) = &spec.forecast.seasons {
        return match given.iter().find(|&&season| 2 * season > learned.len()) {
            Some(&season) => Err(SampleError::LongSeason {
                season,
                rows: learned.len(),
            }),
            None => Ok(given.clone()),
        };
    }
    let targets = table.columns.iter().filter(|column| column.role == Role::Target);
    let values: Vec<&[f64]> = targets.map(|column| &column.values[learned.clone()]).collect();
    Ok(series::seasons(table.axis.frequency, &[], &values))
}

/// Returns the context of windowed models that do not choose one: a season, or else the horizon, where that is affordable.
fn context(seasons: &[usize], cut: &Cut) -> usize {
    let horizon = cut.window.horizon;
    let season = seasons.iter().copied().find(|&season| season <= NET_CONTEXT);
    let most = cut.training.len().saturating_sub(horizon) / 2;
    season.unwrap_or(horizon).min(NET_CONTEXT).min(most).max(1)
}

#[async_trait]
impl Work for Sample {
    type Task = SampleTask;
    type Made = SampleFacts;
    type Error = SampleError;

    async fn work(&self, job: &Job<SampleTask>, platform: &Platform) -> Result<Worked<SampleFacts>, SampleError> {
        let task = &job.task;
        let key = keys::clean(&task.dataset, task.part, task.clean);
        let (spec, clean, cap) = (job.spec.clone(), task.clean, platform.host.max_packed());
        let cut = work_on_blob(&*platform.store, &key, clean, cap, move |bytes| {
            let table = part::read(bytes)?;
            Ok::<_, SampleError>((cut(&spec, clean, &table)?, table.columns.len()))
        });
        let (document, columns) = cut.await??;
        let bytes = json(keys::SAMPLES, &document)?;
        let digest = Digest::of(&bytes);
        platform
            .store
            .put_named(&keys::cut(&task.dataset, task.part, digest), bytes)
            .await?;
        let vary = job.spec.window.context.given().is_none();
        Ok(Worked::Done(facts(digest, &document, columns, vary)))
    }

    /// Opens the round: writes its members, and returns one `train` job for each.
    async fn conclude(
        &self,
        job: &Job<SampleTask>,
        made: &SampleFacts,
        platform: &Platform,
    ) -> Result<Next, SampleError> {
        let task = &job.task;
        let cut: CutDocument = read_named(
            &*platform.store,
            &keys::cut(&task.dataset, task.part, made.cut),
            made.cut,
        )
        .await?;
        let round = round(job, made.cut, &cut);
        let key = keys::round(&task.dataset, task.part, round.round);
        let round = create_or_adopt(&*platform.store, &key, round).await?;
        let Some(first) = round.members.first().cloned() else {
            return Ok(Next::nothing());
        };
        Ok(Next::per_member(train(task, &round, first).into(), round.members))
    }
}

fn facts(digest: Digest, document: &CutDocument, columns: usize, contexts_vary: bool) -> SampleFacts {
    let cut = &document.cut;
    SampleFacts {
        cut: digest,
        rows: document.axis.len,
        columns,
        sampled_rows: cut.sampled_rows,
        holdout_rows: cut.holdout.len(),
        lengths: Some(Lengths {
            frequency: document.axis.frequency,
            seasons: document.seasons.clone(),
            horizon: cut.window.horizon,
            context: cut.window.context,
            contexts_vary,
            served: document.served,
            scored: cut.scored_steps(),
            origins: cut.scored_origins().len(),
            fits: cut.refits.len() + 1,
        }),
    }
}

fn round(job: &Job<SampleTask>, cut: Digest, document: &CutDocument) -> Round {
    let task = &job.task;
    let ground = Ground {
        rows: document.cut.learned().len(),
        horizon: document.cut.window.horizon,
        season: document.seasons.last().copied().unwrap_or(1),
    };
    let mut round = Round {
        round: job.identity.job,
        dataset: task.dataset.clone(),
        part: task.part,
        members: Vec::new(),
        baselines: Vec::new(),
        left_out: Vec::new(),
        ensemble: None,
        cut,
        clean: task.clean,
        spec: task.spec,
    };
    for member in &job.spec.models {
        let name = member.name.clone();
        match doubt(member, &ground) {
            Some(why) => round.left_out.push(Absent { member: name, why }),
            None if member.model.is_virtual() => round.ensemble = Some(name),
            None => {
                round.baselines.extend(member.model.is_baseline().then(|| name.clone()));
                round.members.push(name);
            }
        }
    }
    round
}

/// Returns why a member does not take part; `None` where it does.
fn doubt(member: &Member, ground: &Ground) -> Option<String> {
    match member.from_rows {
        Choice::Auto => member.model.doubt(ground),
        Choice::Given(least) if ground.rows < least => Some(format!(
            "it takes part from {least} rows before the holdout, there are {}",
            ground.rows
        )),
        Choice::Given(_) => None,
    }
}

fn train(task: &SampleTask, round: &Round, member: MemberName) -> TrainTask {
    TrainTask {
        dataset: task.dataset.clone(),
        part: task.part,
        spec: task.spec,
        salt: task.salt.clone(),
        cut: round.cut,
        round: round.round,
        member,
        refit_of: None,
    }
}
