//! The stage `sample`: decides which rows train, validate and score, and fits the transform on the training rows.
//!
//! It promises that equal jobs give equal bytes, that nothing is fitted on held-out rows, and that a round opens once
//! however often its job is delivered. It refuses to know models: it names the members and leaves them to `train`.
//!
//! Start with [`cut`], the pure part, then [`Sample`].

mod error;

use async_trait::async_trait;
use contract::{CutDocument, Digest, MemberName, Next, Round, SampleFacts, SampleTask, Spec, TrainTask, keys};
use platform::{
    Job, Platform, Work, Worked,
    documents::{create_or_adopt, json, work_on_blob},
};
use series::{Cut, Table, Transform, season};

pub use error::SampleError;

/// The stage `sample`, as the driver runs it. Has no settings of its own: all come from the spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample;

/// Divides one clean part into training, validation and holdout rows, and fits the transform on the training rows.
///
/// Pure: equal inputs give equal bytes.
///
/// # Errors
/// When there are fewer rows than the spec needs, or nothing to fit the transform on.
pub fn cut(spec: &Spec, clean: Digest, table: &Table) -> Result<CutDocument, SampleError> {
    let observed = table
        .last_observed()
        .ok_or(SampleError::NothingObserved { rows: table.rows() })?;
    let cut = Cut::new(table, spec.split.shape(), &spec.sample, spec.window)?;
    let transform = Transform::fit(table, cut.training.clone(), &spec.clean)?;
    // Rows that stop a fit early decide its weights as much as the rows that it is fitted on.
    let trained = cut.training.end.max(cut.select.end);
    Ok(CutDocument {
        clean,
        season: season(table.axis.frequency, cut.training.len()),
        seasons: Vec::new(),
        axis: table.axis.clone(),
        train_end: table.axis.at(trained - 1),
        observed_end: table.axis.at(observed),
        transform,
        cut,
    })
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
        Ok(Worked::Done(facts(digest, &document, columns)))
    }

    /// Opens the round: writes its members, and returns one `train` job for each.
    async fn conclude(
        &self,
        job: &Job<SampleTask>,
        made: &SampleFacts,
        platform: &Platform,
    ) -> Result<Next, SampleError> {
        let task = &job.task;
        let round = round(job, made.cut);
        let key = keys::round(&task.dataset, task.part, round.round);
        let round = create_or_adopt(&*platform.store, &key, round).await?;
        let Some(first) = round.members.first().cloned() else {
            return Ok(Next::nothing());
        };
        Ok(Next::per_member(train(task, &round, first).into(), round.members))
    }
}

fn facts(digest: Digest, document: &CutDocument, columns: usize) -> SampleFacts {
    SampleFacts {
        cut: digest,
        rows: document.axis.len,
        columns,
        sampled_rows: document.cut.sampled_rows,
        holdout_rows: document.cut.holdout.len(),
    }
}

fn round(job: &Job<SampleTask>, cut: Digest) -> Round {
    let task = &job.task;
    let names = |baselines_only: bool| -> Vec<MemberName> {
        let members = job
            .spec
            .models
            .iter()
            .filter(|member| !member.model.is_virtual() && (!baselines_only || member.model.is_baseline()));
        members.map(|member| member.name.clone()).collect()
    };
    let ensemble = job.spec.models.iter().find(|member| member.model.is_virtual());
    Round {
        round: job.identity.job,
        dataset: task.dataset.clone(),
        part: task.part,
        members: names(false),
        baselines: names(true),
        ensemble: ensemble.map(|member| member.name.clone()),
        cut,
        clean: task.clean,
        spec: task.spec,
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
