//! The OpenAPI document of a face: made from the types of its requests and answers.

use serde::Serialize;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

/// The name of the security scheme.
const BEARER: &str = "bearer";

/// The answer to a request that is refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorResponse {
    error: ErrorObject,
}

/// What is wrong, in KServe's form, with the value and the bound.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorObject {
    /// The status code.
    code: String,
    /// What is wrong, in a sentence.
    message: String,
    /// The kind of error, such as `invalid_request_error`.
    #[serde(rename = "type")]
    kind: String,
    /// The field of the request.
    param: Option<String>,
    /// Its value.
    value: Option<String>,
    /// What would be accepted.
    bound: Option<String>,
}

/// The process is alive.
#[utoipa::path(get, path = "/healthz", security(()), responses((status = 200, description = "It is")))]
#[expect(dead_code, reason = "describes a route whose handler is a closure")]
fn healthz() {}

/// The store answers.
#[utoipa::path(get, path = "/readyz", security(()),
    responses((status = 200, description = "It does"), (status = 503, description = "It does not")))]
#[expect(dead_code, reason = "describes a route whose handler is private")]
fn readyz() {}

/// What this process counts, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
#[expect(dead_code, reason = "describes a route whose handler is private")]
fn metrics() {}

#[derive(OpenApi)]
#[openapi(
    info(title = "flits", description = "Turns uploaded time series into served forecasts"),
    paths(healthz, readyz, metrics),
    components(schemas(ErrorResponse))
)]
struct Own;

/// Returns the document of a face with the routes that every face has, and the token that all but health want.
pub(super) fn whole(face: openapi::OpenApi) -> openapi::OpenApi {
    let mut document = Own::openapi();
    document.merge(face);
    let components = document.components.get_or_insert_default();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    document
}
