use std::{collections::BTreeMap, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation};
use contract::Stage;

use super::{S3Store, SqsQueue};
use crate::config::Secret;

/// How long a connection may take to open.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// How long one attempt of a call may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a call may take, retries and pauses included.
pub(super) const TOTAL: Duration = Duration::from_secs(25);

/// Where a service is, if not at AWS, and in which region.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Endpoint {
    /// The URL of a compatible server; none for AWS.
    pub url: Option<String>,
    /// The region; none for the one that the environment of the SDK names.
    pub region: Option<String>,
}

/// Fixed credentials; without them the SDK's usual chain is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// The access key.
    pub key: String,
    /// The secret that belongs to it.
    pub secret: Secret,
}

/// Makes a store of one bucket. Opens no connection yet.
pub async fn connect_store(bucket: &str, endpoint: &Endpoint, access: Option<&Access>) -> S3Store {
    let shared = shared(endpoint, access).await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared);
    if endpoint.url.is_some() {
        // Compatible servers are reached by path, and not all of them understand trailing checksums.
        config = config
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    S3Store::new(aws_sdk_s3::Client::from_conf(config.build()), bucket)
}

/// Makes the queues of all stages; `urls` names those that are not called `flits-{stage}`. Opens no connection yet.
pub async fn connect_queue(endpoint: &Endpoint, access: Option<&Access>, urls: BTreeMap<Stage, String>) -> SqsQueue {
    let shared = shared(endpoint, access).await;
    SqsQueue::new(aws_sdk_sqs::Client::new(&shared), urls)
}

async fn shared(endpoint: &Endpoint, access: Option<&Access>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(TOTAL)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    // A compatible server takes any region, but a signature needs one; asking the chain could ask the network.
    let region = endpoint
        .region
        .clone()
        .or_else(|| endpoint.url.is_some().then(|| "us-east-1".to_owned()));
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(url) = &endpoint.url {
        loader = loader.endpoint_url(url);
    }
    if let Some(Access { key, secret }) = access {
        loader = loader.credentials_provider(Credentials::new(key, secret.expose(), None, None, "flits"));
    }
    loader.load().await
}
