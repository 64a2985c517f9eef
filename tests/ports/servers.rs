//! A server that speaks S3 and SQS, and what has to be set up on it.

#![expect(clippy::unwrap_used, reason = "a server that cannot be set up fails the test")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_sqs::types::QueueAttributeName;
use contract::Stage;
use platform::{
    Queue, Secret, Store,
    aws::{Access, Endpoint, connect_store},
};

/// The region that everything is signed for.
pub(crate) const REGION: &str = "us-east-1";

/// Gives the credentials that the tests' servers know.
pub(crate) fn access() -> Access {
    Access {
        key: "flits".to_owned(),
        secret: Secret::new("not-a-secret".to_owned()),
    }
}

/// A server by its endpoints.
pub(crate) struct Server {
    pub(crate) s3_url: String,
    pub(crate) sqs_url: String,
    sets: AtomicUsize,
}

impl Server {
    pub(crate) fn new(s3_url: &str, sqs_url: &str) -> Self {
        Self {
            s3_url: s3_url.to_owned(),
            sqs_url: sqs_url.to_owned(),
            sets: AtomicUsize::new(0),
        }
    }

    /// Makes a bucket and gives its store.
    pub(crate) async fn store(&self, bucket: &str) -> Arc<dyn Store> {
        let Access { key, secret } = access();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_s3::config::Region::new(REGION))
            .http_client(platform::aws::https_client())
            .endpoint_url(&self.s3_url)
            .force_path_style(true)
            .credentials_provider(aws_sdk_s3::config::Credentials::new(
                key,
                secret.expose(),
                None,
                None,
                "tests",
            ));
        aws_sdk_s3::Client::from_conf(config.build())
            .create_bucket()
            .bucket(bucket)
            .send()
            .await
            .unwrap();
        let endpoint = Endpoint {
            url: Some(self.s3_url.clone()),
            region: Some(REGION.to_owned()),
        };
        Arc::new(connect_store(bucket, &endpoint, Some(&access())).await.unwrap())
    }

    /// Makes a set of queues, each with a dead-letter queue after 3 deliveries.
    pub(crate) async fn queues(&self, visibility: Duration) -> Arc<dyn Queue> {
        let set = self.sets.fetch_add(1, Ordering::Relaxed);
        let client = self.sqs();
        let mut urls = BTreeMap::new();
        for stage in Stage::ALL {
            let name = format!("flits-{stage}-{set}");
            let dead = client
                .create_queue()
                .queue_name(format!("{name}-dlq"))
                .send()
                .await
                .unwrap();
            let attributes = client
                .get_queue_attributes()
                .queue_url(dead.queue_url().unwrap())
                .attribute_names(QueueAttributeName::QueueArn)
                .send()
                .await
                .unwrap();
            let arn = &attributes.attributes().unwrap()[&QueueAttributeName::QueueArn];
            let redrive = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": 3}).to_string();
            let made = client
                .create_queue()
                .queue_name(name)
                .attributes(QueueAttributeName::VisibilityTimeout, visibility.as_secs().to_string())
                .attributes(QueueAttributeName::RedrivePolicy, redrive)
                .send()
                .await
                .unwrap();
            urls.insert(stage, made.queue_url.unwrap());
        }
        Arc::new(platform::aws::SqsQueue::new(client, urls))
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        let Access { key, secret } = access();
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_sqs::config::Region::new(REGION))
            .http_client(platform::aws::https_client())
            .endpoint_url(&self.sqs_url)
            .credentials_provider(aws_sdk_sqs::config::Credentials::new(
                key,
                secret.expose(),
                None,
                None,
                "tests",
            ));
        aws_sdk_sqs::Client::from_conf(config.build())
    }
}
