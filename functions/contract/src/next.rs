//! What comes after a job: a template and what it is repeated over, so that a ledger stays small.

use serde::{Deserialize, Serialize};

use crate::{Digest, MemberName, Message, PartId, Spec, Task};

/// What to send after a commit. Empty when the walk ends here.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Next {
    /// The task to send; its member or its part and clean digest are replaced where a list below is not empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Task>,
    /// One message per member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberName>,
    /// One message per clean part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<CleanPart>,
    /// The continuation's number, 0 for a first message.
    #[serde(default)]
    pub hop: u32,
}

/// One clean part to go on with.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CleanPart {
    /// Which part.
    pub part: PartId,
    /// Its bytes.
    pub clean: Digest,
}

impl Next {
    /// Ends the walk.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Sends one task.
    #[must_use]
    pub fn one(task: Task) -> Self {
        Self {
            template: Some(task),
            ..Self::default()
        }
    }

    /// Sends one `train` or `eval` per member.
    #[must_use]
    pub fn per_member(template: Task, members: Vec<MemberName>) -> Self {
        Self {
            template: Some(template),
            members,
            ..Self::default()
        }
    }

    /// Sends one `sample` per clean part.
    #[must_use]
    pub fn per_part(template: Task, parts: Vec<CleanPart>) -> Self {
        Self {
            template: Some(template),
            parts,
            ..Self::default()
        }
    }

    /// Sends a task on as its own continuation.
    #[must_use]
    pub fn continuation(task: Task, hop: u32) -> Self {
        Self {
            template: Some(task),
            hop,
            ..Self::default()
        }
    }

    /// Writes the tasks out.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        let Some(template) = &self.template else {
            return Vec::new();
        };
        if !self.members.is_empty() {
            return self
                .members
                .iter()
                .map(|member| with_member(template.clone(), member))
                .collect();
        }
        if !self.parts.is_empty() {
            return self
                .parts
                .iter()
                .map(|part| with_part(template.clone(), *part))
                .collect();
        }
        vec![template.clone()]
    }

    /// Writes the messages out, each with the job id that its receiver will recompute.
    #[must_use]
    pub fn messages(&self, spec: &Spec, trace: &str) -> Vec<Message> {
        let message = |stage: Task| Message {
            hop: self.hop,
            ..Message::new(stage, spec, trace)
        };
        self.tasks().into_iter().map(message).collect()
    }
}

fn with_member(mut task: Task, member: &MemberName) -> Task {
    match &mut task {
        Task::Train(t) => t.member = member.clone(),
        Task::Eval(t) => t.member = member.clone(),
        Task::Preprocess(_) | Task::Sample(_) | Task::Infer(_) => {}
    }
    task
}

fn with_part(mut task: Task, CleanPart { part, clean }: CleanPart) -> Task {
    if let Task::Sample(t) = &mut task {
        t.part = part;
        t.clean = clean;
    }
    task
}
