//! What makes a job the same job.
//!
//! `work` digests what decides the outputs: stage, recipe, dataset, part, the spec sections that the stage reads, the
//! digests of its inputs by role and the salt. `job` digests `work` and the whole resolved spec. No time, host, event id or attempt is
//! in either, so a second delivery finds the first one's ledger, and a model added to the spec adopts the others' work.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{Dataset, Digest, JobId, PartId, Scored, Spec, Stage, Task, WorkId};

/// The names of a job's outputs and of its ledger, with what they were digested from.
#[derive(Clone, PartialEq, Debug)]
pub struct Identity {
    /// Names the outputs.
    pub work: WorkId,
    /// Names the ledger.
    pub job: JobId,
    /// What `work` was digested from; stands in the manifest.
    pub recipe: Recipe,
}

/// What decides a job's outputs.
#[derive(Clone, PartialEq, Debug, Serialize, serde::Deserialize)]
pub struct Recipe {
    /// The stage.
    pub stage: Stage,
    /// The stage's recipe number.
    pub recipe: u32,
    /// The dataset.
    pub dataset: Dataset,
    /// The part.
    pub part: PartId,
    /// The spec sections that the stage reads.
    pub sections: Value,
    /// Digests of the inputs, role by role, sorted within a role.
    pub inputs: Vec<Digest>,
    /// The spec's salt.
    pub salt: String,
}

/// Identifies a task under its resolved spec.
#[must_use]
pub fn identify(task: &Task, spec: &Spec) -> Identity {
    let (sections, inputs) = match task {
        Task::Preprocess(t) => (
            json!({"data": spec.data, "calendar": spec.clean.calendar, "holdout": spec.split.holdout.is_test_file()}),
            // Data, then test: one in place of the other is other work.
            t.inputs.iter().map(|input| input.digest).collect(),
        ),
        Task::Sample(t) => (
            json!({"clean": spec.clean, "split": spec.split.shape(), "sample": spec.sample, "window": spec.window}),
            vec![t.clean],
        ),
        Task::Train(t) => (
            member_sections(spec, &t.member),
            sorted(std::iter::once(t.cut).chain(t.refit_of)),
        ),
        Task::Eval(t) => {
            let mut sections = member_sections(spec, &t.member);
            let mut inputs = vec![t.cut];
            match &t.scored {
                Scored::Artifact(artifact) => inputs.push(*artifact),
                Scored::Failed(why) => sections["failed"] = json!(why),
            }
            if t.skip_scoring {
                sections["skip_scoring"] = json!(true);
            }
            (sections, sorted(inputs))
        }
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

/// Inputs that cannot stand in each other's place, because they are of different kinds.
fn sorted(inputs: impl IntoIterator<Item = Digest>) -> Vec<Digest> {
    let mut inputs: Vec<_> = inputs.into_iter().collect();
    inputs.sort();
    inputs
}

/// Gives the job of some work under a resolved spec.
#[must_use]
pub fn job(work: WorkId, spec: Digest) -> JobId {
    Digest::of_json(&json!({"work": work, "spec": spec}))
}

/// Gives the job of an event that never becomes work: no valid dataset or spec, or still waiting for its test file.
///
/// `version` is the object's version id or `ETag`.
#[must_use]
pub fn receive_job(bucket: &str, key: &str, version: &str, spec_text: &[u8]) -> JobId {
    Digest::of_json(&json!({
        "stage": "receive", "bucket": bucket, "key": key, "version": version, "spec": Digest::of(spec_text),
    }))
}

/// Gives the name of an object version's receipt.
#[must_use]
pub fn receipt(bucket: &str, key: &str, version: &str, size: u64) -> Digest {
    Digest::of_json(&json!({"bucket": bucket, "key": key, "version": version, "size": size}))
}

/// The sections that `train` and `eval` read: the member's own entry, never the list of members.
fn member_sections(spec: &Spec, member: &crate::MemberName) -> Value {
    json!({
        "member": spec.member(member), "window": spec.window, "clean": spec.clean, "split": spec.split.shape(),
    })
}
