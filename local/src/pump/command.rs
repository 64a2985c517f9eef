//! Which command runs a batch: the stage's binary, or one that was set for the stage or for one of its models.

use std::{collections::BTreeMap, path::PathBuf};

use aws_lambda_events::sqs::SqsEvent;
use contract::{Message, Stage};

use super::InvokeError;

/// The command that builds the stages' binaries beside this one, for error messages.
pub(crate) const BUILD: &str = if cfg!(debug_assertions) {
    "cargo build -p preprocess -p sample -p train -p eval -p infer"
} else {
    "cargo build --release -p preprocess -p sample -p train -p eval -p infer"
};

/// The commands of all stages.
#[derive(Clone, Debug)]
pub struct Commands {
    /// The directory of the binaries, which are named after their stages.
    binaries: PathBuf,
    set: BTreeMap<String, Vec<String>>,
}

/// Why a command cannot be set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The text cannot be split into words.
    #[error(
        "`host.command.{key}` is not a command: quotes must be closed and at least one word is needed, found `{value}`"
    )]
    Words {
        /// The stage, or the stage and a model.
        key: String,
        /// What was given.
        value: String,
    },
    /// The key names no stage.
    #[error(
        "`host.command.{key}` names no stage; allowed are preprocess, sample, train, eval, infer, and a stage with `-` and a model"
    )]
    Stage {
        /// The key as it was given.
        key: String,
    },
}

impl Commands {
    /// Uses the stages' binaries in one directory.
    #[must_use]
    pub fn beside(binaries: PathBuf) -> Self {
        Self {
            binaries,
            set: BTreeMap::new(),
        }
    }

    /// Sets the command of a stage (`train`) or of a model in a stage (`train-gru`). The text is split as a shell does.
    ///
    /// # Errors
    /// When the key names no stage or the text is no command.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), CommandError> {
        let of_stage = |stage: &Stage| {
            key.strip_prefix(stage.name())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        if !Stage::ALL.iter().any(of_stage) {
            return Err(CommandError::Stage { key: key.to_owned() });
        }
        let words = shlex::split(value).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| CommandError::Words {
            key: key.to_owned(),
            value: value.to_owned(),
        })?;
        self.set.insert(key.to_owned(), words);
        Ok(())
    }

    /// Checks that every stage without a command of its own has a binary.
    ///
    /// # Errors
    /// [`InvokeError::NoBinary`] for the first that is missing.
    pub fn check(&self) -> Result<(), InvokeError> {
        Stage::ALL
            .into_iter()
            .filter(|stage| !self.set.contains_key(stage.name()))
            .try_for_each(|stage| self.binary(stage).map(|_| ()))
    }

    /// Returns the words of the command that runs a batch. A model's own command is taken where the batch is one
    /// message for that model, as batches of `train` always are.
    pub(super) fn of(&self, stage: Stage, event: &SqsEvent) -> Result<Vec<String>, InvokeError> {
        let of_model = member(event).and_then(|member| self.set.get(&format!("{stage}-{member}")));
        match of_model.or_else(|| self.set.get(stage.name())) {
            Some(words) => Ok(words.clone()),
            None => Ok(vec![self.binary(stage)?.to_string_lossy().into_owned()]),
        }
    }

    fn binary(&self, stage: Stage) -> Result<PathBuf, InvokeError> {
        let path = self.binaries.join(format!("{stage}{}", std::env::consts::EXE_SUFFIX));
        if path.is_file() {
            Ok(path)
        } else {
            Err(InvokeError::NoBinary { path, build: BUILD })
        }
    }
}

/// Returns the model of a batch that consists of one message.
fn member(event: &SqsEvent) -> Option<String> {
    let [record] = event.records.as_slice() else {
        return None;
    };
    let message = Message::parse(record.body.as_deref()?.as_bytes()).ok()?;
    message.stage.member().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_for_a_stage_or_a_model() {
        let mut commands = Commands::beside(PathBuf::from("/nowhere"));
        commands.set("train", "sh -c 'kill -9 $$'").unwrap();
        commands.set("train-seasonal-naive", "false").unwrap();
        assert_eq!(commands.set["train"], ["sh", "-c", "kill -9 $$"]);
        for (key, value) in [("train", "'open"), ("train", ""), ("tune", "true"), ("trainer", "true")] {
            assert!(commands.set(key, value).is_err(), "{key} = {value}");
        }
    }

    #[test]
    fn a_missing_binary_is_named_with_the_line_that_builds_it() {
        let error = Commands::beside(PathBuf::from("/nowhere")).check().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/preprocess is not there; build it with `cargo build"),
            "{error}"
        );
    }
}
