use std::{collections::BTreeMap, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::config::{
    Credentials, RequestChecksumCalculation, ResponseChecksumValidation, RuntimeComponents, SharedHttpClient,
};
use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use contract::Stage;

use super::{S3Store, SqsQueue};
use crate::{
    config::{QueueConfig, StoreConfig},
    secret::Secret,
};

/// How long it may take to open a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// How long one attempt of a call may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a call may take, with its retries and pauses.
pub(super) const TOTAL: Duration = Duration::from_secs(25);

/// The services by the names that people and the configuration use.
const S3: (&str, &str) = ("S3", "store");
const SQS: (&str, &str) = ("SQS", "queue");

/// The server of a service and its region.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Endpoint {
    /// The URL of an S3- or SQS-compatible server; `None` for AWS.
    pub url: Option<String>,
    /// The region; `None` for the one that the SDK finds in its environment.
    pub region: Option<String>,
}

/// Fixed credentials. Without them the SDK uses its usual chain of credential providers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// The access key id, which may be printed.
    pub key: String,
    /// The secret access key that belongs to it.
    pub secret: Secret,
}

/// The region of AWS is set nowhere.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the region of {service} is not known: set `{section}.region` (FLITS__{}__REGION) or AWS_REGION, or name another server with \
     `{section}.endpoint`",
    section.to_uppercase()
)]
pub struct NoRegion {
    service: &'static str,
    section: &'static str,
}

/// Clients of both servers, for setting them up.
pub(super) struct Clients {
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    /// The region of the bucket.
    pub(super) region: String,
}

impl Clients {
    /// Makes the clients of a configuration. Opens no connection yet.
    pub(super) async fn new(store: &StoreConfig, queue: &QueueConfig) -> Result<Self, NoRegion> {
        let shared = shared(S3, &store.endpoint, store.access.as_ref()).await?;
        Ok(Self {
            s3: s3_client(&shared, &store.endpoint),
            region: shared.region().map(ToString::to_string).unwrap_or_default(),
            sqs: sqs_client(&queue.endpoint, queue.access.as_ref()).await?,
        })
    }
}

/// Returns a store on one bucket. Opens no connection yet.
///
/// # Errors
/// When it is on AWS and the region is not known.
pub async fn connect_store(bucket: &str, endpoint: &Endpoint, access: Option<&Access>) -> Result<S3Store, NoRegion> {
    let shared = shared(S3, endpoint, access).await?;
    Ok(S3Store::new(s3_client(&shared, endpoint), bucket))
}

fn s3_client(shared: &SdkConfig, endpoint: &Endpoint) -> aws_sdk_s3::Client {
    let mut config = aws_sdk_s3::config::Builder::from(shared);
    if endpoint.url.is_some() {
        // Compatible servers expect the bucket in the path, and some of them do not understand trailing checksums.
        config = config
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    aws_sdk_s3::Client::from_conf(config.build())
}

/// Returns the queues of all stages. `urls` holds those that are not named `flits-{stage}`. Opens no connection yet.
///
/// # Errors
/// When they are on AWS and the region is not known.
pub async fn connect_queue(
    endpoint: &Endpoint,
    access: Option<&Access>,
    urls: BTreeMap<Stage, String>,
) -> Result<SqsQueue, NoRegion> {
    Ok(SqsQueue::new(sqs_client(endpoint, access).await?, urls))
}

async fn sqs_client(endpoint: &Endpoint, access: Option<&Access>) -> Result<aws_sdk_sqs::Client, NoRegion> {
    Ok(aws_sdk_sqs::Client::new(&shared(SQS, endpoint, access).await?))
}

/// Returns the HTTP client of every connection to S3 and SQS.
///
/// TLS is rustls with `ring`; it trusts the root certificates of the operating system. Proxies are those that
/// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    // The SDK's default client does the same on `aws-lc`, whose C code would be the slowest part of a first build.
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

async fn shared(
    (service, section): (&'static str, &'static str),
    endpoint: &Endpoint,
    access: Option<&Access>,
) -> Result<SdkConfig, NoRegion> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(TOTAL)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https_client())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    // A compatible server takes any region, but a signature needs one. Asking the SDK's chain could ask the network.
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
    let shared = loader.load().await;
    match shared.region() {
        Some(_) => Ok(shared),
        None => Err(NoRegion { service, section }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;
    use crate::ports::Store as _;

    #[tokio::test]
    async fn an_https_endpoint_is_reached_over_tls() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint {
            url: Some(format!("https://{}", server.local_addr().unwrap())),
            region: None,
        };
        let access = Access {
            key: "key".to_owned(),
            secret: Secret::new("secret".to_owned()),
        };
        let store = connect_store("bucket", &endpoint, Some(&access)).await.unwrap();
        let greeting = async {
            let (mut client, _) = server.accept().await.unwrap();
            let mut greeting = [0; 2];
            client.read_exact(&mut greeting).await.unwrap();
            greeting
        };
        tokio::select! {
            // RFC 8446, 5.1: a record of type handshake (22), of a version that begins with 3.
            greeting = greeting => assert_eq!(greeting, [22, 3]),
            answer = store.head("key") => panic!("nobody has answered, but the store says {answer:?}"),
        }
    }
}
