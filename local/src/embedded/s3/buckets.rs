//! Buckets: create, look at, list, delete.

use redb::ReadableTable;
use s3s::dto::{
    CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput,
    GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput,
    ListBucketsInput, ListBucketsOutput, Owner,
};
use s3s::{S3Response, S3Result, s3_error};

use super::error::Error;
use super::multipart;
use super::rows::{self, Bucket, Rows, parse};
use super::store::Store;

pub(super) async fn create(store: &Store, input: CreateBucketInput) -> S3Result<S3Response<CreateBucketOutput>> {
    let bucket = input.bucket;
    let location = format!("/{bucket}");
    let change = move |rows: &mut Rows<'_>| {
        if rows.buckets.get(bucket.as_str())?.is_some() {
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

pub(super) fn head(store: &Store, input: &HeadBucketInput) -> S3Result<S3Response<HeadBucketOutput>> {
    store.snapshot()?.bucket(&input.bucket)?;
    Ok(S3Response::new(HeadBucketOutput::default()))
}

/// Says "no constraint", which is how S3 names its first region.
pub(super) fn location(store: &Store, input: &GetBucketLocationInput) -> S3Result<S3Response<GetBucketLocationOutput>> {
    store.snapshot()?.bucket(&input.bucket)?;
    Ok(S3Response::new(GetBucketLocationOutput::default()))
}

/// Says that objects never had versions.
pub(super) fn versioning(
    store: &Store,
    input: &GetBucketVersioningInput,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    store.snapshot()?.bucket(&input.bucket)?;
    Ok(S3Response::new(GetBucketVersioningOutput::default()))
}

pub(super) fn list(store: &Store, input: &ListBucketsInput) -> S3Result<S3Response<ListBucketsOutput>> {
    let buckets = all(store, input.prefix.as_deref().unwrap_or_default())?;
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(Owner {
            display_name: None,
            id: Some("embedded".to_owned()),
        }),
        prefix: input.prefix.clone(),
        continuation_token: None,
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
            bucket_region: None,
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
