//! The headers and the metadata that are stored with an object.

use std::collections::BTreeMap;

use http::{HeaderMap, header};
use s3s::dto::{Metadata, Timestamp, TimestampFormat};
use serde::{Deserialize, Serialize};

/// The headers and the metadata that are stored with an object and returned with it.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct StoredHeaders {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl StoredHeaders {
    const STORED: [header::HeaderName; 6] = [
        header::CONTENT_TYPE,
        header::CACHE_CONTROL,
        header::CONTENT_DISPOSITION,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::EXPIRES,
    ];

    /// Reads what is to be stored from a request.
    pub(super) fn of(headers: &HeaderMap, metadata: Option<Metadata>) -> Self {
        let stored = Self::STORED.iter().filter_map(|name| {
            let value = headers.get(name)?.to_str().ok()?;
            Some((name.to_string(), value.to_owned())).filter(|(_, value)| !value.is_empty())
        });
        let mut headers: BTreeMap<String, String> = stored.collect();
        // `aws-chunked` describes the request, not the object.
        if let Some(encoding) = headers.remove(header::CONTENT_ENCODING.as_str()) {
            let kept: Vec<&str> = encoding
                .split(',')
                .map(str::trim)
                .filter(|part| *part != "aws-chunked")
                .collect();
            if !kept.is_empty() {
                headers.insert(header::CONTENT_ENCODING.to_string(), kept.join(","));
            }
        }
        Self {
            headers,
            metadata: metadata.unwrap_or_default().into_iter().collect(),
        }
    }

    pub(super) fn header(&self, name: &header::HeaderName) -> Option<String> {
        self.headers.get(name.as_str()).cloned()
    }

    pub(super) fn content_type(&self) -> String {
        self.header(&header::CONTENT_TYPE)
            .unwrap_or_else(|| "binary/octet-stream".to_owned())
    }

    pub(super) fn expires(&self) -> Option<Timestamp> {
        Timestamp::parse(TimestampFormat::HttpDate, self.headers.get(header::EXPIRES.as_str())?).ok()
    }

    pub(super) fn metadata(&self) -> Option<Metadata> {
        let metadata: Metadata = self.metadata.clone().into_iter().collect();
        Some(metadata).filter(|metadata| !metadata.is_empty())
    }
}
