//! Which task and which outputs belong to which stage.

use crate::{
    CleanFacts, EvalFacts, EvalTask, InferFacts, InferTask, PreprocessTask, Produced, SampleFacts, SampleTask, Stage,
    Task, TrainFacts, TrainTask,
};

/// The task of one stage, tied to what that stage leaves.
pub trait StageTask: Clone + Into<Task> + Send + Sync + 'static {
    /// What the stage leaves, as the manifest of its work records it.
    type Made: Into<Produced> + Send + Sync + 'static;

    /// The stage that does the task.
    const STAGE: Stage;

    /// Returns the task, or `None` where it is a task of another stage.
    fn of(task: &Task) -> Option<&Self>;

    /// Returns what the stage left, or `None` where another stage left it.
    fn made(produced: &Produced) -> Option<&Self::Made>;
}

/// Ties one variant of [`Stage`], [`Task`] and [`Produced`], which have the same name, to each other.
macro_rules! stage_task {
    ($stage:ident, $task:ty => $made:ty) => {
        impl StageTask for $task {
            type Made = $made;

            const STAGE: Stage = Stage::$stage;

            fn of(task: &Task) -> Option<&Self> {
                match task {
                    Task::$stage(task) => Some(task),
                    _ => None,
                }
            }

            fn made(produced: &Produced) -> Option<&$made> {
                match produced {
                    Produced::$stage(made) => Some(made),
                    _ => None,
                }
            }
        }

        impl From<$task> for Task {
            fn from(task: $task) -> Self {
                Self::$stage(task)
            }
        }

        impl From<$made> for Produced {
            fn from(made: $made) -> Self {
                Self::$stage(made)
            }
        }
    };
}

stage_task!(Preprocess, PreprocessTask => CleanFacts);
stage_task!(Sample, SampleTask => SampleFacts);
stage_task!(Train, TrainTask => TrainFacts);
stage_task!(Eval, EvalTask => EvalFacts);
stage_task!(Infer, InferTask => InferFacts);
