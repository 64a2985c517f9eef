//! Operations on buckets.

use redb::ReadableTable;
use s3s::dto::{
    BucketLocationConstraint, CreateBucketConfiguration, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
    DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
};
use s3s::{S3Response, S3Result, s3_error};

use super::error::Error;
use super::multipart;
use super::pages::{seal, unseal};
use super::rows::{self, Bucket, Rows, parse};
use super::store::Store;

/// The most buckets of one page, as on AWS.
const LARGEST_PAGE: i32 = 10_000;

/// The region that AWS leaves out of `LocationConstraint`, and in which creating one's own bucket again succeeds.
const FIRST_REGION: &str = "us-east-1";

/// Returns the owner of everything.
pub(super) fn owner() -> Owner {
    Owner {
        display_name: None,
        id: Some("embedded".to_owned()),
    }
}

pub(super) async fn create(store: &Store, input: CreateBucketInput) -> S3Result<S3Response<CreateBucketOutput>> {
    check_configuration(store.region(), input.create_bucket_configuration.unwrap_or_default())?;
    let bucket = input.bucket;
    let location = format!("/{bucket}");
    let again = store.region() == FIRST_REGION;
    let change = move |rows: &mut Rows<'_>| {
        if rows.buckets.get(bucket.as_str())?.is_some() {
            if again {
                return Ok(());
            }
            return Err(s3_error!(BucketAlreadyOwnedByYou, "the bucket `{bucket}` exists").into());
        }
        let row = Bucket {
            created_s: rows.now_s(),
            notification: s3s::dto::NotificationConfiguration::default(),
        };
        rows.put_bucket(&bucket, &row)
    };
    store.change(change).await?;
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(location),
    }))
}

fn check_configuration(region: &str, asked: CreateBucketConfiguration) -> S3Result<()> {
    let CreateBucketConfiguration {
        bucket,
        location,
        location_constraint,
    } = asked;
    if bucket.is_some() || location.is_some() {
        return Err(s3_error!(NotImplemented, "directory buckets are not supported"));
    }
    match location_constraint {
        Some(asked) if !asked.as_str().is_empty() && asked.as_str() != region => Err(s3_error!(
            IllegalLocationConstraintException,
            "buckets are made in {region} here, not in `{}`",
            asked.as_str()
        )),
        _ => Ok(()),
    }
}

pub(super) fn head(store: &Store, input: &HeadBucketInput) -> S3Result<S3Response<HeadBucketOutput>> {
    store.snapshot()?.bucket(&input.bucket)?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(store.region().to_owned()),
        ..HeadBucketOutput::default()
    }))
}

/// Answers with the region of a bucket; no constraint means us-east-1.
pub(super) fn location(store: &Store, input: &GetBucketLocationInput) -> S3Result<S3Response<GetBucketLocationOutput>> {
    store.snapshot()?.bucket(&input.bucket)?;
    let region = Some(store.region()).filter(|region| *region != FIRST_REGION);
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: region.map(|region| BucketLocationConstraint::from(region.to_owned())),
    }))
}

/// Answers that versioning was never enabled.
pub(super) fn versioning(
    store: &Store,
    input: &GetBucketVersioningInput,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    store.snapshot()?.bucket(&input.bucket)?;
    Ok(S3Response::new(GetBucketVersioningOutput::default()))
}

pub(super) fn list(store: &Store, input: &ListBucketsInput) -> S3Result<S3Response<ListBucketsOutput>> {
    let max = input.max_buckets.unwrap_or(LARGEST_PAGE);
    let Some(max) = usize::try_from(max).ok().filter(|_| (1..=LARGEST_PAGE).contains(&max)) else {
        return Err(s3_error!(
            InvalidArgument,
            "max-buckets of {max}, from 1 to {LARGEST_PAGE}"
        ));
    };
    let after = input.continuation_token.as_deref().map(unseal).transpose()?;
    let mut buckets = all(store, input.prefix.as_deref().unwrap_or_default())?;
    let elsewhere = input
        .bucket_region
        .as_deref()
        .is_some_and(|region| region != store.region());
    buckets.retain(|bucket| !elsewhere && after.as_ref().is_none_or(|after| bucket.name.as_ref() > Some(after)));
    let more = buckets.len() > max;
    buckets.truncate(max);
    let last = buckets.last().and_then(|bucket| bucket.name.as_deref());
    Ok(S3Response::new(ListBucketsOutput {
        continuation_token: last.filter(|_| more).map(seal),
        buckets: Some(buckets),
        owner: Some(owner()),
        prefix: input.prefix.clone(),
    }))
}

/// Deletes an empty bucket, with the uploads that were never completed.
pub(super) async fn delete(store: &Store, input: DeleteBucketInput) -> S3Result<S3Response<DeleteBucketOutput>> {
    let change = move |rows: &mut Rows<'_>| {
        let name = input.bucket.as_str();
        rows.bucket(name)?;
        if holds_objects(rows, name)? {
            return Err(s3_error!(BucketNotEmpty, "the bucket `{name}` holds objects").into());
        }
        multipart::abort_all(rows, name)?;
        rows.buckets.remove(name)?;
        Ok(())
    };
    store.change(change).await?;
    Ok(S3Response::with_status(
        DeleteBucketOutput {},
        http::StatusCode::NO_CONTENT,
    ))
}

fn all(store: &Store, prefix: &str) -> Result<Vec<s3s::dto::Bucket>, Error> {
    let mut found = Vec::new();
    for row in store.snapshot()?.buckets()?.range(prefix..)? {
        let (name, bucket) = row?;
        if !name.value().starts_with(prefix) {
            break;
        }
        let bucket: Bucket = parse(bucket.value())?;
        found.push(s3s::dto::Bucket {
            bucket_region: Some(store.region().to_owned()),
            creation_date: Some(rows::seconds(bucket.created_s)),
            name: Some(name.value().to_owned()),
        });
    }
    Ok(found)
}

fn holds_objects(rows: &Rows<'_>, bucket: &str) -> Result<bool, Error> {
    let first = rows.objects.range((bucket, &[][..])..)?.next().transpose()?;
    Ok(first.is_some_and(|(key, _)| key.value().0 == bucket))
}
