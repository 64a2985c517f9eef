use std::{fmt, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::text;
use serde::Serialize;

use crate::{
    class::Classify,
    error::{StoreError, chain},
};

/// How long a client waits before it tries again what failed for our reasons.
const AGAIN: Duration = Duration::from_secs(1);

/// An answer that says what is wrong with a request: which field, which value, which bound.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    status: StatusCode,
    why: Box<Why>,
    again: Option<Duration>,
}

/// The error object of KServe's API, with the value and the bound.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Why {
    code: String,
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
}

/// The longest value that an answer repeats, in characters.
const MAX_VALUE: usize = 200;

impl Refusal {
    /// Returns a refusal with a status and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let kind = match status.as_u16() {
            401 | 403 => "permission_error",
            404 => "not_found_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        Self {
            status,
            why: Box::new(Why {
                code: status.as_str().to_owned(),
                message: message.into(),
                kind,
                param: None,
                value: None,
                bound: None,
            }),
            again: None,
        }
    }

    /// Returns the refusal of a request that can never be answered.
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Returns the refusal of a request for something that does not exist.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Returns the answer to a request that may succeed later.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            again: Some(AGAIN),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }

    /// Returns the refusal with the name of the field and its value.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>, value: impl fmt::Display) -> Self {
        self.why.param = Some(field.into());
        let value = value.to_string();
        let short: String = value.chars().take(MAX_VALUE).collect();
        self.why.value = Some(text::plain(&short).into_owned());
        self
    }

    /// Returns the refusal with the name of a field that is missing.
    #[must_use]
    pub fn missing(mut self, field: impl Into<String>) -> Self {
        self.why.param = Some(field.into());
        self
    }

    /// Returns the refusal with the bound that the value breaks.
    #[must_use]
    pub fn bound(mut self, bound: impl Into<String>) -> Self {
        self.why.bound = Some(bound.into());
        self
    }

    /// Returns the refusal with the time after which to try again.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        self.again = Some(time);
        self
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.why.message
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let message = chain(&error);
        match error {
            StoreError::NotFound { key } => Self::not_found(message).at("key", key),
            StoreError::TooLarge { have, bound, .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
                .at("body", have)
                .bound(format!("at most {bound} bytes")),
            error if error.class().may_pass() => {
                tracing::warn!(error = message, "the store did not answer a request");
                Self::unavailable(error.to_string())
            }
            error => {
                tracing::error!(error = message, "the store cannot answer a request");
                Self::unavailable(error.to_string())
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(serde_json::json!({"error": self.why}))).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.again {
            let seconds = after.as_secs_f64().ceil().max(1.0);
            if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.0}")) {
                headers.insert(header::RETRY_AFTER, value);
            }
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
