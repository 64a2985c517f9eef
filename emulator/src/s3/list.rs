//! Listings in UTF-8 byte order, by pages, with prefix and delimiter.

use std::str;

use s3s::dto::{ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output};
use s3s::{S3Response, S3Result, s3_error};

use super::buckets;
use super::encode::Encode;
use super::error::Error;
use super::pages::{page_size, seal, unseal};
use super::rows::{Object, parse};
use super::store::{Snapshot, Store};

pub(super) fn v2(store: &Store, input: ListObjectsV2Input) -> S3Result<S3Response<ListObjectsV2Output>> {
    let max = page_size(input.max_keys)?;
    let after = match &input.continuation_token {
        Some(token) => Some(unseal(token)?),
        None => input.start_after.clone(),
    };
    let snapshot = store.snapshot()?;
    snapshot.bucket(&input.bucket)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let asked = PageRequest {
        bucket: &input.bucket,
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        after,
        max,
    };
    let page = asked.page(&snapshot)?;
    let encode = Encode::of(input.encoding_type.as_ref());
    let next = page.next.as_deref().map(seal);
    let owner = input.fetch_owner.unwrap_or(false).then(buckets::owner);
    Ok(S3Response::new(ListObjectsV2Output {
        key_count: i32::try_from(page.len()).ok(),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        contents: Some(encode.objects(page.objects, owner.as_ref())),
        common_prefixes: Some(encode.prefixes(page.prefixes)),
        name: Some(input.bucket),
        prefix: Some(encode.text(prefix)),
        max_keys: i32::try_from(max).ok(),
        continuation_token: input.continuation_token,
        delimiter: input.delimiter.map(|delimiter| encode.text(delimiter)),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|after| encode.text(after)),
        request_charged: None,
    }))
}

pub(super) fn v1(store: &Store, input: ListObjectsInput) -> S3Result<S3Response<ListObjectsOutput>> {
    let max = page_size(input.max_keys)?;
    let snapshot = store.snapshot()?;
    snapshot.bucket(&input.bucket)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.marker.clone().filter(|marker| !marker.is_empty());
    let asked = PageRequest {
        bucket: &input.bucket,
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        after,
        max,
    };
    let page = asked.page(&snapshot)?;
    let encode = Encode::of(input.encoding_type.as_ref());
    Ok(S3Response::new(ListObjectsOutput {
        is_truncated: Some(page.next.is_some()),
        next_marker: page.next.map(|next| encode.text(next)),
        contents: Some(encode.objects(page.objects, Some(&buckets::owner()))),
        common_prefixes: Some(encode.prefixes(page.prefixes)),
        name: Some(input.bucket),
        prefix: Some(encode.text(prefix)),
        marker: Some(encode.text(input.marker.unwrap_or_default())),
        max_keys: i32::try_from(max).ok(),
        delimiter: input.delimiter.map(|delimiter| encode.text(delimiter)),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

/// Which entries a page is to contain.
struct PageRequest<'a> {
    bucket: &'a str,
    prefix: &'a str,
    delimiter: Option<&'a str>,
    /// The last entry of the previous page, or the entry after which the client wants to begin.
    after: Option<String>,
    max: usize,
}

#[derive(Default)]
struct Page {
    objects: Vec<(String, Object)>,
    prefixes: Vec<String>,
    /// The last entry of this page; `None` on the last page.
    next: Option<String>,
}

impl Page {
    fn len(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }
}

impl PageRequest<'_> {
    fn page(&self, snapshot: &Snapshot) -> Result<Page, Error> {
        let (mut page, mut last) = (Page::default(), None);
        if self.max == 0 {
            return Ok(page);
        }
        let objects = snapshot.objects()?;
        let after = self.after.as_deref();
        let mut from = after.unwrap_or_default().max(self.prefix).as_bytes().to_vec();
        'seek: loop {
            for row in objects.range((self.bucket, from.as_slice())..)? {
                let (key, object) = row?;
                let (bucket, key) = key.value();
                let key = str::from_utf8(key).map_err(|_| s3_error!(InternalError, "a key is not UTF-8"))?;
                if bucket != self.bucket || !key.starts_with(self.prefix) {
                    return Ok(page);
                }
                let group = self.group(key);
                // After a page that ended with a group the next one begins behind the whole group.
                let seen = after == Some(key) || (group.is_some() && after == group);
                if !seen && page.len() == self.max {
                    page.next = last;
                    return Ok(page);
                }
                if let Some(group) = group {
                    if !seen {
                        page.prefixes.push(group.to_owned());
                        last = Some(group.to_owned());
                    }
                    from = behind(group);
                    continue 'seek;
                }
                if !seen {
                    page.objects.push((key.to_owned(), parse(object.value())?));
                    last = Some(key.to_owned());
                }
            }
            return Ok(page);
        }
    }

    /// Returns the common prefix under which a key is listed, or `None` where the key itself is listed.
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.get(self.prefix.len()..)?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }
}

/// Returns the smallest bytes that sort after everything with this prefix. No byte of UTF-8 is 0xff, so the last one
/// can be raised.
fn behind(group: &str) -> Vec<u8> {
    let mut bytes = group.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;
    use s3s::dto::NotificationConfiguration;

    use super::super::checksums::Sums;
    use super::super::rows::{Bucket, Rows};
    use super::super::stored_headers::StoredHeaders;
    use super::*;
    use crate::engine::Engine;
    use crate::settings::Settings;
    use crate::sqs::Queues;

    /// Returns a store with empty objects under these keys, and one more bucket on either side.
    async fn filled(engine: Engine, keys: BTreeSet<String>) -> Store {
        let settings = Settings::new("us-east-1", "id", "secret");
        let queues = Queues::open(engine.clone(), settings).await.unwrap();
        let store = Store::open(engine, queues, Arc::new(|| 0)).await.unwrap();
        let change = move |rows: &mut Rows<'_>| {
            for bucket in ["bucke", "bucket", "bucket0"] {
                rows.put_bucket(
                    bucket,
                    &Bucket {
                        created_s: 0,
                        notification: NotificationConfiguration::default(),
                    },
                )?;
                for key in &keys {
                    let (etag, about) = (String::new(), StoredHeaders::default());
                    let object = Object {
                        id: 0,
                        size: 0,
                        etag,
                        modified_s: 0,
                        pieces: vec![],
                        sums: Sums::default(),
                        upload: None,
                        about,
                    };
                    rows.put_object(bucket, key, &object)?;
                }
            }
            Ok(())
        };
        store.change(change).await.unwrap();
        store
    }

    /// What a listing contains, computed in the simplest way.
    fn expected(keys: &BTreeSet<String>, prefix: &str, delimiter: Option<&str>) -> Vec<String> {
        let entry = |key: &String| {
            let rest = key.strip_prefix(prefix)?;
            let rolled = delimiter.and_then(|delimiter| Some((rest.split_once(delimiter)?.0, delimiter)));
            Some(rolled.map_or_else(|| key.clone(), |(head, delimiter)| format!("{prefix}{head}{delimiter}")))
        };
        let mut entries: Vec<String> = keys.iter().filter_map(entry).collect();
        entries.dedup();
        entries
    }

    fn listed(store: &Store, prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<String> {
        let snapshot = store.snapshot().unwrap();
        let (mut entries, mut after) = (Vec::new(), None);
        for _ in 0..1000 {
            let asked = PageRequest {
                bucket: "bucket",
                prefix,
                delimiter,
                after,
                max,
            };
            let page = asked.page(&snapshot).unwrap();
            assert!(page.len() <= max && (page.next.is_none() || page.len() == max));
            let mut found: Vec<String> = page
                .objects
                .into_iter()
                .map(|(key, _)| key)
                .chain(page.prefixes)
                .collect();
            found.sort_unstable();
            entries.extend(found);
            after = page.next;
            if after.is_none() {
                return entries;
            }
        }
        panic!("the listing has no end");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn pages_together_hold_each_entry_once_and_in_order(
            keys in proptest::collection::btree_set("[ab/\u{e9}]{1,6}", 0..40),
            prefix in "[ab/]{0,3}",
            delimiter in proptest::option::of(prop_oneof![Just("/"), Just("a"), Just("//"), Just("\u{e9}")]),
            max in 1_usize..10,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let store = runtime.block_on(filled(Engine::open(dir.path()).unwrap(), keys.clone()));
            prop_assert_eq!(listed(&store, &prefix, delimiter, max), expected(&keys, &prefix, delimiter));
        }
    }
}
