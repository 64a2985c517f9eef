//! What can go wrong while a member is fitted.

use contract::{Digest, FailureKind, MemberName, Stage};
use forecast::{ArtifactError, FitError, ForecastError, IntervalError};
use part::PartError;
use platform::{Classify, Place, Retry, StoreError};
use series::TransformError;

/// Why a member was not fitted.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The message is for another stage.
    #[error("a job of stage `{stage}` came to `train`")]
    Misrouted {
        /// The stage it is for.
        stage: Stage,
    },
    /// The message asks for what is not built.
    #[error("training a winner again is not supported yet, the job names artifact `{artifact}`")]
    Refit {
        /// The artifact to train again.
        artifact: Digest,
    },
    /// The spec has no such member.
    #[error("the spec has no member `{member}`")]
    NoMember {
        /// The member in the message.
        member: MemberName,
    },
    /// The member is made of the others.
    #[error("member `{member}` is made of the others when the round is decided, it is not trained")]
    Virtual {
        /// The member.
        member: MemberName,
    },
    /// The manifest of the work names outputs of another stage.
    #[error("the manifest of this work names no artifact")]
    ForeignManifest,
    /// The store failed.
    #[error("cannot read the cut and its rows, or write the artifact")]
    Store(#[from] StoreError),
    /// The clean part is not one.
    #[error("cannot read the columns of the clean part")]
    Clean(#[from] PartError),
    /// The transform does not fit the clean part.
    #[error("cannot apply the transform to the clean part")]
    Transform(#[from] TransformError),
    /// The fit failed.
    #[error("cannot fit `{member}`")]
    Fit {
        /// The member.
        member: MemberName,
        /// Why.
        #[source]
        source: FitError,
    },
    /// The fitted model's intervals cannot be measured.
    #[error("cannot measure the intervals of `{member}`")]
    Intervals {
        /// The member.
        member: MemberName,
        /// Why.
        #[source]
        source: IntervalError,
    },
    /// The fitted model cannot be written, for example because a weight is not finite.
    #[error("cannot write the artifact of `{member}`")]
    Artifact {
        /// The member.
        member: MemberName,
        /// Why.
        #[source]
        source: ArtifactError,
    },
}

impl Classify for TrainError {
    fn retry(&self) -> Retry {
        match self {
            Self::Store(source) => source.retry(),
            Self::Misrouted { .. }
            | Self::Refit { .. }
            | Self::NoMember { .. }
            | Self::Virtual { .. }
            | Self::ForeignManifest
            | Self::Clean(_)
            | Self::Transform(_)
            | Self::Fit { .. }
            | Self::Intervals { .. }
            | Self::Artifact { .. } => Retry::Never,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Misrouted { .. } | Self::Virtual { .. } => FailureKind::Event,
            // Weights that are not finite are what a diverged fit leaves.
            Self::Artifact {
                source: ArtifactError::NotFinite { .. },
                ..
            } => FailureKind::Diverged,
            Self::Refit { .. } | Self::NoMember { .. } | Self::Artifact { .. } => FailureKind::Spec,
            Self::Store(source) => source.kind(),
            Self::ForeignManifest | Self::Clean(_) => FailureKind::Store,
            Self::Transform(_) => FailureKind::Data,
            Self::Intervals { source, .. } => intervals_kind(source),
            Self::Fit { source, .. } => fit_kind(source),
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Store(source) => source.place(),
            Self::Transform(source) => Place::from(source),
            Self::Fit { source, .. } => fit_place(source),
            Self::Misrouted { .. }
            | Self::Refit { .. }
            | Self::NoMember { .. }
            | Self::Virtual { .. }
            | Self::ForeignManifest
            | Self::Clean(_)
            | Self::Intervals { .. }
            | Self::Artifact { .. } => Place::default(),
        }
    }
}

/// Errors that are no numbers are what a diverged fit makes.
fn intervals_kind(error: &IntervalError) -> FailureKind {
    match error {
        IntervalError::NotFinite { .. } | IntervalError::Forecast(ForecastError::NotFinite { .. }) => {
            FailureKind::Diverged
        }
        _ => FailureKind::Data,
    }
}

fn fit_kind(error: &FitError) -> FailureKind {
    match error {
        FitError::Diverged { .. } => FailureKind::Diverged,
        FitError::TooFewWindows { .. } | FitError::Mismatch { .. } | FitError::NotFinite { .. } => FailureKind::Data,
        FitError::Singular { .. }
        | FitError::TooLarge { .. }
        | FitError::NothingSelects { .. }
        | FitError::NoTrial { .. }
        | FitError::Refused { .. }
        | FitError::NoLibtorch => FailureKind::Spec,
        FitError::Checkpoint(_) => FailureKind::Store,
    }
}

fn fit_place(error: &FitError) -> Place {
    match error {
        FitError::Diverged { loss, bound, .. } => Place {
            value: Some(loss.to_string()),
            bound: Some(format!("a loss below {bound:e}")),
            ..Place::default()
        },
        FitError::TooFewWindows { have, need } => Place {
            value: Some(format!("{have} windows")),
            bound: Some(format!("at least {need} windows")),
            ..Place::default()
        },
        FitError::Singular { target, lambda } => Place {
            column: Some(target.clone()),
            value: Some(format!("lambda {lambda:e}")),
            ..Place::default()
        },
        FitError::NotFinite { input, value, .. } => Place {
            column: Some(input.clone()),
            value: Some(value.to_string()),
            bound: Some("a finite number".to_owned()),
            ..Place::default()
        },
        FitError::TooLarge { have, bound } => Place {
            value: Some(format!("{have} bytes")),
            bound: Some(format!("at most {bound} bytes")),
            ..Place::default()
        },
        FitError::Mismatch { have, need, .. } => Place {
            value: Some(have.to_string()),
            bound: Some(need.to_string()),
            ..Place::default()
        },
        FitError::NothingSelects { have } => Place {
            value: Some(format!("{have} windows that select")),
            bound: Some("at least 1 window".to_owned()),
            ..Place::default()
        },
        FitError::NoLibtorch => Place {
            value: Some("backend = \"tch\"".to_owned()),
            bound: Some("a build with `--features tch`".to_owned()),
            ..Place::default()
        },
        FitError::NoTrial { .. } | FitError::Refused { .. } | FitError::Checkpoint(_) => Place::default(),
    }
}
