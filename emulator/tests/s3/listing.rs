//! Listings: order, prefix, delimiter, pages.

use crate::harness::{BUCKET, House, refusal};

async fn fill(house: &House, keys: &[&str]) {
    for key in keys {
        house.put(key, Vec::new()).await;
    }
}

/// Lists with pages of a size and returns keys and common prefixes in the order they came.
async fn pages(house: &House, prefix: &str, delimiter: Option<&str>, size: i32) -> Vec<String> {
    let (mut seen, mut token) = (Vec::new(), None);
    for _ in 0..100 {
        let list = house.s3.list_objects_v2().bucket(BUCKET).prefix(prefix).max_keys(size);
        let page = list
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(token)
            .send()
            .await
            .unwrap();
        let keys = page.contents().iter().filter_map(|object| object.key());
        let prefixes = page.common_prefixes().iter().filter_map(|prefix| prefix.prefix());
        let mut entries: Vec<String> = keys.chain(prefixes).map(str::to_owned).collect();
        assert!(entries.len() <= usize::try_from(size).unwrap());
        assert_eq!(page.key_count(), i32::try_from(entries.len()).ok());
        entries.sort_unstable();
        seen.extend(entries);
        if page.is_truncated() != Some(true) {
            assert_eq!(page.next_continuation_token(), None);
            return seen;
        }
        token = Some(page.next_continuation_token().unwrap().to_owned());
    }
    panic!("the listing has no end");
}

#[tokio::test]
async fn keys_come_in_byte_order() {
    let house = House::start().await;
    // In UTF-16 order the last two would change places.
    let keys = ["B", "a", "a!", "a/b", "a0", "aa", "z", "é", "\u{ff5e}", "\u{1f600}"];
    fill(&house, &keys).await;
    assert_eq!(pages(&house, "", None, 1000).await, keys);
    assert_eq!(pages(&house, "a", None, 1000).await, &keys[1..6]);
}

#[tokio::test]
async fn pages_of_any_size_give_each_entry_once() {
    let house = House::start().await;
    let keys: Vec<String> = (0..23).map(|number| format!("k/{number:02}")).collect();
    fill(&house, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for size in [1, 2, 7, 22, 23, 24] {
        assert_eq!(pages(&house, "k/", None, size).await, keys, "pages of {size}");
    }
}

#[tokio::test]
async fn a_delimiter_rolls_keys_up_also_across_pages() {
    let house = House::start().await;
    fill(
        &house,
        &["a", "a/1", "a/2", "a/b/1", "b/", "b/1", "c", "c/1", "d//1", "d/2"],
    )
    .await;
    for size in [1, 2, 3, 1000] {
        let top = pages(&house, "", Some("/"), size).await;
        assert_eq!(top, ["a", "a/", "b/", "c", "c/", "d/"], "pages of {size}");
        assert_eq!(
            pages(&house, "a/", Some("/"), size).await,
            ["a/1", "a/2", "a/b/"],
            "pages of {size}"
        );
        assert_eq!(
            pages(&house, "b/", Some("/"), size).await,
            ["b/", "b/1"],
            "pages of {size}"
        );
        assert_eq!(
            pages(&house, "d", Some("//"), size).await,
            ["d//", "d/2"],
            "pages of {size}"
        );
    }
    assert!(pages(&house, "e", Some("/"), 10).await.is_empty());
}

#[tokio::test]
async fn a_listing_starts_behind_a_key() {
    let house = House::start().await;
    fill(&house, &["a", "b", "b/1", "c"]).await;
    for (after, expected) in [("b", vec!["b/1", "c"]), ("aa", vec!["b", "b/1", "c"]), ("c", vec![])] {
        let page = house
            .s3
            .list_objects_v2()
            .bucket(BUCKET)
            .start_after(after)
            .send()
            .await
            .unwrap();
        let keys: Vec<_> = page.contents().iter().filter_map(|object| object.key()).collect();
        assert_eq!(keys, expected, "after {after}");
    }
}

#[tokio::test]
async fn the_older_listing_pages_by_markers() {
    let house = House::start().await;
    fill(&house, &["a/1", "a/2", "b", "c/1", "d"]).await;
    let (mut seen, mut marker) = (Vec::new(), None);
    for _ in 0..10 {
        let list = house
            .s3
            .list_objects()
            .bucket(BUCKET)
            .delimiter("/")
            .max_keys(2)
            .set_marker(marker);
        let page = list.send().await.unwrap();
        let keys = page.contents().iter().filter_map(|object| object.key());
        let prefixes = page.common_prefixes().iter().filter_map(|prefix| prefix.prefix());
        seen.extend(keys.chain(prefixes).map(str::to_owned));
        marker = page.next_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["a/", "b", "c/", "d"]);
}

#[tokio::test]
async fn odd_page_requests_are_answered_plainly() {
    let house = House::start().await;
    fill(&house, &["a"]).await;
    let none = house
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(0)
        .send()
        .await
        .unwrap();
    assert!(none.contents().is_empty());
    assert_eq!(none.is_truncated(), Some(false));
    let token = house
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .continuation_token("not ours")
        .send()
        .await;
    assert_eq!(refusal(token), (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn entries_tell_size_tag_and_time() {
    let house = House::start().await;
    let tag = house.put("k", b"hello".to_vec()).await;
    let page = house.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let entry = &page.contents()[0];
    assert_eq!(entry.size(), Some(5));
    assert_eq!(entry.e_tag(), Some(tag.as_str()));
    assert_eq!(entry.last_modified(), house.get("k").await.last_modified());
}
