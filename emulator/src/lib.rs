//! An S3 and an SQS server in one process, over one directory, for programs and tests that need both without a cloud
//! and without Docker.
//!
//! Promises: what was answered with success is on disk; a conditional write has one winner; an object and the event
//! that announces it become durable together; a killed process finds everything again; and nothing that a request asks
//! for is silently ignored: it is done or refused, with the code that AWS has for it.
//!
//! Refuses: to listen beyond loopback, to know more than one user, and to know the programs that use it: they speak to
//! it over HTTP, as any client does. What each server offers and refuses is listed in the crate's `README.md`.
//!
//! Start with [`Emulator::start`].
//!
//! # Example
//!
//! ```
//! use aws_sdk_s3::{Client, Config, config::{BehaviorVersion, Credentials, Region}};
//! use emulator::{Addresses, Emulator, Settings};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let settings = Settings::new("us-east-1", "an-id", "a-secret");
//! let emulator = Emulator::start(dir.path(), Addresses::default(), settings).await?;
//!
//! let config = Config::builder()
//!     .behavior_version(BehaviorVersion::latest())
//!     .http_client(aws_smithy_http_client::Builder::new().build_http())
//!     .endpoint_url(&emulator.s3_url)
//!     .force_path_style(true)
//!     .region(Region::new("us-east-1"))
//!     .credentials_provider(Credentials::new("an-id", "a-secret", None, None, "example"));
//! let s3 = Client::from_conf(config.build());
//! s3.create_bucket().bucket("data").send().await?;
//! s3.put_object().bucket("data").key("greeting").body(b"hello".to_vec().into()).send().await?;
//! let object = s3.get_object().bucket("data").key("greeting").send().await?;
//! assert_eq!(object.body.collect().await?.into_bytes(), "hello");
//!
//! emulator.stop().await;
//! # Ok(())
//! # }
//! ```

mod blobs;
mod engine;
mod faults;
pub mod private;
mod quiet;
pub mod s3;
mod server;
mod settings;
pub mod sqs;

pub use connections::Timeouts;

pub use self::engine::EngineError;
pub use self::faults::{Faults, Reorder};
pub use self::server::{Addresses, Emulator, StartError};
pub use self::settings::{ACCOUNT, Now, Settings};
