//! Bodies of requests. They are streamed; only those up to the inline limit are held in memory.

use bytes::Bytes;
use connections::TooSlow;
use futures_util::StreamExt;
use http::StatusCode;
use md5::{Digest, Md5};
use s3s::dto::StreamingBlob;
use s3s::stream::ByteStream as _;
use s3s::{S3Error, StdError, s3_error};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::checksums::{Expected, Sums};
use super::error::{Error, coded};
use super::rows::Content;
use crate::blobs::{BlobDraft, Blobs};

/// Bodies up to this size, in bytes, become rows: they reach the disk with their metadata and need no file.
const INLINE: usize = 64 << 10;

/// The largest body of one request, as on AWS.
const LARGEST: u64 = 5 << 30;

/// How many chunks may wait for the MD5 of a body.
const AHEAD: usize = 16;

/// A complete body with the digests that the client announced.
pub(super) struct Received {
    pub(super) content: Content,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) sums: Sums,
}

/// Receives a body: a small one into memory, a larger one into a file that is synced to disk.
pub(super) async fn receive(blobs: &Blobs, body: Option<StreamingBlob>, expected: Expected) -> Result<Received, Error> {
    // When a body is known to be large, its threads start before its bytes arrive.
    let said = body.as_ref().and_then(|body| body.remaining_length().exact());
    let large = said.is_some_and(|size| size > INLINE);
    let (mut md5, mut hasher, mut size) = (Tag::new(large), expected.hasher(), 0);
    let (mut small, mut draft) = (Vec::new(), large.then(|| blobs.create()));
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    give_up(draft).await;
                    return Err(broken(error).into());
                }
            };
            size += chunk.len() as u64;
            if size > LARGEST {
                give_up(draft).await;
                return Err(s3_error!(EntityTooLarge, "a body has at most {LARGEST} bytes").into());
            }
            md5.update(chunk.clone()).await;
            hasher.update(&chunk);
            keep(blobs, &mut small, &mut draft, chunk).await;
        }
    }
    let stored = async {
        Ok::<_, Error>(match draft {
            None => Content::Small(small),
            Some(draft) => Content::Large(draft.finish().await?, size),
        })
    };
    let (md5, content) = tokio::join!(md5.finish(), stored);
    // A body that is not what the client announced is dropped, and its file with it.
    let (sums, content) = (expected.check(size, &md5, hasher.finalize())?, content?);
    Ok(Received {
        content,
        size,
        md5,
        sums,
    })
}

/// The MD5 of a body. For a large body it takes longer than everything else, so it then runs on a thread of its own.
enum Tag {
    Here(Md5, usize),
    Beside(mpsc::Sender<Bytes>, JoinHandle<Md5>),
}

impl Tag {
    fn new(large: bool) -> Self {
        if large {
            Self::beside(Md5::new())
        } else {
            Self::Here(Md5::new(), 0)
        }
    }

    async fn update(&mut self, chunk: Bytes) {
        if let Self::Here(md5, size) = self {
            if *size + chunk.len() <= INLINE {
                *size += chunk.len();
                md5.update(&chunk);
                return;
            }
            *self = Self::beside(std::mem::take(md5));
        }
        if let Self::Beside(chunks, _) = self {
            // A receiver that is gone has panicked; `finish` passes the panic on.
            drop(chunks.send(chunk).await);
        }
    }

    fn beside(mut md5: Md5) -> Self {
        let (chunks, mut received) = mpsc::channel::<Bytes>(AHEAD);
        let beside = spawn_blocking(move || {
            while let Some(chunk) = received.blocking_recv() {
                md5.update(&chunk);
            }
            md5
        });
        Self::Beside(chunks, beside)
    }

    async fn finish(self) -> [u8; 16] {
        let md5 = match self {
            Self::Here(md5, _) => md5,
            Self::Beside(chunks, beside) => {
                drop(chunks);
                beside
                    .await
                    .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
            }
        };
        md5.finalize().into()
    }
}

async fn keep(blobs: &Blobs, small: &mut Vec<u8>, draft: &mut Option<BlobDraft>, chunk: Bytes) {
    if let Some(file) = draft {
        return file.write(chunk).await;
    }
    if small.len() + chunk.len() <= INLINE {
        return small.extend_from_slice(&chunk);
    }
    let file = draft.insert(blobs.create());
    file.write(std::mem::take(small).into()).await;
    file.write(chunk).await;
}

async fn give_up(draft: Option<BlobDraft>) {
    if let Some(draft) = draft {
        draft.give_up().await;
    }
}

/// Returns the refusal for a body that broke off. `s3s` checks signatures and the signed payload hash inside the stream
/// and does not export the types of these errors, so their text decides.
pub(super) fn broken(error: StdError) -> S3Error {
    let text = error.to_string();
    let mut refusal = if TooSlow::is_cause_of(&*error) {
        s3_error!(RequestTimeout, "the body did not come in time")
    } else if text.contains("Sha256Mismatch") {
        coded("XAmzContentSHA256Mismatch", StatusCode::BAD_REQUEST)
    } else if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch)
    } else {
        s3_error!(IncompleteBody)
    };
    refusal.set_source(error);
    refusal
}
