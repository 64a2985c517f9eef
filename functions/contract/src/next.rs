//! The messages that follow a job: one template and the list it is repeated over, so that a ledger stays small.

use serde::{Deserialize, Serialize};

use crate::{Digest, MemberName, Message, PartId, Spec, Task};

/// The messages to send after a commit. The default is none: the upload's way ends here.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Next {
    /// The task to send; `None` if nothing follows. It is repeated for each element of the list that is not empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Task>,
    /// One message per member, which replaces the template's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberName>,
    /// One message per clean part, which replaces the template's part and digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<CleanPart>,
    /// The number of the continuation; 0 for a first message.
    #[serde(default)]
    pub hop: u32,
    /// The recipe number of the template's stage when the list was made. Under another one, the jobs of the tasks have other
    /// ids. `None` if nothing follows, and in ledgers of earlier code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<u32>,
}

/// One clean part that `sample` has to cut.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CleanPart {
    /// The part of the dataset.
    pub part: PartId,
    /// The digest of the clean part.
    pub clean: Digest,
}

impl Next {
    /// Makes an empty list: nothing follows.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Makes a list of one task.
    #[must_use]
    pub fn one(task: Task) -> Self {
        Self {
            recipe: Some(task.stage().recipe()),
            template: Some(task),
            ..Self::default()
        }
    }

    /// Makes a list of one `train` or `eval` task per member.
    #[must_use]
    pub fn per_member(template: Task, members: Vec<MemberName>) -> Self {
        Self {
            members,
            ..Self::one(template)
        }
    }

    /// Makes a list of one `sample` task per clean part.
    #[must_use]
    pub fn per_part(template: Task, parts: Vec<CleanPart>) -> Self {
        Self {
            parts,
            ..Self::one(template)
        }
    }

    /// Makes a list of one task that continues itself as continuation `hop`.
    #[must_use]
    pub fn continuation(task: Task, hop: u32) -> Self {
        Self { hop, ..Self::one(task) }
    }

    /// Returns the tasks, written out.
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

    /// Returns the messages, written out, each with the job id that its receiver will compute again.
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
