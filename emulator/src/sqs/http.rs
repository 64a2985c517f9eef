//! The HTTP side: one POST per request, with the operation in `X-Amz-Target` and JSON in both directions.

use std::sync::Arc;

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    auth,
    error::{Error, chain},
    queues::Queues,
};

/// The largest request body that is read, in bytes. JSON may write each byte of a 1 MiB message as six.
const MAX_REQUEST: usize = 8 << 20;

/// Returns the HTTP service of the queues. Every request must be signed with the configured key (`SigV4`).
pub(crate) fn router(queues: Arc<Queues>) -> Router {
    Router::new().fallback(serve).with_state(queues)
}

async fn serve(State(queues): State<Arc<Queues>>, request: Request) -> Response {
    let answer = answer(&queues, request).await;
    let mut response = match answer {
        Ok(body) => Response::new(body.into()),
        Err(error) => refusal(&error),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    let id = HeaderValue::from_str(&Uuid::new_v4().to_string()).expect("hex and dashes");
    headers.insert("x-amzn-requestid", id);
    response
}

fn refusal(error: &Error) -> Response {
    let code = error.code();
    if error.is_senders() {
        tracing::debug!(error = %error, code = code.query, "a queue request was refused");
    } else {
        tracing::error!(error = error as &dyn std::error::Error, "a queue request failed");
    }
    let body = serde_json::json!({ "__type": code.shape, "message": chain(error) });
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = http::StatusCode::from_u16(code.status).expect("a constant of ours");
    // SDKs take the error code from here: for a missing queue the type alone does not contain the code that they know.
    let fault = if error.is_senders() { "Sender" } else { "Receiver" };
    let query = HeaderValue::from_str(&format!("{};{fault}", code.query)).expect("a constant of ours");
    response.headers_mut().insert("x-amzn-query-error", query);
    response
}

async fn answer(queues: &Queues, request: Request) -> Result<Bytes, Error> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST).await.map_err(|_| Error::Parameter {
        parameter: "MessageBody",
        value: format!("in a request of more than {MAX_REQUEST} bytes"),
        reason: "the request is too large or broke off".to_owned(),
    })?;
    auth::check(&parts, &body, &queues.settings)?;
    let base = format!("http://{}", text(&parts.headers, header::HOST.as_str()));
    let target = text(&parts.headers, "x-amz-target");
    let operation = target
        .strip_prefix("AmazonSQS.")
        .ok_or_else(|| Error::Operation(target.to_owned()))?;
    dispatch(queues, &base, operation, &body).await
}

async fn dispatch(queues: &Queues, base: &str, operation: &str, body: &[u8]) -> Result<Bytes, Error> {
    match operation {
        "CreateQueue" => json(queues.create_queue(base, parse(body)?).await?),
        "GetQueueUrl" => json(queues.get_queue_url(base, &parse(body)?)?),
        "ListQueues" => json(queues.list_queues(base, parse(body)?)?),
        "ListDeadLetterSourceQueues" => json(queues.list_sources(base, parse(body)?)?),
        "DeleteQueue" => empty(queues.delete_the_queue(parse(body)?).await),
        "PurgeQueue" => empty(queues.purge_queue(parse(body)?).await),
        "GetQueueAttributes" => json(queues.get_attributes(&parse(body)?)?),
        "SetQueueAttributes" => empty(queues.set_queue_attributes(parse(body)?).await),
        "SendMessage" => json(queues.send_message(parse(body)?).await?),
        "SendMessageBatch" => json(queues.send_batch(parse(body)?).await?),
        "ReceiveMessage" => json(queues.receive_message(parse(body)?).await?),
        "DeleteMessage" => empty(queues.delete_message(parse(body)?).await),
        "DeleteMessageBatch" => json(queues.delete_batch(parse(body)?).await?),
        "ChangeMessageVisibility" => empty(queues.change_visibility(parse(body)?).await),
        "ChangeMessageVisibilityBatch" => json(queues.change_batch(parse(body)?).await?),
        other => Err(Error::Operation(other.to_owned())),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(Error::Shape)
}

fn json(answer: impl Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(&answer)
        .map(Bytes::from)
        .map_err(|error| Error::Storage(Box::new(error)))
}

fn empty(outcome: Result<(), Error>) -> Result<Bytes, Error> {
    outcome.map(|()| Bytes::from_static(b"{}"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
