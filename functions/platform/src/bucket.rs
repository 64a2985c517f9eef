//! Questions to a bucket: who reigns, what is newest, what is there.

use contract::{Dataset, Entry, Latest, PartId, keys};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;

use crate::{
    documents,
    error::StoreError,
    ports::{Listed, Store},
};

/// How many keys a listing asks for at once.
const PAGE: usize = 1_000;

/// The most documents that [`newest`] reads under one prefix; older ones are left out.
const MAX_READ: usize = 2_000;

/// How many documents are read side by side.
const ABREAST: usize = 16;

/// Returns the newest entry of a dataset's champion log: the one that the hint names, or a later one.
///
/// # Errors
/// When the store does not answer, or a document is damaged.
pub async fn champion(store: &dyn Store, dataset: &Dataset) -> Result<Option<Entry>, StoreError> {
    let part = PartId::WHOLE;
    let mut newest: Option<Entry> = read(store, &keys::champion_hint(dataset, part)).await?;
    loop {
        let next = newest.as_ref().map_or(1, |entry| entry.generation + 1);
        match read(store, &keys::champion_entry(dataset, part, next)).await? {
            Some(entry) => newest = Some(entry),
            None => return Ok(newest),
        }
    }
}

/// Returns where a dataset's newest forecast is.
///
/// # Errors
/// When the store does not answer, or a document is damaged.
pub async fn latest(store: &dyn Store, dataset: &Dataset) -> Result<Option<Latest>, StoreError> {
    read(store, &keys::latest(dataset, PartId::WHOLE)).await
}

/// Reads a document. Returns `None` where it is missing.
///
/// # Errors
/// When the store does not answer, or a document is damaged.
pub async fn read<T: DeserializeOwned>(store: &dyn Store, key: &str) -> Result<Option<T>, StoreError> {
    Ok(documents::read(store, key).await?.map(|(document, _)| document))
}

/// Returns all keys under a prefix.
///
/// # Errors
/// When the store does not answer, or a document is damaged.
pub async fn list(store: &dyn Store, prefix: &str) -> Result<Vec<String>, StoreError> {
    Ok(objects(store, prefix)
        .await?
        .into_iter()
        .map(|object| object.key)
        .collect())
}

/// Returns all objects under a prefix, in the order of their keys.
///
/// # Errors
/// When the store does not answer.
pub async fn objects(store: &dyn Store, prefix: &str) -> Result<Vec<Listed>, StoreError> {
    let mut objects: Vec<Listed> = Vec::new();
    loop {
        let after = objects.last().map(|object| object.key.clone());
        let page = store.list(prefix, after.as_deref(), PAGE).await?;
        let full = page.len() == PAGE;
        objects.extend(page);
        if !full {
            return Ok(objects);
        }
    }
}

/// Reads the newest documents under a prefix, newest first.
///
/// # Errors
/// When the store does not answer, or a document is damaged.
pub async fn newest<T: DeserializeOwned>(store: &dyn Store, prefix: &str) -> Result<Vec<T>, StoreError> {
    let mut listed = objects(store, prefix).await?;
    listed.sort_by_key(|object| std::cmp::Reverse(object.last_modified));
    listed.truncate(MAX_READ);
    let read = listed.iter().map(|object| read(store, &object.key));
    let documents: Vec<Option<T>> = stream::iter(read.collect::<Vec<_>>())
        .buffered(ABREAST)
        .try_collect()
        .await?;
    Ok(documents.into_iter().flatten().collect())
}
