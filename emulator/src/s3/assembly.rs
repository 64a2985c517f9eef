//! From the parts of an upload to an object: which parts are meant, and what the object is made of.

use md5::{Digest, Md5};
use s3s::dto::CompletedPart;
use s3s::s3_error;

use super::checksums::Sums;
use super::error::Error;
use super::objects::Written;
use super::rows::{Upload, UploadedPart};

/// Every part but the last has at least this many bytes, as on AWS.
const SMALLEST_PART: u64 = 5 << 20;

/// Returns the uploaded parts that the client names. Their numbers must rise.
pub(super) fn chosen(
    uploaded: &[(u16, UploadedPart)],
    named: &[CompletedPart],
) -> Result<Vec<(u16, UploadedPart)>, Error> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "an upload is completed with at least one part").into());
    }
    if !named.is_sorted_by(|one, next| one.part_number < next.part_number) {
        return Err(s3_error!(InvalidPartOrder, "the parts are not in rising order").into());
    }
    let part = |named: &CompletedPart| {
        let number = named.part_number.unwrap_or_default();
        let found = uploaded.iter().find(|(uploaded, _)| i32::from(*uploaded) == number);
        found.filter(|(_, part)| same(part, named)).cloned().ok_or_else(|| {
            Error::from(s3_error!(
                InvalidPart,
                "part {number} was not uploaded, or has another ETag or checksum"
            ))
        })
    };
    named.iter().map(part).collect()
}

fn same(part: &UploadedPart, named: &CompletedPart) -> bool {
    let sums = s3s::dto::Checksum {
        checksum_crc32: named.checksum_crc32.clone(),
        checksum_crc32c: named.checksum_crc32c.clone(),
        checksum_crc64nvme: named.checksum_crc64nvme.clone(),
        checksum_sha1: named.checksum_sha1.clone(),
        checksum_sha256: named.checksum_sha256.clone(),
        checksum_type: None,
    };
    named.e_tag.as_ref().is_some_and(|tag| tag.value() == part.etag) && part.sums.agrees(&sums)
}

/// Returns the properties of the object that is made of these parts.
pub(super) fn whole(parts: &[(u16, UploadedPart)], upload: Upload) -> Result<Written, Error> {
    let all_but_last = parts.split_last().map_or(&[][..], |(_, rest)| rest);
    if let Some((number, part)) = all_but_last.iter().find(|(_, part)| part.size < SMALLEST_PART) {
        let size = part.size;
        let refusal = s3_error!(
            EntityTooSmall,
            "part {number} has {size} bytes, at least {SMALLEST_PART} are needed"
        );
        return Err(refusal.into());
    }
    let sums: Vec<(&Sums, u64)> = parts.iter().map(|(_, part)| (&part.sums, part.size)).collect();
    let sums = match upload.algorithm.filter(|_| upload.whole) {
        Some(algorithm) => Sums::whole(&algorithm, &sums),
        None => Sums::composite(&sums.iter().map(|(sums, _)| *sums).collect::<Vec<_>>()),
    };
    Ok(Written {
        etag: tag_of_tags(parts.iter().map(|(_, part)| part.etag.as_str())),
        size: parts.iter().map(|(_, part)| part.size).sum(),
        sums,
        about: upload.about,
    })
}

/// Returns the `ETag` of an object that was uploaded in parts: the MD5 of the parts' MD5s, then the number of parts.
pub(super) fn tag_of_tags<'a>(tags: impl Iterator<Item = &'a str>) -> String {
    let (mut md5, mut count) = (Md5::new(), 0);
    for tag in tags {
        md5.update(hex::decode(tag).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(md5.finalize()))
}
