//! Messages: what a body and its attributes may hold, and the digests that SDKs check.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::error::Error;

/// The most bytes a message, or a batch of them, may have with its attributes.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// The most attributes a message may have.
const MAX_ATTRIBUTES: usize = 10;

/// One attribute of a message, stored as it came over the wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Attribute {
    /// `String`, `Number` or `Binary`, optionally with a suffix after a dot.
    pub(super) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) string_value: Option<String>,
    /// The value of a `Binary`, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) binary_value: Option<String>,
}

/// A message's attributes by name.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// A message as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Message {
    /// The same on every delivery, and in the dead-letter queue.
    pub(super) id: String,
    pub(super) body: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: Attributes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace_header: Option<String>,
    /// The `MessageGroupId`, with which a sender names the tenant of a fair queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    pub(super) sender: String,
    /// When it was sent, UTC milliseconds.
    pub(super) sent_ms: i64,
    /// The ARN of the queue that moved the message to this dead-letter queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dead_letter_source: Option<String>,
    /// Whether it is an injected copy, which is not copied again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) copy: bool,
}

/// Returns the MD5 of a body in lower-case hex.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// Returns the MD5 of attributes in lower-case hex, or `None` where there are no attributes.
///
/// # Source
/// Amazon SQS Developer Guide, "Calculating the MD5 message digest for message attributes": names in order; for each
/// the length-prefixed name and type, one byte for string (1) or binary (2), the length-prefixed value.
pub(super) fn md5_of_attributes(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut md5 = Md5::new();
    let mut part = |kind: Option<u8>, bytes: &[u8]| {
        md5.update(kind.as_slice());
        md5.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        md5.update(bytes);
    };
    for (name, attribute) in attributes {
        part(None, name.as_bytes());
        part(None, attribute.data_type.as_bytes());
        let (kind, value) = attribute.value();
        part(Some(kind), &value);
    }
    Some(hex::encode(md5.finalize()))
}

impl Attribute {
    /// Returns the transport kind, 1 for text and 2 for bytes, and the value's bytes.
    fn value(&self) -> (u8, Vec<u8>) {
        match (&self.string_value, &self.binary_value) {
            (Some(text), _) => (1, text.clone().into_bytes()),
            (None, binary) => (
                2,
                STANDARD
                    .decode(binary.as_deref().unwrap_or_default())
                    .unwrap_or_default(),
            ),
        }
    }

    fn check(&self, name: &str) -> Result<(), Error> {
        let refuse = |reason: &str| Error::Parameter {
            parameter: "MessageAttributes",
            value: name.to_owned(),
            reason: reason.to_owned(),
        };
        let base = self.data_type.split('.').next().unwrap_or_default();
        if self.data_type.len() > 256 {
            return Err(refuse("its type has more than 256 bytes"));
        }
        match (base, &self.string_value, &self.binary_value) {
            ("String", Some(text), None) if !text.is_empty() => check_characters(text),
            ("Number", Some(text), None) if text.parse::<f64>().is_ok_and(f64::is_finite) => Ok(()),
            ("Binary", None, Some(text)) if STANDARD.decode(text).is_ok_and(|bytes| !bytes.is_empty()) => Ok(()),
            ("String" | "Number" | "Binary", ..) => Err(refuse("its value is empty or not of its type")),
            _ => Err(refuse(
                "its type must be String, Number or Binary, perhaps with a suffix behind a dot",
            )),
        }
    }
}

/// Checks a body and its attributes, and returns their size in bytes.
pub(super) fn check(body: &str, attributes: &Attributes, maximum: usize) -> Result<usize, Error> {
    if body.is_empty() {
        return Err(Error::Missing("MessageBody"));
    }
    check_characters(body)?;
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(Error::Parameter {
            parameter: "MessageAttributes",
            value: format!("of {} entries", attributes.len()),
            reason: format!("at most {MAX_ATTRIBUTES} are taken"),
        });
    }
    for (name, attribute) in attributes {
        check_name(name)?;
        attribute.check(name)?;
    }
    let size = size(body, attributes);
    if size > maximum {
        return Err(Error::Parameter {
            parameter: "MessageBody",
            value: format!("of {size} bytes"),
            reason: format!("with attributes it must have at most {maximum} bytes"),
        });
    }
    Ok(size)
}

/// Returns the size in bytes of a body together with the names, types and values of its attributes.
pub(super) fn size(body: &str, attributes: &Attributes) -> usize {
    let of =
        |(name, attribute): (&String, &Attribute)| name.len() + attribute.data_type.len() + attribute.value().1.len();
    body.len() + attributes.iter().map(of).sum::<usize>()
}

fn check_characters(text: &str) -> Result<(), Error> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(Error::Contents(u32::from(c))),
        None => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let lower = name.to_ascii_lowercase();
    let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    if plain && !dots && !reserved && (1..=256).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::Parameter {
        parameter: "MessageAttributes",
        value: format!("`{name}`"),
        reason: "a name has 1 to 256 characters of [A-Za-z0-9_.-], no dot at its ends or beside another, and does not begin with `aws.` or `amazon.`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: &str, value: &str) -> Attribute {
        Attribute {
            data_type: kind.to_owned(),
            string_value: Some(value.to_owned()),
            binary_value: None,
        }
    }

    fn binary(value: &[u8]) -> Attribute {
        Attribute {
            data_type: "Binary".to_owned(),
            string_value: None,
            binary_value: Some(STANDARD.encode(value)),
        }
    }

    #[test]
    fn bodies_hold_only_characters_that_the_service_allows() {
        for (body, fine) in [
            ("plain\t\r\n", true),
            ("é 漢 \u{fffd} 𝄞", true),
            ("", false),
            ("\u{1}", false),
            ("a\u{0}b", false),
            ("\u{fffe}", false),
            ("\u{ffff}", false),
        ] {
            assert_eq!(check(body, &Attributes::new(), MAX_BYTES).is_ok(), fine, "{body:?}");
        }
    }

    #[test]
    fn a_message_of_one_mebibyte_is_taken_and_one_byte_more_is_not() {
        let attributes = Attributes::from([("n".to_owned(), text("Number", "1"))]);
        let of_attributes = "n".len() + "Number".len() + "1".len();
        for (size, fine) in [(MAX_BYTES, true), (MAX_BYTES + 1, false)] {
            let body = "x".repeat(size - of_attributes);
            assert_eq!(check(&body, &attributes, MAX_BYTES).is_ok(), fine, "{size}");
        }
    }

    #[test]
    fn attributes_follow_their_names_and_types() {
        for (name, attribute, fine) in [
            ("a.b-c_1", text("String", "x"), true),
            ("n", text("Number.float", "-1.5e3"), true),
            ("b", binary(&[0, 255]), true),
            ("n", text("Number", "many"), false),
            ("s", text("String", ""), false),
            ("b", binary(&[]), false),
            ("t", text("Text", "x"), false),
            (".a", text("String", "x"), false),
            ("a..b", text("String", "x"), false),
            ("AWS.x", text("String", "x"), false),
            ("a b", text("String", "x"), false),
        ] {
            let one = Attributes::from([(name.to_owned(), attribute)]);
            assert_eq!(check("body", &one, MAX_BYTES).is_ok(), fine, "{one:?}");
        }
    }
}
