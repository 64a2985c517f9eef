//! Events over HTTP: CloudEvents with jobs or notifications, and the notifications of stores as they are.
//!
//! A notification is handed over to the outbox and answered within a second, because stores stop behind an event that
//! nobody accepts. A job runs in the request, up to 80 % of its time. What can never be accepted is put aside under
//! `dead/` and acknowledged.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_lambda_events::sqs::SqsMessage;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use contract::Stage;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{ErrorResponse, Face, Payload, Refusal};
use crate::{
    batch::{Handled, handle_record, report},
    error::chain,
    event::{CloudError, CloudEvent, Posted},
    handover::{self, Asked, Unfit},
    host::Platform,
    outcome::Outcome,
    stop::Stop,
    work::ErasedWork,
};

/// How long handing over may take before the sender is asked to try again.
const HAND_OVER: Duration = Duration::from_millis(900);

/// What a face does with events.
#[derive(Clone)]
pub struct Inbox {
    works: BTreeMap<Stage, Arc<dyn ErasedWork>>,
    platform: Platform,
    time: Duration,
    ending: Stop,
}

/// What became of one event.
enum Answer {
    /// There was nothing to do.
    Nothing,
    /// It was put on the queue of `preprocess`, in so many messages.
    HandedOver(usize),
    /// Its job ended.
    Worked(Handled),
    /// It can never be accepted, for this reason, and is kept under `dead/`.
    Dead(String),
    /// It must be sent again, for this reason.
    Again { after: Duration, why: String },
}

impl Inbox {
    /// Takes the stages that jobs are worked on here, the longest time of a request, and the stop of this process.
    #[must_use]
    pub fn new(
        works: impl IntoIterator<Item = Arc<dyn ErasedWork>>,
        platform: &Platform,
        time: Duration,
        ending: &Stop,
    ) -> Self {
        Self {
            works: works.into_iter().map(|work| (work.stage(), work)).collect(),
            platform: platform.clone(),
            time,
            ending: ending.clone(),
        }
    }

    async fn take(&self, kind: Option<&str>, data: &str) -> Answer {
        match self.asked(kind, data) {
            Ok(Asked::Nothing) => Answer::Nothing,
            Ok(Asked::Work(stage)) => self.work(stage, data).await,
            Ok(Asked::HandOver(bodies)) => self.hand_over(bodies).await,
            Err(Unfit::Later(why)) => Answer::Again {
                after: Duration::from_secs(5),
                why,
            },
            Err(Unfit::Never(reason)) => self.bury(data, reason).await,
        }
    }

    /// Decides what an event asks for. `kind` is its type; `None` for a bare body.
    fn asked(&self, kind: Option<&str>, data: &str) -> Result<Asked, Unfit> {
        if let Some(kind) = kind.filter(|kind| kind.starts_with("flits.")) {
            return self.of_stage(kind);
        }
        match handover::asked(data, &self.platform.host.bucket) {
            Ok(Asked::Work(stage)) => self.here(stage),
            Err(Unfit::Never(reason)) => Err(Unfit::Never(match kind {
                Some(kind) => format!("an event of type `{kind}`: {reason}"),
                None => reason,
            })),
            other => other,
        }
    }

    fn of_stage(&self, kind: &str) -> Result<Asked, Unfit> {
        let named = kind.strip_prefix("flits.").and_then(|rest| rest.rsplit_once('.'));
        let stage = named.and_then(|(stage, _)| Stage::ALL.into_iter().find(|known| known.name() == stage));
        match (stage, named) {
            (Some(stage), Some((_, "v1"))) => self.here(stage),
            (Some(_), Some((_, version))) if version.starts_with('v') => {
                Err(Unfit::Later(format!("`{kind}` is of a version that newer code reads")))
            }
            _ => Err(Unfit::Never(format!(
                "the type `{kind}` is none of `flits.{{stage}}.v1`"
            ))),
        }
    }

    fn here(&self, stage: Stage) -> Result<Asked, Unfit> {
        if self.works.contains_key(&stage) {
            return Ok(Asked::Work(stage));
        }
        let here: Vec<&str> = self.works.keys().map(|stage| stage.name()).collect();
        Err(Unfit::Never(format!(
            "the event is for `{stage}`, here is `{}`",
            here.join("`, `")
        )))
    }

    /// Works on a job to its end, or up to 80 % of the request's time. It goes on when the client goes away.
    async fn work(&self, stage: Stage, data: &str) -> Answer {
        let (work, platform) = (self.works[&stage].clone(), self.platform.clone());
        let clock = platform.clock.clone();
        let stop = self.ending.child(clock.clone(), clock.monotonic() + self.time * 4 / 5);
        let mut record = SqsMessage::default();
        record.body = Some(data.to_owned());
        let id = "event".to_owned();
        let working = tokio::spawn(async move { handle_record(work.as_ref(), record, id, &stop, &platform).await });
        let handled = match working.await {
            Ok(handled) => handled,
            Err(error) => {
                let why = error.to_string();
                return Answer::Again {
                    after: Duration::from_secs(5),
                    why,
                };
            }
        };
        if !handled.again {
            return Answer::Worked(handled);
        }
        let given_back = handled.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::GiveBack { after, why, .. } => Some((*after, why.clone())),
            Outcome::Done { .. } => None,
        });
        let (after, why) = given_back.unwrap_or((Duration::from_secs(1), "this process ends".to_owned()));
        Answer::Again { after, why }
    }

    async fn hand_over(&self, bodies: Vec<String>) -> Answer {
        let sending = self.platform.outbox.send(Stage::Preprocess, &bodies);
        let why = match tokio::time::timeout(HAND_OVER, sending).await {
            Ok(Ok(())) => return Answer::HandedOver(bodies.len()),
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("the queue did not answer within {} s", HAND_OVER.as_secs_f64()),
        };
        Answer::Again {
            after: Duration::from_secs(1),
            why,
        }
    }

    /// Keeps a body that can never be accepted.
    async fn bury(&self, body: &str, reason: String) -> Answer {
        match handover::bury(body, &reason, &self.platform).await {
            Ok(()) => Answer::Dead(reason),
            Err(error) => Answer::Again {
                after: Duration::from_secs(1),
                why: chain(&error),
            },
        }
    }
}

/// Returns the face that takes events at `POST /`.
#[must_use]
pub fn events(inbox: Inbox) -> Face {
    Face {
        document: Document::openapi(),
        // Its own bound on time lies below that of every request.
        quick: Router::new().route("/", post(take)).with_state(inbox),
        slow: Router::new(),
    }
}

#[derive(OpenApi)]
#[openapi(paths(take))]
struct Document;

/// Takes an event: a CloudEvent in any mode, or the notification of a store as JSON.
#[utoipa::path(
    post, path = "/", request_body(content = String, content_type = "application/cloudevents+json"),
    responses(
        (status = 200, description = "It is acknowledged"),
        (status = 202, description = "It is handed over"),
        (status = "4XX", description = "It is not an event", body = ErrorResponse),
        (status = 503, description = "It must be sent again", body = ErrorResponse),
    )
)]
async fn take(State(inbox): State<Inbox>, headers: HeaderMap, Payload(body): Payload) -> Result<Response, Refusal> {
    let posted = Posted::read(&headers, &body).map_err(|error| refusal(&error))?;
    let (events, is_bare) = match posted {
        Posted::Events(events) => (events.into_iter().map(split).collect(), false),
        Posted::Bare(text) => (vec![(None, text)], true),
    };
    let mut answers = Vec::new();
    for (kind, data) in events {
        answers.push(inbox.take(kind.as_deref(), &data).await);
    }
    Ok(respond(&answers, is_bare))
}

fn split(event: CloudEvent) -> (Option<String>, String) {
    (Some(event.kind), event.data)
}

/// Returns one answer for all events: they are acknowledged together, or sent again together.
///
/// A broker takes the body of an answer for an event, so only a bare body is answered with one.
fn respond(answers: &[Answer], is_bare: bool) -> Response {
    let waits = answers.iter().filter_map(|answer| match answer {
        Answer::Again { after, why } => Some((after, why)),
        _ => None,
    });
    if let Some((after, why)) = waits.min_by_key(|(after, _)| *after) {
        return Refusal::unavailable(why.clone()).after(*after).into_response();
    }
    let handed_over = answers.iter().any(|answer| matches!(answer, Answer::HandedOver(_)));
    let status = if handed_over {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    if is_bare {
        let all: Vec<Value> = answers.iter().map(told).collect();
        return (status, Json(json!({"events": all}))).into_response();
    }
    (status, [(header::CONTENT_LENGTH, "0")]).into_response()
}

fn told(answer: &Answer) -> Value {
    match answer {
        Answer::Nothing => json!({"ended": "nothing-to-do"}),
        Answer::HandedOver(messages) => json!({"ended": "handed-over", "messages": messages}),
        Answer::Worked(handled) => report(handled),
        Answer::Dead(reason) => json!({"ended": "dead", "reason": reason}),
        Answer::Again { why, .. } => json!({"ended": "given-back", "why": why}),
    }
}

fn refusal(error: &CloudError) -> Refusal {
    let refused = Refusal::bad(error.to_string());
    match error {
        CloudError::Missing { attribute } => refused.missing(*attribute),
        CloudError::Version { have } => refused.at("specversion", have).bound("1.0"),
        CloudError::ContentType { have } => Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string())
            .at("Content-Type", have)
            .bound("application/json, application/cloudevents+json or application/cloudevents-batch+json"),
        CloudError::Shape { .. } => refused.missing("body"),
        CloudError::Batch { have } => refused
            .at("body", format!("{have} events"))
            .bound("at most 1000 events"),
        CloudError::Data { id, form } => refused.at("data", id).bound(*form),
    }
}
