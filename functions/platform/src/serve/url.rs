//! HTTP requests that AWS Lambda delivers as events: those of a function URL.
//!
//! # Source
//! AWS Lambda, "Invoking Lambda function URLs": request and response payload, version 2.0.

use aws_lambda_events::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tower::ServiceExt as _;

/// The largest answer that Lambda passes on, in bytes.
const LARGEST: usize = 6 << 20;

/// Why a request is not answered. Lambda then answers 502.
#[derive(Debug, thiserror::Error)]
pub(super) enum UrlError {
    #[error("the event is not a request to a function URL")]
    Shape(#[source] serde_json::Error),
    #[error("the body is not Base64")]
    Base64(#[source] base64::DecodeError),
    #[error("the event is not an HTTP request")]
    Request(#[source] axum::http::Error),
    #[error("the answer has more than {LARGEST} bytes")]
    Answer(#[source] axum::Error),
}

/// Returns whether an event is a request to a function URL.
pub(super) fn is_request(event: &Value) -> bool {
    event.pointer("/requestContext/http/method").is_some()
}

/// Has a router answer a request.
pub(super) async fn answer(event: Value, router: Router) -> Result<Value, UrlError> {
    let request = request(serde_json::from_value(event).map_err(UrlError::Shape)?)?;
    let Ok(response) = router.oneshot(request).await;
    let answered = of_response(response).await?;
    Ok(serde_json::to_value(answered).expect("an answer is JSON"))
}

fn request(event: LambdaFunctionUrlRequest) -> Result<Request<Body>, UrlError> {
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded {
        STANDARD.decode(body).map_err(UrlError::Base64)?
    } else {
        body.into_bytes()
    };
    let path = event.raw_path.unwrap_or_else(|| "/".to_owned());
    let query = event.raw_query_string.filter(|query| !query.is_empty());
    let uri = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let method = event.request_context.http.method.unwrap_or_default();
    let mut request = Request::builder().method(method.as_str()).uri(uri);
    for (name, value) in &event.headers {
        request = request.header(name, value);
    }
    request.body(body.into()).map_err(UrlError::Request)
}

async fn of_response(response: Response<Body>) -> Result<LambdaFunctionUrlResponse, UrlError> {
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, LARGEST).await.map_err(UrlError::Answer)?;
    let mut answer = LambdaFunctionUrlResponse::default();
    answer.status_code = head.status.as_u16().into();
    answer.headers = head.headers;
    match String::from_utf8(bytes.into()) {
        Ok(text) => answer.body = Some(text),
        Err(binary) => {
            answer.body = Some(STANDARD.encode(binary.as_bytes()));
            answer.is_base64_encoded = true;
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Bytes,
        http::{HeaderMap, Uri, header},
        routing::post,
    };
    use serde_json::json;

    use super::*;

    fn event(body: &str, is_base64_encoded: bool) -> Value {
        json!({
            "version": "2.0", "rawPath": "/echo", "rawQueryString": "a=1%20b",
            "headers": {"content-type": "text/plain", "x-amzn-trace-id": "Root=1"},
            "requestContext": {
                "accountId": "123456789012", "apiId": "url-id", "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
                "http": {"method": "POST", "path": "/echo", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "curl"},
            },
            "body": body, "isBase64Encoded": is_base64_encoded,
        })
    }

    fn echo() -> Router {
        let echo = async |uri: Uri, headers: HeaderMap, body: Bytes| {
            assert_eq!(headers[header::CONTENT_TYPE], "text/plain");
            ([("x-query", uri.query().unwrap_or_default().to_owned())], body)
        };
        Router::new().route("/echo", post(echo))
    }

    #[tokio::test]
    async fn text_and_bytes_come_back_as_they_were_sent() {
        assert!(is_request(&event("", false)));
        assert!(!is_request(&json!({"Records": []})));
        for (body, is_base64_encoded) in [("grün", false), ("", false), ("/wAB", true)] {
            let answer = answer(event(body, is_base64_encoded), echo()).await.unwrap();
            assert_eq!(answer["statusCode"], 200, "{answer}");
            assert_eq!(answer["headers"]["x-query"], "a=1%20b");
            assert_eq!(
                (&answer["body"], &answer["isBase64Encoded"]),
                (&json!(body), &json!(is_base64_encoded))
            );
        }
        let wrong = answer(event("*", true), echo()).await.unwrap_err();
        assert!(matches!(wrong, UrlError::Base64(_)), "{wrong}");
    }
}
