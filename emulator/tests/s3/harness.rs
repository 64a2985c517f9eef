//! One emulator in a directory of its own, and clients for it.

use std::fmt::Debug;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use emulator::{Addresses, Emulator, Settings, Timeouts};
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "house";
pub(crate) const KEY_ID: &str = "key-id";
pub(crate) const SECRET: &str = "secret";

/// How often to check for something that happens after an answer.
const LOOKS: usize = 100_000;

/// Larger than what is stored inside the database.
pub(crate) const LARGE: usize = 300_000;

/// Running servers with one bucket.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) emulator: Emulator,
    pub(crate) s3: Client,
}

impl House {
    pub(crate) async fn start() -> Self {
        Self::patient(Timeouts::default()).await
    }

    pub(crate) async fn patient(timeouts: Timeouts) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            timeouts,
            ..Settings::new("us-east-1", KEY_ID, SECRET)
        };
        let emulator = Emulator::start(dir.path(), Addresses::default(), settings)
            .await
            .unwrap();
        let s3 = client(&emulator.s3_url, KEY_ID, SECRET);
        s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        Self { dir, emulator, s3 }
    }

    pub(crate) async fn put(&self, key: &str, body: impl Into<ByteStream>) -> String {
        let put = self.s3.put_object().bucket(BUCKET).key(key).body(body.into());
        put.send().await.unwrap().e_tag.unwrap()
    }

    pub(crate) async fn get(&self, key: &str) -> GetObjectOutput {
        self.s3.get_object().bucket(BUCKET).key(key).send().await.unwrap()
    }

    pub(crate) async fn bytes(&self, key: &str) -> Vec<u8> {
        collect(self.get(key).await).await
    }

    /// Checks how many files hold bodies; those of replaced ones may take a moment to go.
    pub(crate) async fn holds_files(&self, expected: usize) {
        let mut have = usize::MAX;
        for _ in 0..LOOKS {
            have = files(&self.dir.path().join("blobs"));
            if have == expected {
                return;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(have, expected, "files hold bodies");
    }
}

pub(crate) async fn serve(dir: &Path) -> Emulator {
    Emulator::start(dir, Addresses::default(), Settings::new("us-east-1", KEY_ID, SECRET))
        .await
        .unwrap()
}

pub(crate) fn client(url: &str, key_id: &str, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(key_id, secret, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

pub(crate) async fn collect(output: GetObjectOutput) -> Vec<u8> {
    output.body.collect().await.unwrap().to_vec()
}

/// Returns the status and the code of a refusal.
pub(crate) fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(outcome: Result<T, SdkError<E>>) -> (u16, String) {
    let error = outcome.unwrap_err();
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

/// Returns bytes in which every stretch differs from the others.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap())
        .collect()
}

fn files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
