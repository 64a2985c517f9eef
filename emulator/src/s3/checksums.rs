//! The digests that a client sends with a body, and how they are checked.
//!
//! `s3s` verifies signatures and the signed payload hash; `Content-MD5` and `x-amz-checksum-*`, as headers or as
//! trailers, are left to the storage.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use http::{HeaderMap, StatusCode};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumType};
use s3s::{S3Result, TrailingHeaders, s3_error};
use serde::{Deserialize, Serialize};

use super::error::coded;

const ALGORITHMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
pub(super) const PREFIX: &str = "x-amz-checksum-";

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

    /// Returns the checksums as the fields of the protocol.
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

    /// Returns whether each of the given checksums is equal here.
    pub(super) fn agrees(&self, given: &Checksum) -> bool {
        Self::computed(given.clone())
            .0
            .iter()
            .all(|(name, value)| self.0.get(name) == Some(value))
    }

    /// Returns the checksums of checksums that S3 keeps for an upload in parts, for each algorithm that all parts have.
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

    /// Returns the checksum of the whole object that is made of these parts, each with its size in bytes. Empty where a
    /// part has no such checksum.
    pub(super) fn whole(algorithm: &str, parts: &[(&Self, u64)]) -> Self {
        let name = algorithm.to_ascii_lowercase();
        let combined = linear(&name).and_then(|crc| {
            let mut sums = parts
                .iter()
                .map(|(sums, size)| Some((number(sums.0.get(&name)?)?, *size)));
            let (first, _) = sums.next()??;
            sums.try_fold(first, |whole, part| {
                let (part, size) = part?;
                Some(checksum_combine(crc, whole, part, size))
            })
        });
        let width = if name == "crc64nvme" { 8 } else { 4 };
        let encode = |sum: u64| STANDARD.encode(&sum.to_be_bytes()[8 - width..]);
        Self(combined.map(|sum| (name, encode(sum))).into_iter().collect())
    }

    /// Returns whether there is a checksum of this name, whatever its case.
    pub(super) fn has(&self, algorithm: &str) -> bool {
        self.0.contains_key(&algorithm.to_ascii_lowercase())
    }
}

/// Returns whether a checksum of this name is computed here, whatever its case.
pub(super) fn is_known(algorithm: &str) -> bool {
    ALGORITHMS.iter().any(|known| known.eq_ignore_ascii_case(algorithm))
}

/// Returns whether the checksum of an object can be computed from those of its parts.
pub(super) fn is_linear(algorithm: &str) -> bool {
    linear(algorithm).is_some()
}

fn linear(algorithm: &str) -> Option<CrcAlgorithm> {
    match algorithm.to_ascii_lowercase().as_str() {
        "crc32" => Some(CrcAlgorithm::Crc32IsoHdlc),
        "crc32c" => Some(CrcAlgorithm::Crc32Iscsi),
        "crc64nvme" => Some(CrcAlgorithm::Crc64Nvme),
        _ => None,
    }
}

/// Returns a CRC of the protocol's form as a number.
fn number(sum: &str) -> Option<u64> {
    let bytes = STANDARD.decode(sum).ok()?;
    let mut whole = [0; 8];
    whole[8_usize.checked_sub(bytes.len())?..].copy_from_slice(&bytes);
    Some(u64::from_be_bytes(whole))
}

/// What the client announces about a body: its size and digests.
pub(super) struct Expected {
    given: Sums,
    md5: Option<String>,
    /// The checksum that a trailer after the body will bring.
    announced: Option<&'static str>,
    trailers: Option<TrailingHeaders>,
    /// The size in bytes without the transfer encoding.
    length: Option<String>,
    algorithms: Vec<&'static str>,
}

impl Expected {
    pub(super) fn of(headers: &HeaderMap, trailers: Option<TrailingHeaders>) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let set = |name: &str| Some(text(name).to_owned()).filter(|value| !value.is_empty());
        let asked = text("x-amz-sdk-checksum-algorithm");
        let trailer = text("x-amz-trailer").trim().to_ascii_lowercase();
        let trailer = trailer.strip_prefix(PREFIX);
        let announced = ALGORITHMS.into_iter().find(|name| trailer == Some(*name));
        let given = Sums::read(headers);
        let algorithms = ALGORITHMS
            .into_iter()
            .filter(|name| announced == Some(*name) || asked.eq_ignore_ascii_case(name) || given.0.contains_key(*name));
        Self {
            algorithms: algorithms.collect(),
            given,
            md5: set("content-md5"),
            announced,
            trailers,
            length: set("x-amz-decoded-content-length"),
        }
    }

    /// Expects an MD5 only: the checksums in the headers of a completed upload are those of the object, not of the
    /// body.
    pub(super) fn of_md5_alone(headers: &HeaderMap) -> Self {
        Self {
            given: Sums::default(),
            algorithms: Vec::new(),
            ..Self::of(headers, None)
        }
    }

    /// Also computes the checksum that an upload asks for.
    pub(super) fn also(mut self, algorithm: Option<&str>) -> Self {
        let asked = |name: &&str| algorithm.is_some_and(|algorithm| algorithm.eq_ignore_ascii_case(name));
        let more = ALGORITHMS.into_iter().filter(asked);
        for name in more {
            if !self.algorithms.contains(&name) {
                self.algorithms.push(name);
            }
        }
        self
    }

    /// Expects nothing: of bytes that do not come from a client.
    pub(super) fn nothing() -> Self {
        Self::of(&HeaderMap::new(), None)
    }

    pub(super) fn hasher(&self) -> ChecksumHasher {
        hasher(&self.algorithms)
    }

    /// Returns the checksums to store, or the refusal when the body is not what was announced. Call it after the body
    /// was read, because trailers come last.
    pub(super) fn check(mut self, size: u64, md5: &[u8], computed: Checksum) -> S3Result<Sums> {
        self.check_length(size)?;
        self.check_md5(md5)?;
        let trailers = self.trailers.take().and_then(|trailers| trailers.take());
        let trailing = trailers.map(|trailers| Sums::read(&trailers)).unwrap_or_default();
        if let Some(name) = self.announced.filter(|name| !trailing.0.contains_key(*name)) {
            let mut refusal = coded("MalformedTrailerError", StatusCode::BAD_REQUEST);
            refusal.set_message(format!("the trailer {PREFIX}{name} was announced and did not come"));
            return Err(refusal);
        }
        self.given.0.extend(trailing.0);
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

    fn check_length(&self, size: u64) -> S3Result<()> {
        match &self.length {
            Some(said) if said.parse() != Ok(size) => Err(s3_error!(
                IncompleteBody,
                "the body has {size} bytes, x-amz-decoded-content-length says {said}"
            )),
            _ => Ok(()),
        }
    }

    fn check_md5(&self, md5: &[u8]) -> S3Result<()> {
        let Some(given) = &self.md5 else { return Ok(()) };
        match STANDARD.decode(given) {
            Ok(given) if given == md5 => Ok(()),
            Ok(given) if given.len() == md5.len() => Err(s3_error!(
                BadDigest,
                "the Content-MD5 you specified did not match what was received"
            )),
            _ => Err(s3_error!(
                InvalidDigest,
                "the Content-MD5 `{given}` is not 16 bytes in base64"
            )),
        }
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
