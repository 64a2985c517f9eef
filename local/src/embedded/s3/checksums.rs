//! The digests that a client sends with a body, and their check.
//!
//! `s3s` verifies signatures and the signed payload hash; `Content-MD5` and `x-amz-checksum-*`, as headers or as
//! trailers, are left to the storage.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumType};
use s3s::{S3Result, TrailingHeaders, s3_error};
use serde::{Deserialize, Serialize};

const ALGORITHMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
const PREFIX: &str = "x-amz-checksum-";

/// Checksums by algorithm, in the base64 that the protocol uses.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Sums(BTreeMap<String, String>);

impl Sums {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(headers: &HeaderMap) -> Self {
        let found = ALGORITHMS.iter().filter_map(|algorithm| {
            let value = headers.get(format!("{PREFIX}{algorithm}"))?.to_str().ok()?;
            Some(((*algorithm).to_owned(), value.to_owned()))
        });
        Self(found.collect())
    }

    fn computed(sums: Checksum) -> Self {
        let Checksum {
            checksum_crc32,
            checksum_crc32c,
            checksum_crc64nvme,
            checksum_sha1,
            checksum_sha256,
            ..
        } = sums;
        let values = [
            checksum_crc32,
            checksum_crc32c,
            checksum_crc64nvme,
            checksum_sha1,
            checksum_sha256,
        ];
        let named = ALGORITHMS.iter().zip(values);
        Self(
            named
                .filter_map(|(name, value)| Some(((*name).to_owned(), value?)))
                .collect(),
        )
    }

    /// Gives the protocol's form.
    pub(super) fn wire(&self) -> Checksum {
        let get = |algorithm: &str| self.0.get(algorithm).cloned();
        let composite = self.0.values().any(|value| value.contains('-'));
        let kind = if composite {
            ChecksumType::COMPOSITE
        } else {
            ChecksumType::FULL_OBJECT
        };
        Checksum {
            checksum_crc32: get("crc32"),
            checksum_crc32c: get("crc32c"),
            checksum_crc64nvme: get("crc64nvme"),
            checksum_sha1: get("sha1"),
            checksum_sha256: get("sha256"),
            checksum_type: Some(ChecksumType::from_static(kind)).filter(|_| !self.is_empty()),
        }
    }

    /// Says whether everything that the other one names is the same here.
    pub(super) fn agrees(&self, given: &Checksum) -> bool {
        Self::computed(given.clone())
            .0
            .iter()
            .all(|(name, value)| self.0.get(name) == Some(value))
    }

    /// Gives the checksums of checksums that S3 keeps for an upload in parts: of those algorithms that all parts have.
    pub(super) fn composite(parts: &[&Self]) -> Self {
        let Some(first) = parts.first() else {
            return Self::default();
        };
        let common = first
            .0
            .keys()
            .filter(|name| parts.iter().all(|part| part.0.contains_key(*name)));
        let sums = common.filter_map(|name| {
            let mut hasher = hasher(&[name.as_str()]);
            for part in parts {
                hasher.update(&STANDARD.decode(&part.0[name]).ok()?);
            }
            let sum = Self::computed(hasher.finalize()).0.remove(name)?;
            Some((name.clone(), format!("{sum}-{}", parts.len())))
        });
        Self(sums.collect())
    }
}

/// What the client says about a body that is about to come.
pub(super) struct Promise {
    given: Sums,
    md5: Option<String>,
    trailers: Option<TrailingHeaders>,
    algorithms: Vec<&'static str>,
}

impl Promise {
    pub(super) fn of(headers: &HeaderMap, trailers: Option<TrailingHeaders>) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let (asked, trailer) = (text("x-amz-sdk-checksum-algorithm"), text("x-amz-trailer"));
        let given = Sums::read(headers);
        let algorithms = ALGORITHMS.into_iter().filter(|name| {
            let announced = trailer.trim().strip_prefix(PREFIX) == Some(*name);
            announced || asked.eq_ignore_ascii_case(name) || given.0.contains_key(*name)
        });
        let md5 = Some(text("content-md5").to_owned()).filter(|md5| !md5.is_empty());
        Self {
            algorithms: algorithms.collect(),
            given,
            md5,
            trailers,
        }
    }

    /// Bytes that nobody promised anything about, with the checksum that their upload asks for.
    pub(super) fn none(algorithm: Option<&str>) -> Self {
        let asked = |name: &&str| algorithm.is_some_and(|algorithm| algorithm.eq_ignore_ascii_case(name));
        Self {
            given: Sums::default(),
            md5: None,
            trailers: None,
            algorithms: ALGORITHMS.into_iter().filter(asked).collect(),
        }
    }

    pub(super) fn hasher(&self) -> ChecksumHasher {
        hasher(&self.algorithms)
    }

    /// Gives the checksums to store, or the refusal when a promise was not kept. Call after the body was read: trailers
    /// come last.
    pub(super) fn check(mut self, md5: &[u8], computed: Checksum) -> S3Result<Sums> {
        if self.md5.is_some_and(|given| given != STANDARD.encode(md5)) {
            return Err(s3_error!(
                BadDigest,
                "the Content-MD5 you specified did not match what was received"
            ));
        }
        if let Some(trailers) = self.trailers.and_then(|trailers| trailers.take()) {
            self.given.0.extend(Sums::read(&trailers).0);
        }
        let computed = Sums::computed(computed);
        for (name, given) in &self.given.0 {
            if computed.0.get(name) != Some(given) {
                return Err(s3_error!(
                    BadDigest,
                    "the {name} you specified did not match the calculated checksum"
                ));
            }
        }
        Ok(computed)
    }
}

fn hasher(algorithms: &[&str]) -> ChecksumHasher {
    let wants = |name: &str| algorithms.contains(&name);
    ChecksumHasher {
        crc32: wants("crc32").then(Crc32::new),
        crc32c: wants("crc32c").then(Crc32c::new),
        crc64nvme: wants("crc64nvme").then(Crc64Nvme::new),
        sha1: wants("sha1").then(Sha1::new),
        sha256: wants("sha256").then(Sha256::new),
    }
}
