use std::{collections::BTreeMap, path::Path, time::Duration};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{RequestChecksumCalculation, retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        get_object::GetObjectOutput,
        put_object::{PutObjectOutput, builders::PutObjectFluentBuilder},
    },
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::ChecksumAlgorithm,
};
use bytes::{Bytes, BytesMut};
use contract::Digest;
use sha2::Digest as _;
use tokio::io::AsyncWriteExt;

use super::{
    connect::{CONNECT, TOTAL},
    intercept::{DateOf, Unsigned},
    reason::reason,
};
use crate::{
    error::{Cause, StoreError},
    ports::{Downloaded, ETag, Link, Listed, Object, ObjectMeta, Store},
};

/// How often a conditional write is sent when it conflicts with another one in progress (409).
const CONFLICT_TRIES: u32 = 4;
/// The slowest transfer that is not given up, in bytes per second.
const SLOWEST: u64 = 1_000_000;

/// One bucket of an S3 or compatible store.
pub struct S3Store {
    client: Client,
    bucket: String,
}

/// The condition of a conditional write.
#[derive(Clone, Copy)]
enum Condition<'a> {
    Absent,
    Version(&'a ETag),
}

/// The kind of request, because the meaning of an error response depends on it.
#[derive(Clone, Copy)]
enum Asked {
    Read,
    Write,
    Create,
    Swap,
}

impl S3Store {
    /// Wraps a client for one bucket.
    #[must_use]
    pub fn new(client: Client, bucket: &str) -> Self {
        Self {
            client,
            bucket: bucket.to_owned(),
        }
    }

    fn put_object(&self, key: &str, bytes: Bytes) -> PutObjectFluentBuilder {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        put.content_type(content_type(key)).body(bytes.into())
    }

    /// Sends a conditional write without the SDK's retries. A 409 says that nothing was written because another write
    /// was in progress, so then it is sent again.
    async fn put_if(&self, key: &str, bytes: Bytes, condition: Condition<'_>) -> Result<ETag, StoreError> {
        let asked = match condition {
            Condition::Absent => Asked::Create,
            Condition::Version(_) => Asked::Swap,
        };
        for attempt in 1.. {
            let put = self.put_object(key, bytes.clone());
            let put = match condition {
                Condition::Absent => put.if_none_match("*"),
                Condition::Version(seen) => put.if_match(seen.quoted()),
            };
            let once = patient(bytes.len() as u64).retry_config(RetryConfig::disabled());
            match put.customize().config_override(once).send().await {
                Ok(written) => return etag(key, &written),
                Err(error) if status(&error) == Some(409) && attempt < CONFLICT_TRIES => pause(attempt).await,
                Err(error) => return Err(failed(key, asked, error)),
            }
        }
        unreachable!("the last try returns")
    }

    async fn open(&self, key: &str, seen: Option<&ETag>) -> Result<(ObjectMeta, ByteStream), StoreError> {
        let date = DateOf::default();
        let get = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .set_if_match(seen.map(ETag::quoted));
        let got = get.customize().interceptor(date.clone()).send().await;
        let mut got = got.map_err(|error| failed(key, Asked::Read, error))?;
        let body = std::mem::take(&mut got.body);
        Ok((meta_of_get(key, &got, &date)?, body))
    }
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        let (meta, body) = self.open(key, None).await?;
        check_cap(key, meta.size, cap)?;
        let bytes = within(key, meta.size, collect(key, body, meta.size, cap)).await?;
        Ok(Object { meta, bytes })
    }

    async fn get_changed(&self, key: &str, seen: &ETag, cap: u64) -> Result<Option<Object>, StoreError> {
        let date = DateOf::default();
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let get = get.if_none_match(seen.quoted());
        let mut got = match get.customize().interceptor(date.clone()).send().await {
            Ok(got) => got,
            Err(error) if status(&error) == Some(304) => return Ok(None),
            Err(error) => return Err(failed(key, Asked::Read, error)),
        };
        let body = std::mem::take(&mut got.body);
        let meta = meta_of_get(key, &got, &date)?;
        check_cap(key, meta.size, cap)?;
        let bytes = within(key, meta.size, collect(key, body, meta.size, cap)).await?;
        Ok(Some(Object { meta, bytes }))
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        let date = DateOf::default();
        let head = self.client.head_object().bucket(&self.bucket).key(key);
        let head = head.customize().interceptor(date.clone()).send().await;
        let head = head.map_err(|error| failed(key, Asked::Read, error))?;
        Ok(ObjectMeta {
            etag: required(key, "ETag", head.e_tag()).map(ETag::new)?,
            version: version(head.version_id()),
            size: size(head.content_length()),
            last_modified: required(key, "Last-Modified", head.last_modified())?.secs(),
            date: date_of(key, &date)?,
            metadata: head.metadata().cloned().unwrap_or_default().into_iter().collect(),
        })
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        let patient = patient(bytes.len() as u64);
        let put = self.put_object(key, bytes).customize().config_override(patient);
        let written = put.send().await;
        etag(key, &written.map_err(|error| failed(key, Asked::Write, error))?)
    }

    async fn put_named(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        // The checksum stands in a header, which compatible servers understand too.
        let checked =
            patient(bytes.len() as u64).request_checksum_calculation(RequestChecksumCalculation::WhenSupported);
        let put = self
            .put_object(key, bytes)
            .checksum_algorithm(ChecksumAlgorithm::Crc32C);
        let put = put.customize().interceptor(Unsigned).config_override(checked);
        let written = put.send().await;
        etag(key, &written.map_err(|error| failed(key, Asked::Write, error))?)
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.put_if(key, bytes, Condition::Absent).await
    }

    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        self.put_if(key, bytes, Condition::Version(seen)).await
    }

    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        let scratch = |source| StoreError::Scratch {
            key: key.to_owned(),
            source,
        };
        let bytes = tokio::fs::metadata(file).await.map_err(scratch)?.len();
        let unreadable = |error| scratch(std::io::Error::other(error));
        let body = ByteStream::from_path(file).await.map_err(unreadable)?;
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type(key));
        let put = put
            .set_metadata(Some(metadata.clone().into_iter().collect()))
            .body(body);
        let written = put.customize().config_override(patient(bytes)).send().await;
        etag(key, &written.map_err(|error| failed(key, Asked::Write, error))?)
    }

    async fn upload_link(
        &self,
        key: &str,
        metadata: &BTreeMap<String, String>,
        valid: Duration,
    ) -> Result<Link, StoreError> {
        let refused = |source: Cause| StoreError::Refused {
            key: key.to_owned(),
            source,
        };
        let valid = PresigningConfig::expires_in(valid).map_err(|error| refused(Box::new(error)))?;
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = put.set_metadata(Some(metadata.clone().into_iter().collect()));
        let signed = put.presigned(valid).await.map_err(|error| refused(Box::new(error)))?;
        let headers = signed
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Link {
            url: signed.uri().to_owned(),
            headers: headers.collect(),
        })
    }

    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError> {
        let (meta, body) = self.open(key, Some(seen)).await?;
        check_cap(key, meta.size, cap)?;
        within(key, meta.size, stream(key, body, meta.size, file, cap)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let deleted = delete.send().await;
        deleted.map(drop).map_err(|error| failed(key, Asked::Write, error))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let list = list
            .set_start_after(after.map(str::to_owned))
            .max_keys(i32::try_from(max.min(1000)).unwrap_or(1000));
        let page = list.send().await.map_err(|error| failed(prefix, Asked::Read, error))?;
        let listed = |object: &aws_sdk_s3::types::Object| {
            let key = required(prefix, "Key", object.key())?;
            Ok(Listed {
                key: key.to_owned(),
                etag: required(key, "ETag", object.e_tag()).map(ETag::new)?,
                size: size(object.size()),
                last_modified: required(key, "LastModified", object.last_modified())?.secs(),
            })
        };
        page.contents().iter().map(listed).collect()
    }
}

/// Collects a body of at most `cap` bytes, whatever `Content-Length` said.
async fn collect(key: &str, mut body: ByteStream, declared: u64, cap: u64) -> Result<Bytes, StoreError> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(declared).unwrap_or(0));
    while let Some(chunk) = body.try_next().await.map_err(|error| silent(key, error))? {
        check_cap(key, (bytes.len() + chunk.len()) as u64, cap)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// Writes a body of at most `cap` bytes to a file and computes its digest on the way, whatever `Content-Length` said.
async fn stream(
    key: &str,
    mut body: ByteStream,
    declared: u64,
    file: &Path,
    cap: u64,
) -> Result<Downloaded, StoreError> {
    let scratch = |source| StoreError::Scratch {
        key: key.to_owned(),
        source,
    };
    let mut out = tokio::io::BufWriter::with_capacity(1 << 18, tokio::fs::File::create(file).await.map_err(scratch)?);
    let mut hash = sha2::Sha256::new();
    let mut have = 0;
    while let Some(chunk) = body.try_next().await.map_err(|error| silent(key, error))? {
        have += chunk.len() as u64;
        check_cap(key, have, cap)?;
        hash.update(&chunk);
        out.write_all(&chunk).await.map_err(scratch)?;
    }
    out.flush().await.map_err(scratch)?;
    if have != declared {
        return Err(silent(key, format!("{have} of {declared} bytes arrived")));
    }
    Ok(Downloaded {
        size: have,
        digest: Digest::from_bytes(hash.finalize().into()),
    })
}

fn meta_of_get(key: &str, got: &GetObjectOutput, date: &DateOf) -> Result<ObjectMeta, StoreError> {
    Ok(ObjectMeta {
        etag: required(key, "ETag", got.e_tag()).map(ETag::new)?,
        version: version(got.version_id()),
        size: size(got.content_length()),
        last_modified: required(key, "Last-Modified", got.last_modified())?.secs(),
        date: date_of(key, date)?,
        metadata: got.metadata().cloned().unwrap_or_default().into_iter().collect(),
    })
}

fn date_of(key: &str, date: &DateOf) -> Result<i64, StoreError> {
    date.seconds()
        .ok_or_else(|| silent(key, "the answer has no readable `Date`"))
}

/// Returns the error that a response means for the caller.
fn failed<E>(key: &str, asked: Asked, error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let key = key.to_owned();
    let code = error.code().unwrap_or_default().to_owned();
    let status = status(&error);
    let unsent = matches!(error, SdkError::ConstructionFailure(_));
    let source = reason(error);
    match (status, code.as_str(), asked) {
        (_, "NoSuchBucket" | "ExpiredToken" | "InvalidToken" | "RequestTimeTooSkewed", _) | (Some(401 | 403), ..) => {
            StoreError::Denied { key, source }
        }
        (Some(412), _, Asked::Create) => StoreError::Exists { key },
        (Some(412), ..) | (Some(404), _, Asked::Swap) => StoreError::Changed { key },
        (Some(404), ..) => StoreError::NotFound { key },
        (Some(409 | 429), ..) => StoreError::Unavailable { key, source },
        (Some(400..=499), code, _) if code != "RequestTimeout" => StoreError::Refused { key, source },
        (..) if unsent => StoreError::Refused { key, source },
        (_, _, Asked::Read) => StoreError::Unavailable { key, source },
        (_, _, Asked::Write | Asked::Create | Asked::Swap) => StoreError::Doubt { key, source },
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

fn silent(key: &str, source: impl Into<Cause>) -> StoreError {
    StoreError::Unavailable {
        key: key.to_owned(),
        source: source.into(),
    }
}

fn required<T>(key: &str, name: &str, field: Option<T>) -> Result<T, StoreError> {
    field.ok_or_else(|| silent(key, format!("the answer has no `{name}`")))
}

fn etag(key: &str, written: &PutObjectOutput) -> Result<ETag, StoreError> {
    let missing = || StoreError::Doubt {
        key: key.to_owned(),
        source: "the answer has no `ETag`".into(),
    };
    written.e_tag().map(ETag::new).ok_or_else(missing)
}

/// Returns the version id. A bucket with suspended versioning answers `null`, which is no version.
fn version(id: Option<&str>) -> Option<String> {
    id.filter(|id| *id != "null").map(str::to_owned)
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

fn check_cap(key: &str, have: u64, bound: u64) -> Result<(), StoreError> {
    if have > bound {
        return Err(StoreError::TooLarge {
            key: key.to_owned(),
            have,
            bound,
        });
    }
    Ok(())
}

/// Returns a content type, because some servers read a body without one as a form.
fn content_type(key: &str) -> &'static str {
    if Path::new(key).extension().is_some_and(|extension| extension == "json") {
        "application/json"
    } else {
        "application/octet-stream"
    }
}

/// Returns how long a transfer of `bytes` may take before it is given up.
fn transfer_time(bytes: u64) -> Duration {
    TOTAL + Duration::from_secs(bytes / SLOWEST)
}

/// Returns settings whose time-outs fit a request of `bytes`. Small requests keep the usual ones.
fn patient(bytes: u64) -> aws_sdk_s3::config::Builder {
    let usual = aws_sdk_s3::config::Config::builder();
    if bytes < SLOWEST {
        return usual;
    }
    let slow = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(transfer_time(bytes))
        .operation_timeout(transfer_time(bytes) * 2)
        .build();
    usual.timeout_config(slow)
}

async fn within<T>(
    key: &str,
    bytes: u64,
    transfer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |elapsed| silent(key, elapsed);
    tokio::time::timeout(transfer_time(bytes), transfer)
        .await
        .map_err(late)?
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for a real store, whose time cannot be injected"
)]
async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
}
