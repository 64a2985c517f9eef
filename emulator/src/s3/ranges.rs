//! Range headers that are to be ignored. RFC 9110 ignores malformed ones, and a server may ignore several ranges at
//! once; the protocol crate refuses both.

use async_trait::async_trait;
use http::{Extensions, HeaderMap, Method, Uri, header};
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::access::{Access, Keys};
use super::parameters::pairs;
use super::wire::Wire;

/// Answers reads whose range is to be ignored: after their signature was checked, they run again without the range.
pub(super) struct Unranged(S3Service);

impl Unranged {
    pub(super) fn new(wire: Wire, keys: Keys) -> Self {
        let mut builder = S3ServiceBuilder::new(wire);
        builder.set_auth(keys);
        builder.set_access(Access::Checked);
        Self(builder.build())
    }
}

#[async_trait]
impl S3Route for Unranged {
    fn is_match(&self, method: &Method, _: &Uri, headers: &HeaderMap, _: &mut Extensions) -> bool {
        let range = headers.get(header::RANGE);
        (method == Method::GET || method == Method::HEAD)
            && range.is_some_and(|range| !range.to_str().is_ok_and(is_one))
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let mut again = http::Request::new(Body::empty());
        *again.method_mut() = request.method;
        *again.uri_mut() = unsigned(&request.uri)?;
        *again.headers_mut() = request.headers;
        again.headers_mut().remove(header::RANGE);
        again.headers_mut().remove(header::AUTHORIZATION);
        let answer = self.0.call(again).await;
        let answer =
            answer.map_err(|error| s3s::S3Error::with_source(s3s::S3ErrorCode::InternalError, error.into()))?;
        let (parts, body) = answer.into_parts();
        let mut response = S3Response::new(body);
        response.status = Some(parts.status);
        response.headers = parts.headers;
        Ok(response)
    }
}

fn is_one(range: &str) -> bool {
    // The protocol crate reads a lone dash as zero.
    range != "bytes=-" && s3s::dto::Range::parse(range).is_ok()
}

/// Returns an address without the signature that it may carry.
fn unsigned(uri: &Uri) -> S3Result<Uri> {
    let query = uri.query().unwrap_or_default();
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pairs(pair).next().map(|(name, _)| name.to_ascii_lowercase());
            name.is_some_and(|name| !name.starts_with("x-amz-") && name != "signature")
        })
        .collect();
    let target = format!("{}?{}", uri.path(), kept.join("&"));
    target
        .parse()
        .map_err(|error| s3_error!(error, InvalidURI, "the address cannot be read"))
}
