//! What a server answered, in one line: the SDK's own text names the code only in its `Debug` form.

use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::Cause;

/// What to look at when a server answers with a code. Servers differ in the codes they use.
const HINTS: [(&[&str], &str); 5] = [
    (
        &[
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "XAdminUserNotFound",
            "NotSignedUp",
        ],
        "the access key is not known there",
    ),
    (
        &[
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "IncompleteSignature",
        ],
        "the secret key does not belong to the access key, or something between changes requests",
    ),
    (
        &["RequestTimeTooSkewed", "RequestExpired"],
        "the clocks of this machine and of the server are too far apart",
    ),
    (
        &[
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
        ],
        "the bucket is in another region than the configured one",
    ),
    (&["NoSuchBucket"], "`flits setup` makes the bucket"),
];

/// An answer of a server that is an error.
#[derive(Debug)]
struct Answer {
    code: String,
    message: String,
    status: u16,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code, self.status)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        let hint = HINTS.iter().find(|(codes, _)| codes.contains(&self.code.as_str()));
        hint.map_or(Ok(()), |(_, hint)| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Answer {}

/// Returns why a request failed: the code and the message of the server's answer where there is one, else the SDK's error.
pub(super) fn reason<E>(error: SdkError<E>) -> Cause
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    match (error.code(), status) {
        (Some(code), Some(status)) => Box::new(Answer {
            code: code.rsplit(['.', '#']).next().unwrap_or(code).to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            status,
        }),
        _ => Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_line_with_what_to_look_at() {
        for (code, message, expected) in [
            (
                "InvalidAccessKeyId",
                "The Access Key Id you provided does not exist in our records.",
                "InvalidAccessKeyId (403): The Access Key Id you provided does not exist in our records; the access key is \
                 not known there",
            ),
            ("SlowDown", "", "SlowDown (403)"),
        ] {
            let answer = Answer {
                code: code.to_owned(),
                message: message.to_owned(),
                status: 403,
            };
            assert_eq!(answer.to_string(), expected);
        }
    }
}
