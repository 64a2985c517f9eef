//! Sets up what functions need on a server, or checks it: bucket, queues with dead letters, notifications, lifecycle.
//!
//! Every step looks first and changes only what is missing or wrong, so setting up twice changes nothing. What others
//! have configured on the same bucket stays as it is.

mod bucket;
mod lifecycle;
mod notices;
mod queues;

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use contract::Stage;
use serde::Serialize;

use super::{connect::Clients, reason::reason};
use crate::error::{Cause, chain};

/// What is to be set up.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    /// The bucket.
    pub(crate) bucket: &'a str,
    /// The URLs of queues that are not named `flits-{stage}`.
    pub(crate) urls: &'a BTreeMap<Stage, String>,
    /// The ARN of the target of notifications, such as a webhook of `MinIO`; `None` for the queue of `preprocess`.
    pub(crate) notify: Option<&'a str>,
    /// Whether to change anything, or only to look.
    pub(crate) change: bool,
}

/// How a part of the setup was found, and what was done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// It was right.
    Right,
    /// It was missing, and is there now.
    Made,
    /// It was wrong, and is right now.
    Changed,
    /// It is missing.
    Missing,
    /// It is wrong.
    Wrong,
    /// This server does not offer it.
    NotOffered,
}

/// One part of the setup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// The part, such as "queue flits-train".
    pub what: String,
    /// How it was found.
    pub found: Found,
    /// What holds now, or what is missing.
    pub detail: String,
}

/// A request of the setup that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}")]
pub struct SetupError {
    what: String,
    #[source]
    source: Cause,
}

impl Found {
    /// Returns whether functions can work with it.
    #[must_use]
    pub fn is_well(self) -> bool {
        !matches!(self, Self::Missing | Self::Wrong)
    }
}

/// Sets up servers, or checks them. The steps are in the order in which they depend on each
/// other; one that needs a missing part is left out. What a store refuses about the bucket is wrong there, and the rest
/// goes on.
///
/// # Errors
/// When a server does not answer or refuses a request. What was set up before stays.
pub(crate) async fn set_up(clients: Clients, wanted: Wanted<'_>) -> Result<Vec<Step>, SetupError> {
    let setup = Setup { clients, wanted };
    let bucket = setup.bucket().await?;
    let bucket_is_there = bucket.found.is_well();
    let mut steps = vec![bucket];
    for stage in Stage::ALL {
        steps.extend(setup.queue(stage).await?);
    }
    if setup.clients.on_aws && setup.wanted.notify.is_none() {
        steps.extend(setup.policy().await?);
    }
    if bucket_is_there {
        steps.push(
            setup
                .notifications()
                .await
                .unwrap_or_else(|error| wrong("notifications", &error)),
        );
        steps.push(
            setup
                .lifecycle()
                .await
                .unwrap_or_else(|error| wrong("lifecycle", &error)),
        );
    }
    Ok(steps)
}

/// What the steps work with.
struct Setup<'a> {
    clients: Clients,
    wanted: Wanted<'a>,
}

impl Setup<'_> {
    /// Does `change` if changes are wanted. Returns how the part is found then: `done` after a change, else `open`.
    async fn change(
        &self,
        open: Found,
        done: Found,
        change: impl Future<Output = Result<(), SetupError>>,
    ) -> Result<Found, SetupError> {
        if !self.wanted.change {
            return Ok(open);
        }
        change.await.map(|()| done)
    }

    /// Returns how long a received message is hidden at first: on AWS six times the longest function, as Lambda's pollers
    /// want it; elsewhere until the function has claimed its job and hides it for as long as its lease.
    fn visibility(&self) -> Duration {
        if self.clients.on_aws {
            Duration::from_mins(90)
        } else {
            Duration::from_mins(1)
        }
    }
}

fn wrong(what: &str, error: &SetupError) -> Step {
    step(what, Found::Wrong, chain(error))
}

fn step(what: impl Into<String>, found: Found, detail: impl Into<String>) -> Step {
    Step {
        what: what.into(),
        found,
        detail: detail.into(),
    }
}

/// Makes the error of a request.
fn cannot<E>(what: impl Into<String>) -> impl FnOnce(SdkError<E>) -> SetupError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let what = what.into();
    move |error| SetupError {
        what,
        source: reason(error),
    }
}

/// Returns the error code without a prefix that only some servers write.
fn code<E: ProvideErrorMetadata>(error: &E) -> &str {
    error
        .code()
        .and_then(|code| code.rsplit(['.', '#']).next())
        .unwrap_or_default()
}

/// Returns whether a server says that it does not offer an operation.
fn not_offered<E>(error: &SdkError<E>) -> bool
where
    SdkError<E>: ProvideErrorMetadata,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    status == Some(501) || code(error) == "NotImplemented"
}
