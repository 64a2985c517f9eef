//! What makes two jobs the same job.
//!
//! The id of work digests what decides its outputs: stage, recipe number, dataset, part, the spec sections that the stage
//! reads, the digests of its inputs by role, and the salt. The id of a job digests the id of its work and the whole resolved
//! spec. Neither holds a time, host, event id or attempt. So a second delivery finds the ledger of the first, and a round
//! with one more model adopts the finished work of the others.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{Dataset, Digest, JobId, Message, PartId, Scored, Spec, Stage, Task, VERSION, WorkId};

/// The ids of a task's work and job, with what they were digested from.
#[derive(Clone, PartialEq, Debug)]
pub struct Identity {
    /// The id of the work, which names its manifest.
    pub work: WorkId,
    /// The id of the job, which names its ledger.
    pub job: JobId,
    /// What `work` was digested from; the manifest holds it too.
    pub recipe: Recipe,
}

/// Everything that decides the outputs of a task.
#[derive(Clone, PartialEq, Debug, Serialize, serde::Deserialize)]
pub struct Recipe {
    /// The stage that does the work.
    pub stage: Stage,
    /// The stage's recipe number, see [`Stage::recipe`].
    pub recipe: u32,
    /// The dataset that the work belongs to.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The spec sections that the stage reads.
    pub sections: Value,
    /// The digests of the inputs: data then test for `preprocess`, sorted for the other stages.
    pub inputs: Vec<Digest>,
    /// The spec's salt; empty unless set.
    pub salt: String,
}

/// Returns the ids of a task under its resolved spec.
#[must_use]
pub fn identify(task: &Task, spec: &Spec) -> Identity {
    let (sections, inputs) = match task {
        Task::Preprocess(t) => (
            json!({"data": spec.data, "calendar": spec.clean.calendar, "holdout": spec.split.holdout.is_test_file()}),
            // Data, then test: with the two exchanged, it is other work.
            t.inputs.iter().map(|input| input.digest).collect(),
        ),
        // `split.wait` is left out: it says how long to wait, not what comes out.
        Task::Sample(t) => (
            json!({"clean": spec.clean, "split": spec.split.shape(), "sample": spec.sample, "window": spec.window,
                "forecast": {"horizon": spec.forecast.horizon, "seasons": spec.forecast.seasons, "nonnegative": spec.forecast.nonnegative}}),
            vec![t.clean],
        ),
        Task::Train(t) => (
            member_sections(spec, &t.member),
            sorted(std::iter::once(t.cut).chain(t.refit_of)),
        ),
        Task::Eval(t) => {
            let mut sections = member_sections(spec, &t.member);
            let mut inputs = vec![t.cut];
            inputs.extend(t.refit_of);
            match &t.scored {
                Scored::Artifact(artifact) => inputs.push(*artifact),
                Scored::Failed(why) => sections["failed"] = json!(why),
            }
            if t.skip_scoring {
                sections["skip_scoring"] = json!(true);
            }
            (sections, sorted(inputs))
        }
        // A forecast names its champion's generation: equal champions in two generations are two forecasts.
        Task::Infer(t) => (
            json!({"forecast": spec.forecast, "generation": t.generation}),
            sorted([t.clean, t.artifact].into_iter().chain(t.request)),
        ),
    };
    let recipe = Recipe {
        stage: task.stage(),
        recipe: task.stage().recipe(),
        dataset: task.dataset().clone(),
        part: task.part(),
        sections,
        inputs,
        salt: task.salt().to_owned(),
    };
    let work = Digest::of_json(&recipe);
    Identity {
        work,
        job: job(work, task.spec()),
        recipe,
    }
}

impl Message {
    /// Makes the first message of a task under its resolved spec.
    #[must_use]
    pub fn new(stage: Task, spec: &Spec, trace: &str) -> Self {
        Self {
            version: VERSION,
            recipe: stage.stage().recipe(),
            job: identify(&stage, spec).job,
            hop: 0,
            trace: trace.to_owned(),
            again: false,
            stage,
        }
    }
}

/// Sorts inputs that cannot be mistaken for each other, because they are of different kinds.
fn sorted(inputs: impl IntoIterator<Item = Digest>) -> Vec<Digest> {
    let mut inputs: Vec<_> = inputs.into_iter().collect();
    inputs.sort();
    inputs
}

/// Returns the id of the job that does some work under a resolved spec.
#[must_use]
pub fn job(work: WorkId, spec: Digest) -> JobId {
    Digest::of_json(&json!({"work": work, "spec": spec}))
}

/// Returns the id of the job of an event that is not work (yet): it has no valid dataset or spec, or waits for its test file.
///
/// `version` is the object's version id or `ETag`.
#[must_use]
pub fn receive_job(bucket: &str, key: &str, version: &str, spec_text: &[u8]) -> JobId {
    Digest::of_json(&json!({
        "stage": "receive", "bucket": bucket, "key": key, "version": version, "spec": Digest::of(spec_text),
    }))
}

/// Returns the digest that names the receipt of an object version, for [`keys::receipt`](crate::keys::receipt).
#[must_use]
pub fn receipt(bucket: &str, key: &str, version: &str, size: u64) -> Digest {
    Digest::of_json(&json!({"bucket": bucket, "key": key, "version": version, "size": size}))
}

/// Returns the sections that `train` and `eval` read: the member's own entry, never the list of members. When it takes part
/// changes nothing about its fit.
fn member_sections(spec: &Spec, member: &crate::MemberName) -> Value {
    let mut own = json!(spec.member(member));
    if let Some(own) = own.as_object_mut() {
        own.remove("from_rows");
    }
    json!({
        "member": own, "window": spec.window, "clean": spec.clean, "split": spec.split.shape(),
    })
}
