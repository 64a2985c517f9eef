//! The HTTP side of S3: what is checked about a request before the protocol crate reads it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, s3_error};

use super::access::{Access, Keys};
use super::body::broken;
use super::checksums::Expected;
use super::elements;
use super::parameters::pairs;
use super::ranges::Unranged;
use super::store::Store;
use super::wire::Wire;

/// The largest body, in bytes, of a request that is no object: a `DeleteObjects` of 1,000 keys of 1,024 bytes fits,
/// each byte written as `&amp;`.
const LARGEST: usize = 8 << 20;

/// The header that names the right region.
const REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

#[derive(Clone)]
struct Front {
    service: S3Service,
    region: Arc<str>,
}

/// Returns the HTTP service of a store. Every request must be signed with the one pair of keys (`SigV4`).
pub(crate) fn router(store: Store, keys: Keys) -> Router {
    let front = Front {
        region: store.region().into(),
        service: service(store, keys),
    };
    Router::new().fallback(answer).with_state(front)
}

/// Returns the service of a store, as the protocol crate runs it.
fn service(store: Store, keys: Keys) -> S3Service {
    let wire = Wire(store);
    let mut builder = S3ServiceBuilder::new(wire.clone());
    builder.set_auth(keys.clone());
    builder.set_access(Access::Signed);
    builder.set_route(Unranged::new(wire, keys));
    builder.build()
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Some(answer) = wrong_region(&parts, &front.region) {
        return answer;
    }
    take_headers_of_address(&mut parts);
    let body = match admit(&parts, body).await {
        Ok(body) => body,
        Err(refusal) => return refused(refusal),
    };
    let request = http::Request::from_parts(parts, s3s::Body::http_body_unsync(body));
    match front.service.call(request).await {
        Ok(answer) => answer.map(Body::new),
        // Refusals are answers; only a request that could not be answered at all ends here.
        Err(error) => {
            tracing::warn!(?error, "a request to the embedded S3 broke off");
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Refuses forms. Reads every body that is no object, to check its size and its digests.
async fn admit(parts: &Parts, body: Body) -> Result<Body, S3Error> {
    let kind = text(parts, &header::CONTENT_TYPE).to_ascii_lowercase();
    if parts.method == Method::POST && kind.starts_with("multipart/form-data") {
        return Err(s3_error!(NotImplemented, "forms of browsers are not supported"));
    }
    if is_object(parts) {
        return Ok(body);
    }
    let bytes = to_bytes(body, LARGEST).await.map_err(|error| {
        let inner = error.into_inner();
        if is_too_large(inner.as_ref()) {
            return s3_error!(
                MaxMessageLengthExceeded,
                "a request that is no object has at most {LARGEST} bytes"
            );
        }
        broken(inner)
    })?;
    // Trailers and other encodings of such a body are not supported and are refused later.
    let completes = parameters(parts).any(|(name, _)| name == "uploadId");
    let expected = if completes {
        Expected::of_md5_alone(&parts.headers)
    } else {
        Expected::of(&parts.headers, None)
    };
    let mut hasher = expected.hasher();
    hasher.update(&bytes);
    let md5 = <md5::Md5 as md5::Digest>::digest(&bytes);
    expected.check(bytes.len() as u64, &md5, hasher.finalize())?;
    elements::check(&bytes)?;
    Ok(bytes.into())
}

/// Returns whether the body is an object or a part of an upload.
fn is_object(parts: &Parts) -> bool {
    let key = parts.uri.path().trim_start_matches('/').split_once('/');
    parts.method == Method::PUT && key.is_some_and(|(_, key)| !key.is_empty())
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.to_string().contains("length limit"))
}

/// Copies headers that a presigned address carries as parameters to the headers of the request.
fn take_headers_of_address(parts: &mut Parts) {
    const SIGNATURE: [&str; 8] = [
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    ];
    let given: Vec<_> = parameters(parts).collect();
    for (name, value) in given {
        let name = name.to_ascii_lowercase();
        if !name.starts_with("x-amz-") || SIGNATURE.contains(&name.as_str()) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            parts.headers.entry(name).or_insert(value);
        }
    }
}

/// Answers every request that was signed for another region with the right one; clients then sign again.
fn wrong_region(parts: &Parts, region: &str) -> Option<Response> {
    let signed = text(parts, &header::AUTHORIZATION).split_once("Credential=");
    let (code, scope) = if let Some((_, scope)) = signed {
        let scope = scope.split(',').next().unwrap_or_default().to_owned();
        ("AuthorizationHeaderMalformed", scope)
    } else {
        let (_, scope) = parameters(parts).find(|(name, _)| name == "X-Amz-Credential")?;
        ("AuthorizationQueryParametersError", scope)
    };
    // Read from the end, because an access key may contain a slash.
    let mut scope = scope.trim().rsplit('/');
    let (_, _, given) = (scope.next()?, scope.next()?, scope.next()?);
    if given == region {
        return None;
    }
    let (given, wanted) = (escaped(given), escaped(region));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>the region '{given}' is wrong; \
         expecting '{wanted}'</Message><Region>{wanted}</Region></Error>"
    );
    let mut answer = status(StatusCode::BAD_REQUEST);
    if parts.method != Method::HEAD {
        *answer.body_mut() = body.into();
        let xml = HeaderValue::from_static("application/xml");
        answer.headers_mut().insert(header::CONTENT_TYPE, xml);
    }
    if let Ok(region) = HeaderValue::from_str(region) {
        answer.headers_mut().insert(REGION, region);
    }
    Some(answer)
}

fn refused(refusal: S3Error) -> Response {
    match refusal.to_http_response() {
        Ok(answer) => answer.map(Body::new),
        Err(error) => {
            tracing::error!(?error, "a refusal cannot be written");
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn status(status: StatusCode) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

fn text<'a>(parts: &'a Parts, name: &HeaderName) -> &'a str {
    let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

fn parameters(parts: &Parts) -> impl Iterator<Item = (String, String)> {
    pairs(parts.uri.query().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
