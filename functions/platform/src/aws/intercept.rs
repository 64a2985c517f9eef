//! Interceptors for what the SDK's own calls leave out.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut},
    },
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
};

/// Keeps the `Date` header of a response, which the SDK's outputs leave out.
///
/// The age of a lease is this date minus `Last-Modified`. Both are times of the store's clock, so hosts need not agree
/// on the time.
#[derive(Clone, Debug, Default)]
pub(super) struct DateOf(Arc<AtomicI64>);

impl DateOf {
    /// Returns the date in seconds since 1970; `None` when the response had no readable `Date`.
    pub(super) fn seconds(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Acquire)).filter(|seconds| *seconds != 0)
    }
}

impl Intercept for DateOf {
    fn name(&self) -> &'static str {
        "DateOf"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        self.0.store(date.map_or(0, |date| date.secs()), Ordering::Release);
        Ok(())
    }
}

/// Leaves the body out of the signature. For blobs whose name is their digest, so readers check the body anyway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsigned;

impl Intercept for Unsigned {
    fn name(&self) -> &'static str {
        "Unsigned"
    }

    fn modify_before_signing(
        &self,
        _context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A body that the SDK sends in chunks has its own override here, which must stay.
        if config.load::<PayloadSigningOverride>().is_none() {
            let unsigned = PayloadSigningOverride::unsigned_payload();
            config.interceptor_state().store_put(unsigned);
        }
        Ok(())
    }
}
