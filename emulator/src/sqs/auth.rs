//! Signature Version 4: recomputes a request's signature and compares.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{HeaderMap, request::Parts};

use super::error::Error;
use crate::settings::Settings;

/// How far a request's time may be from this server's clock, in seconds. AWS has the same bound.
const SKEW_S: i64 = 15 * 60;

/// The fields of an `Authorization` header.
struct Authorization<'a> {
    access_key: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Refuses a request that is not signed with the configured key or was changed after it was signed.
pub(super) fn check(parts: &Parts, body: &[u8], settings: &Settings) -> Result<(), Error> {
    let header = text(&parts.headers, http::header::AUTHORIZATION.as_str()).ok_or(Error::Unsigned)?;
    let given = Authorization::parse(header).ok_or(Error::Unsigned)?;
    if given.access_key != settings.access_key {
        return Err(Error::AccessKey);
    }
    if given.service != "sqs" {
        return Err(Error::Signature("it is made for another service"));
    }
    if !given.signed_headers.contains(&"host") {
        return Err(Error::Signature("it does not cover the header host"));
    }
    let time = text(&parts.headers, "x-amz-date")
        .and_then(parse_time)
        .ok_or(Error::Signature("x-amz-date is absent or no time"))?;
    if ((settings.now)() / 1000 - time).abs() > SKEW_S {
        return Err(Error::Signature("its time is more than 15 minutes off"));
    }
    let wanted = recompute(parts, body, settings, &given, time).ok_or(Error::Signature("it cannot be computed"))?;
    if equal(wanted.as_bytes(), given.signature.as_bytes()) {
        return Ok(());
    }
    Err(Error::Signature("check the secret access key"))
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = field("Credential")?.split('/');
        let (access_key, _date, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        Some(Self {
            access_key,
            region,
            service,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

/// Signs the same request again, with the headers that the client signed and no others.
fn recompute(parts: &Parts, body: &[u8], settings: &Settings, given: &Authorization<'_>, time: i64) -> Option<String> {
    let identity = Credentials::new(&settings.access_key, &settings.secret_key, None, None, "embedded").into();
    let mut signing = SigningSettings::default();
    signing.excluded_headers = None;
    signing.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(given.region)
        .name(given.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time).ok()?))
        .settings(signing)
        .build()
        .ok()?
        .into();
    // The signer adds the date itself.
    let signed = given.signed_headers.iter().filter(|name| **name != "x-amz-date");
    let headers: Vec<(&str, &str)> = signed
        .map(|name| Some((*name, text(&parts.headers, name)?)))
        .collect::<Option<_>>()?;
    let uri = parts.uri.path_and_query().map_or("/", |uri| uri.as_str());
    let uri = format!("http://{}{uri}", text(&parts.headers, "host")?);
    let request = SignableRequest::new(
        parts.method.as_str(),
        uri,
        headers.into_iter(),
        SignableBody::Bytes(body),
    )
    .ok()?;
    Some(sign(request, &params).ok()?.into_parts().1)
}

/// Reads `20261123T120000Z` as UTC seconds.
fn parse_time(text: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Compares in constant time, so that the time taken does not show where the first difference is.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .fold(0, |differences, (a, b)| differences | (a ^ b))
            == 0
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
