//! The bucket.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use super::{Found, Setup, SetupError, Step, cannot, code, step};

/// The region of buckets that are made without a place.
const NOWHERE: &str = "us-east-1";

impl Setup<'_> {
    /// Makes the bucket. A listing is asked for, because the answer to `HEAD` would not say what is wrong.
    pub(super) async fn bucket(&self) -> Result<Step, SetupError> {
        let what = format!("bucket {}", self.bucket);
        let listed = self
            .clients
            .s3
            .list_objects_v2()
            .bucket(self.bucket)
            .max_keys(1)
            .send()
            .await;
        let found = match listed {
            Ok(_) => Found::Right,
            Err(error) if code(&error) == "NoSuchBucket" => {
                self.change(Found::Missing, Found::Made, self.make_bucket()).await?
            }
            Err(error) => return Err(cannot(format!("list bucket `{}`", self.bucket))(error)),
        };
        Ok(step(
            what,
            found,
            if found == Found::Missing {
                "does not exist"
            } else {
                "exists"
            },
        ))
    }

    async fn make_bucket(&self) -> Result<(), SetupError> {
        let create = self.clients.s3.create_bucket().bucket(self.bucket);
        let region = self.clients.region.as_str();
        let place = (self.on_aws && region != NOWHERE).then(|| {
            let place = BucketLocationConstraint::from(region);
            CreateBucketConfiguration::builder().location_constraint(place).build()
        });
        let made = create.set_create_bucket_configuration(place).send().await;
        made.map(drop).map_err(cannot(format!("make bucket `{}`", self.bucket)))
    }
}
