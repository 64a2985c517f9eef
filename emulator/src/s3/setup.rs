//! Setting up a bucket without a client.

use redb::ReadableTable;
use s3s::dto::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};

use super::error::Error;
use super::rows::{Bucket, Rows};
use super::store::Store;

/// The events of a new object. They are named one by one, because in some stores the wildcard includes tagging.
const CREATED: [&str; 3] = [
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
];

impl Store {
    /// Creates a bucket that tells a queue of every new object under `prefix`. An existing bucket stays as it is, with
    /// the notifications that may have been configured since.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn ensure_bucket(&self, name: &str, prefix: &str, queue_arn: &str) -> Result<(), Error> {
        let (name, notification) = (name.to_owned(), announce(prefix, queue_arn));
        self.change(move |rows: &mut Rows<'_>| {
            if rows.buckets.get(name.as_str())?.is_some() {
                return Ok(());
            }
            let created_s = rows.now_s();
            rows.put_bucket(
                &name,
                &Bucket {
                    created_s,
                    notification,
                },
            )
        })
        .await
    }
}

fn announce(prefix: &str, queue_arn: &str) -> NotificationConfiguration {
    let rule = FilterRule {
        name: Some(FilterRuleName::from_static(FilterRuleName::PREFIX)),
        value: Some(prefix.to_owned()),
    };
    let queue = QueueConfiguration {
        events: CREATED.map(|name| Event::from(name.to_owned())).to_vec(),
        filter: Some(NotificationConfigurationFilter {
            key: Some(S3KeyFilter {
                filter_rules: Some(vec![rule]),
            }),
        }),
        id: Some("uploads".to_owned()),
        queue_arn: queue_arn.to_owned(),
    };
    NotificationConfiguration {
        queue_configurations: Some(vec![queue]),
        ..NotificationConfiguration::default()
    }
}
