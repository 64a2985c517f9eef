//! The wire: which operation is answered where, and who may ask.

use async_trait::async_trait;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, GetBucketLocationInput, GetBucketLocationOutput,
    GetBucketNotificationConfigurationInput, GetBucketNotificationConfigurationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
    HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput, PutObjectInput, PutObjectOutput,
    UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::ranges::Unranged;
use super::store::Store;
use super::{asks, buckets, copies, events, list, multipart, objects, parts, reads, uploads};

type Reply<T> = S3Result<S3Response<T>>;

/// Returns the service of a store, behind its door.
pub(super) fn service(store: Store, keys: Keys) -> S3Service {
    let wire = Wire(store);
    let mut builder = S3ServiceBuilder::new(wire.clone());
    builder.set_auth(keys.clone());
    builder.set_access(Access::Signed);
    builder.set_route(Unranged::new(wire, keys));
    builder.build()
}

/// The one pair of keys that is known.
#[derive(Clone)]
pub struct Keys {
    access_key: String,
    secret_key: SecretKey,
}

impl Keys {
    /// Makes the pair.
    #[must_use]
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Self {
            access_key: access_key.to_owned(),
            secret_key: SecretKey::from(secret_key),
        }
    }
}

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            return Ok(self.secret_key.clone());
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "the access key id `{access_key}` is not known"
        ))
    }
}

/// Who is let in, and with what.
pub(super) enum Access {
    /// Whoever signed.
    Signed,
    /// Whoever comes: the signature was checked before.
    Checked,
}

#[async_trait]
impl S3Access for Access {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if matches!(self, Self::Signed) && request.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "a signature is required"));
        }
        asks::check(request.s3_op().name(), request.headers(), request.uri())
    }
}

#[derive(Clone)]
pub(super) struct Wire(Store);

#[async_trait]
impl S3 for Wire {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Reply<CreateBucketOutput> {
        buckets::create(&self.0, request.input).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Reply<HeadBucketOutput> {
        buckets::head(&self.0, &request.input)
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> Reply<GetBucketLocationOutput> {
        buckets::location(&self.0, &request.input)
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> Reply<GetBucketVersioningOutput> {
        buckets::versioning(&self.0, &request.input)
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> Reply<ListBucketsOutput> {
        buckets::list(&self.0, &request.input)
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Reply<DeleteBucketOutput> {
        buckets::delete(&self.0, request.input).await
    }

    async fn put_bucket_notification_configuration(
        &self,
        request: S3Request<PutBucketNotificationConfigurationInput>,
    ) -> Reply<PutBucketNotificationConfigurationOutput> {
        events::put_configuration(&self.0, request).await
    }

    async fn get_bucket_notification_configuration(
        &self,
        request: S3Request<GetBucketNotificationConfigurationInput>,
    ) -> Reply<GetBucketNotificationConfigurationOutput> {
        events::get_configuration(&self.0, &request.input)
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Reply<PutObjectOutput> {
        objects::put(&self.0, request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Reply<GetObjectOutput> {
        reads::get(&self.0, request.input)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Reply<HeadObjectOutput> {
        reads::head(&self.0, request.input)
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Reply<CopyObjectOutput> {
        copies::copy(&self.0, request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Reply<DeleteObjectOutput> {
        objects::delete(&self.0, request).await
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Reply<DeleteObjectsOutput> {
        objects::delete_many(&self.0, request).await
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Reply<ListObjectsOutput> {
        list::v1(&self.0, request.input)
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Reply<ListObjectsV2Output> {
        list::v2(&self.0, request.input)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Reply<CreateMultipartUploadOutput> {
        multipart::create(&self.0, request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Reply<UploadPartOutput> {
        parts::put(&self.0, request).await
    }

    async fn upload_part_copy(&self, request: S3Request<UploadPartCopyInput>) -> Reply<UploadPartCopyOutput> {
        parts::copy(&self.0, request.input).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Reply<CompleteMultipartUploadOutput> {
        multipart::complete(&self.0, request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Reply<AbortMultipartUploadOutput> {
        multipart::abort(&self.0, request.input).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Reply<ListPartsOutput> {
        uploads::list_parts(&self.0, request.input)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Reply<ListMultipartUploadsOutput> {
        uploads::list_uploads(&self.0, request.input)
    }
}
