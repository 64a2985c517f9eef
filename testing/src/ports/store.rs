use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use contract::Digest;
use futures_util::future::join_all;
use platform::{ETag, Listed, Store, StoreError};

/// The number of writers in one race.
const RACERS: usize = 16;

/// Checks that a store keeps the promises of its port. The store must be empty; the checks use different keys.
///
/// # Panics
/// When the store breaks a promise; the panic says which.
pub async fn store_suite(store: &dyn Store) {
    what_was_put_is_read_back(store).await;
    what_was_put_by_its_digest_is_read_back(store).await;
    nothing_is_found_where_nothing_lies(store).await;
    an_object_is_created_once(store).await;
    what_was_deleted_is_gone_and_can_be_created_again(store).await;
    a_swap_needs_the_version_that_lies_there(store).await;
    a_swap_needs_an_object(store).await;
    a_put_overwrites(store).await;
    other_bytes_are_another_version(store).await;
    nothing_above_the_cap_is_read(store).await;
    a_download_gives_the_version_asked_for_and_its_digest(store).await;
    a_download_never_exceeds_its_cap(store).await;
    an_upload_keeps_its_metadata(store).await;
    a_put_forgets_the_metadata_of_the_object_before(store).await;
    an_empty_object_is_an_object(store).await;
    a_large_object_survives(store).await;
    any_text_is_a_key(store).await;
    a_key_that_is_too_long_is_refused_for_good_or_kept(store).await;
    listing_is_sorted_and_goes_on_where_it_stopped(store).await;
    listing_says_what_head_says(store).await;
    times_are_whole_seconds_of_one_clock(store).await;
    of_racing_creators_one_wins(store).await;
    of_racing_swappers_one_wins(store).await;
    conditions_hold_for_large_bodies_too(store).await;
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn text(store: &dyn Store, key: &str) -> String {
    String::from_utf8(store.get(key, 1 << 20).await.unwrap().bytes.to_vec()).unwrap()
}

async fn what_was_put_is_read_back(store: &dyn Store) {
    let etag = store.put("put/a", bytes("hello")).await.unwrap();
    let object = store.get("put/a", 5).await.unwrap();
    assert_eq!((object.bytes.as_ref(), object.meta.size), (b"hello".as_slice(), 5));
    let head = store.head("put/a").await.unwrap();
    assert_eq!((&object.meta.etag, &head.etag, head.size), (&etag, &etag, 5));
    assert!(!etag.as_str().contains('"'), "{etag}");
}

async fn what_was_put_by_its_digest_is_read_back(store: &dyn Store) {
    for body in [bytes(""), bytes("hello"), Bytes::from(vec![7; 300_000])] {
        let key = format!("named/{}", Digest::of(&body));
        let etag = store.put_named(&key, body.clone()).await.unwrap();
        assert_eq!(
            store.put(&key, body.clone()).await.unwrap(),
            etag,
            "equal bytes, equal tags"
        );
        assert!(store.get(&key, 1 << 20).await.unwrap().bytes == body);
    }
}

async fn nothing_is_found_where_nothing_lies(store: &dyn Store) {
    for (call, error) in [
        ("get", store.get("none/a", 1).await.unwrap_err()),
        ("head", store.head("none/a").await.unwrap_err()),
    ] {
        assert!(
            matches!(&error, StoreError::NotFound { key } if key == "none/a"),
            "{call}: {error:?}"
        );
    }
    assert_eq!(store.list("none/", None, 10).await.unwrap(), []);
}

async fn an_object_is_created_once(store: &dyn Store) {
    let first = store.create("create/a", bytes("first")).await.unwrap();
    let error = store.create("create/a", bytes("second")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Exists { .. }), "{error:?}");
    assert_eq!(text(store, "create/a").await, "first");
    assert_eq!(store.head("create/a").await.unwrap().etag, first);
}

async fn what_was_deleted_is_gone_and_can_be_created_again(store: &dyn Store) {
    let etag = store.create("delete/a", bytes("1")).await.unwrap();
    store.create("delete/a/b", bytes("2")).await.unwrap();
    store.delete("delete/a").await.unwrap();
    let gone = store.get("delete/a", 1).await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound { .. }), "{gone}");
    let swapped = store.swap("delete/a", bytes("3"), &etag).await.unwrap_err();
    assert!(matches!(swapped, StoreError::Changed { .. }), "{swapped}");
    store.delete("delete/a").await.expect("there is nothing to do");
    store.create("delete/a", bytes("4")).await.unwrap();
    assert_eq!(
        (text(store, "delete/a").await, text(store, "delete/a/b").await),
        ("4".to_owned(), "2".to_owned())
    );
}

async fn a_swap_needs_the_version_that_lies_there(store: &dyn Store) {
    let first = store.create("swap/a", bytes("first")).await.unwrap();
    let second = store.swap("swap/a", bytes("second"), &first).await.unwrap();
    let error = store.swap("swap/a", bytes("third"), &first).await.unwrap_err();
    assert!(matches!(&error, StoreError::Changed { .. }), "{error:?}");
    assert_eq!(text(store, "swap/a").await, "second");
    store.swap("swap/a", bytes("third"), &second).await.unwrap();
}

async fn a_swap_needs_an_object(store: &dyn Store) {
    let seen = store.put("swap/b", bytes("x")).await.unwrap();
    let error = store.swap("swap/none", bytes("y"), &seen).await.unwrap_err();
    assert!(matches!(&error, StoreError::Changed { .. }), "{error:?}");
    assert!(matches!(
        store.head("swap/none").await,
        Err(StoreError::NotFound { .. })
    ));
}

async fn a_put_overwrites(store: &dyn Store) {
    store.create("put/b", bytes("first")).await.unwrap();
    store.put("put/b", bytes("second")).await.unwrap();
    assert_eq!(text(store, "put/b").await, "second");
}

async fn other_bytes_are_another_version(store: &dyn Store) {
    let mut seen = BTreeSet::new();
    for n in 0..5 {
        let etag = store.put("put/c", bytes(&n.to_string())).await.unwrap();
        assert!(seen.insert(etag.as_str().to_owned()), "version {n}");
    }
}

async fn nothing_above_the_cap_is_read(store: &dyn Store) {
    store.put("cap/a", bytes("12345")).await.unwrap();
    let error = store.get("cap/a", 4).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::TooLarge { have: 5, bound: 4, .. }),
        "{error:?}"
    );
}

async fn a_download_gives_the_version_asked_for_and_its_digest(store: &dyn Store) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    let old = store.put("down/a", bytes("old")).await.unwrap();
    let new = store.put("down/a", bytes("newer")).await.unwrap();
    let error = store.download("down/a", &old, &file, 100).await.unwrap_err();
    assert!(matches!(&error, StoreError::Changed { .. }), "{error:?}");
    let error = store.download("down/none", &new, &file, 100).await.unwrap_err();
    assert!(matches!(&error, StoreError::NotFound { .. }), "{error:?}");
    let got = store.download("down/a", &new, &file, 100).await.unwrap();
    assert_eq!((got.size, got.digest), (5, Digest::of(b"newer")));
    assert_eq!(std::fs::read(&file).unwrap(), b"newer");
}

async fn a_download_never_exceeds_its_cap(store: &dyn Store) {
    let scratch = tempfile::tempdir().unwrap();
    let etag = store.put("down/b", bytes("12345")).await.unwrap();
    let error = store
        .download("down/b", &etag, &scratch.path().join("file"), 4)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StoreError::TooLarge { have: 5, bound: 4, .. }),
        "{error:?}"
    );
}

async fn an_upload_keeps_its_metadata(store: &dyn Store) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, "t,a\n1,2\n").unwrap();
    let metadata = BTreeMap::from([("flits-spec".to_owned(), "abc".to_owned())]);
    let etag = store.upload("up/a b+c.csv", &file, &metadata).await.unwrap();
    let head = store.head("up/a b+c.csv").await.unwrap();
    assert_eq!((&head.etag, &head.metadata), (&etag, &metadata));
    assert_eq!(store.get("up/a b+c.csv", 100).await.unwrap().meta.metadata, metadata);
    assert_eq!(text(store, "up/a b+c.csv").await, "t,a\n1,2\n");
}

async fn a_put_forgets_the_metadata_of_the_object_before(store: &dyn Store) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let metadata = BTreeMap::from([("flits-spec".to_owned(), "abc".to_owned())]);
    store.upload("up/b", &file, &metadata).await.unwrap();
    store.put("up/b", bytes("y")).await.unwrap();
    assert_eq!(store.head("up/b").await.unwrap().metadata, BTreeMap::new());
}

async fn an_empty_object_is_an_object(store: &dyn Store) {
    let scratch = tempfile::tempdir().unwrap();
    let etag = store.put("empty/a", Bytes::new()).await.unwrap();
    let object = store.get("empty/a", 0).await.unwrap();
    assert_eq!((object.bytes.len(), object.meta.size), (0, 0));
    let got = store
        .download("empty/a", &etag, &scratch.path().join("file"), 0)
        .await
        .unwrap();
    assert_eq!((got.size, got.digest), (0, Digest::of(b"")));
    assert!(matches!(
        store.create("empty/a", bytes("x")).await,
        Err(StoreError::Exists { .. })
    ));
}

async fn a_large_object_survives(store: &dyn Store) {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
    let large: Vec<u8> = (0..6_000_000_u32).map(|i| i.to_le_bytes()[(i % 3) as usize]).collect();
    std::fs::write(&from, &large).unwrap();
    let etag = store.upload("large/a", &from, &BTreeMap::new()).await.unwrap();
    let got = store.download("large/a", &etag, &to, 6_000_000).await.unwrap();
    assert_eq!((got.size, got.digest), (6_000_000, Digest::of(&large)));
    assert!(std::fs::read(&to).unwrap() == large);
}

async fn any_text_is_a_key(store: &dyn Store) {
    let long = format!("key/{}", "k".repeat(1020));
    let segment = format!("key/{}", "s".repeat(300));
    for key in [
        "key/a",
        "key/a/b",
        "key/a b+c.csv",
        "key/100%25%2F.csv",
        "key/é/日本.csv",
        "key/~!@$&'()*,;=:.csv",
        "key/\"quoted\" <tag>&amp;",
        &segment,
        &long,
    ] {
        store.create(key, bytes(key)).await.unwrap();
        assert_eq!(text(store, key).await, key);
        assert!(
            matches!(store.create(key, bytes("again")).await, Err(StoreError::Exists { .. })),
            "{key}"
        );
    }
    assert_eq!(
        text(store, "key/a").await,
        "key/a",
        "a key and a key below it are two objects"
    );
    let listed = store.list("key/a b", None, 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|l| l.key.as_str()).collect::<Vec<_>>(),
        ["key/a b+c.csv"]
    );
}

/// Checks a key of more than 1,024 bytes. The server has to enforce this bound, and moto does not.
async fn a_key_that_is_too_long_is_refused_for_good_or_kept(store: &dyn Store) {
    let key = "k".repeat(1025);
    match store.put(&key, bytes("kept")).await {
        Ok(_) => assert_eq!(text(store, &key).await, "kept"),
        Err(error) => assert!(matches!(&error, StoreError::Refused { .. }), "{error:?}"),
    }
}

async fn listing_is_sorted_and_goes_on_where_it_stopped(store: &dyn Store) {
    let mut keys: Vec<String> = (0..25).map(|n| format!("list/{}/{n}", n % 3)).collect();
    join_all(keys.iter().map(|key| store.put(key, bytes("x")))).await;
    store.put("list", bytes("not below")).await.unwrap();
    store.put("lisu/x", bytes("behind")).await.unwrap();
    keys.sort();
    let (mut seen, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
    for _ in 0..keys.len() {
        let page = store.list("list/", after.as_deref(), 7).await.unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        seen.extend(page.into_iter().map(|listed| listed.key));
    }
    assert_eq!(seen, keys);
    assert_eq!(store.list("list/1/", None, 1000).await.unwrap().len(), 8);
    assert_eq!(
        store.list("list/1/", Some("a"), 1000).await.unwrap().len(),
        8,
        "before the prefix"
    );
    assert_eq!(
        store.list("list/1/", Some("z"), 1000).await.unwrap().len(),
        0,
        "behind the prefix"
    );
}

async fn listing_says_what_head_says(store: &dyn Store) {
    store.put("say/a", bytes("123")).await.unwrap();
    let head = store.head("say/a").await.unwrap();
    let listed = store.list("say/", None, 10).await.unwrap();
    let Listed {
        key,
        etag,
        size,
        last_modified,
    } = &listed[0];
    assert_eq!((key.as_str(), etag, *size), ("say/a", &head.etag, 3));
    assert!(
        (last_modified - head.last_modified).abs() <= 1,
        "{last_modified} {}",
        head.last_modified
    );
}

async fn times_are_whole_seconds_of_one_clock(store: &dyn Store) {
    store.put("time/a", bytes("x")).await.unwrap();
    let (head, get) = (
        store.head("time/a").await.unwrap(),
        store.get("time/a", 1).await.unwrap().meta,
    );
    assert_eq!(head.last_modified, get.last_modified);
    for meta in [head, get] {
        // A server may update the time of its answers only once a second.
        assert!((-1..=5).contains(&meta.age_s()), "{meta:?}");
    }
}

async fn of_racing_creators_one_wins(store: &dyn Store) {
    for round in 0..5 {
        let key = format!("race/create-{round}");
        let writes = join_all((0..RACERS).map(|n| store.create(&key, bytes(&n.to_string())))).await;
        let winner = winner(&writes, |error| matches!(error, StoreError::Exists { .. }));
        assert_eq!(text(store, &key).await, winner.to_string(), "round {round}");
    }
}

async fn of_racing_swappers_one_wins(store: &dyn Store) {
    let mut seen = store.create("race/swap", bytes("start")).await.unwrap();
    for round in 0..5 {
        let swap = |n: usize| store.swap("race/swap", bytes(&format!("{round}-{n}")), &seen);
        let writes = join_all((0..RACERS).map(swap)).await;
        let winner = winner(&writes, |error| matches!(error, StoreError::Changed { .. }));
        assert_eq!(text(store, "race/swap").await, format!("{round}-{winner}"));
        seen = writes.into_iter().find_map(Result::ok).unwrap();
    }
}

async fn conditions_hold_for_large_bodies_too(store: &dyn Store) {
    let body = |n: u8| Bytes::from(vec![n; 300_000]);
    let writes = join_all((0..8).map(|n| store.create("race/large", body(n)))).await;
    let winner = winner(&writes, |error| matches!(error, StoreError::Exists { .. }));
    let bytes = store.get("race/large", 1 << 20).await.unwrap().bytes;
    assert!(bytes.len() == 300_000 && bytes.iter().all(|b| usize::from(*b) == winner));
}

/// Returns the only writer that succeeded. All others must have lost with the right error.
fn winner(writes: &[Result<ETag, StoreError>], lost: impl Fn(&StoreError) -> bool) -> usize {
    let winners: Vec<usize> = (0..writes.len()).filter(|n| writes[*n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "winners: {winners:?}");
    for write in writes {
        assert!(write.as_ref().err().is_none_or(&lost), "{write:?}");
    }
    winners[0]
}
