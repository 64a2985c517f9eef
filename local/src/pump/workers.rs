//! How much runs at once.

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
    /// Runs as many fits as there are cores, and a few of the short stages.
    #[must_use]
    pub fn of_cores(cores: usize) -> Self {
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

    /// Gives the number for one stage, at least 1.
    #[must_use]
    pub fn of(self, stage: Stage) -> usize {
        match stage {
            Stage::Train => self.train,
            Stage::Preprocess | Stage::Sample | Stage::Eval | Stage::Infer => self.others,
        }
    }

    /// Gives how many messages of a stage one invocation takes. A fit runs alone, so that one that is killed takes no
    /// neighbours with it.
    #[must_use]
    pub fn batch(stage: Stage) -> usize {
        match stage {
            Stage::Train => 1,
            Stage::Preprocess | Stage::Sample | Stage::Eval | Stage::Infer => BATCH,
        }
    }
}
