//! Names in listings, encoded for XML.

use s3s::dto::{CommonPrefix, EncodingType, ObjectStorageClass, Owner};

use super::rows::Object;

/// Writes names plain or URL-encoded, as the client asks; XML cannot hold every key.
pub(super) struct Encode {
    url: bool,
}

impl Encode {
    pub(super) fn of(asked: Option<&EncodingType>) -> Self {
        Self {
            url: asked.is_some_and(|asked| asked.as_str() == EncodingType::URL),
        }
    }

    pub(super) fn text(&self, text: String) -> String {
        if !self.url {
            return text;
        }
        // A space becomes `%20`, not `+`: all clients decode that.
        let encode = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(encode).collect()
    }

    pub(super) fn objects(&self, objects: Vec<(String, Object)>, owner: Option<&Owner>) -> Vec<s3s::dto::Object> {
        let entry = |(key, object): (String, Object)| s3s::dto::Object {
            owner: owner.cloned(),
            e_tag: Some(object.tag()),
            key: Some(self.text(key)),
            last_modified: Some(object.modified()),
            size: i64::try_from(object.size).ok(),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            ..Default::default()
        };
        objects.into_iter().map(entry).collect()
    }

    pub(super) fn prefixes(&self, prefixes: Vec<String>) -> Vec<CommonPrefix> {
        prefixes
            .into_iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(self.text(prefix)),
            })
            .collect()
    }
}
