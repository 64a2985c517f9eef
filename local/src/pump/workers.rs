//! How many invocations run at once.

use contract::Stage;

/// The most messages of one invocation, as Lambda's poller takes them.
const BATCH: usize = 10;

/// How many invocations of each stage may run at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Workers {
    train: usize,
    others: usize,
}

impl Workers {
    /// Runs as many fits as there are cores, and two invocations of each of the short stages.
    pub(crate) fn of_cores(cores: usize) -> Self {
        Self {
            train: cores.max(1),
            others: 2,
        }
    }

    /// Runs `count` invocations of every stage.
    #[must_use]
    pub fn each(count: usize) -> Self {
        Self {
            train: count.max(1),
            others: count.max(1),
        }
    }

    /// Returns how many invocations of a stage may run at once, at least 1.
    #[must_use]
    pub fn of(self, stage: Stage) -> usize {
        match stage {
            Stage::Train => self.train,
            Stage::Preprocess | Stage::Sample | Stage::Eval | Stage::Infer => self.others,
        }
    }

    /// Returns how many messages of a stage one invocation takes. A fit runs alone, so that a killed fit takes no other
    /// message with it.
    #[must_use]
    pub fn batch(stage: Stage) -> usize {
        match stage {
            Stage::Train => 1,
            Stage::Preprocess | Stage::Sample | Stage::Eval | Stage::Infer => BATCH,
        }
    }
}
