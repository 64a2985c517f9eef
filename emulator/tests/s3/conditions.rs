//! Conditional requests, one after the other and in races.

use aws_sdk_s3::primitives::DateTime;
use futures_util::future::join_all;

use crate::harness::{BUCKET, House, LARGE, bytes, refusal};

const ROUNDS: usize = 40;
const RACERS: usize = 16;

#[tokio::test]
async fn create_only_writes_need_an_absent_key() {
    let house = House::start().await;
    let put = |body: &'static [u8]| house.s3.put_object().bucket(BUCKET).key("k").body(body.to_vec().into());
    put(b"one").if_none_match("*").send().await.unwrap();
    assert_eq!(
        refusal(put(b"two").if_none_match("*").send().await),
        (412, "PreconditionFailed".to_owned())
    );
    assert_eq!(house.bytes("k").await, b"one");
    house.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    put(b"three").if_none_match("*").send().await.unwrap();
}

#[tokio::test]
async fn swaps_need_the_tag_that_is_there() {
    let house = House::start().await;
    let put = |body: &'static [u8]| house.s3.put_object().bucket(BUCKET).key("k").body(body.to_vec().into());
    let missing = put(b"one")
        .if_match("\"5d41402abc4b2a76b9719d911017c592\"")
        .send()
        .await;
    assert_eq!(refusal(missing), (404, "NoSuchKey".to_owned()));
    let first = house.put("k", b"one".to_vec()).await;
    let second = put(b"two").if_match(&first).send().await.unwrap().e_tag.unwrap();
    assert_eq!(
        refusal(put(b"three").if_match(&first).send().await),
        (412, "PreconditionFailed".to_owned())
    );
    assert_eq!(house.bytes("k").await, b"two");
    put(b"three").if_match(second.trim_matches('"')).send().await.unwrap();
}

#[tokio::test]
async fn deletes_need_the_tag_that_is_there() {
    let house = House::start().await;
    let delete = || house.s3.delete_object().bucket(BUCKET).key("k");
    let tag = house.put("k", b"one".to_vec()).await;
    let stale = delete().if_match("\"5d41402abc4b2a76b9719d911017c592\"").send().await;
    assert_eq!(refusal(stale), (412, "PreconditionFailed".to_owned()));
    assert_eq!(house.bytes("k").await, b"one");
    delete().if_match(&tag).send().await.unwrap();
    assert_eq!(
        refusal(delete().if_match(&tag).send().await),
        (404, "NoSuchKey".to_owned())
    );
}

#[tokio::test]
async fn reads_say_when_nothing_changed() {
    let house = House::start().await;
    let tag = house.put("k", b"one".to_vec()).await;
    let modified = *house.get("k").await.last_modified().unwrap();
    let (before, after) = (
        DateTime::from_secs(modified.secs() - 1),
        DateTime::from_secs(modified.secs() + 1),
    );
    let get = || house.s3.get_object().bucket(BUCKET).key("k");
    let head = || house.s3.head_object().bucket(BUCKET).key("k");
    assert_eq!(refusal(get().if_none_match(&tag).send().await).0, 304);
    assert_eq!(refusal(head().if_none_match(&tag).send().await).0, 304);
    assert_eq!(
        refusal(get().if_match("\"other\"").send().await),
        (412, "PreconditionFailed".to_owned())
    );
    assert_eq!(refusal(head().if_match("\"other\"").send().await).0, 412);
    assert_eq!(refusal(get().if_modified_since(modified).send().await).0, 304);
    assert_eq!(refusal(get().if_unmodified_since(before).send().await).0, 412);
    get().if_none_match("\"other\"").if_match(&tag).send().await.unwrap();
    get()
        .if_modified_since(before)
        .if_unmodified_since(after)
        .send()
        .await
        .unwrap();
    // An ETag that decides goes before a date.
    get().if_match(&tag).if_unmodified_since(before).send().await.unwrap();
    get()
        .if_none_match("\"other\"")
        .if_modified_since(modified)
        .send()
        .await
        .unwrap();
    let missing = house
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("none")
        .if_none_match(&tag)
        .send()
        .await;
    assert_eq!(refusal(missing), (404, "NoSuchKey".to_owned()));
}

#[tokio::test]
async fn a_copy_keeps_the_conditions_of_both_ends() {
    let house = House::start().await;
    let tag = house.put("from", b"one".to_vec()).await;
    let copy = || {
        house
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(format!("{BUCKET}/from"))
    };
    assert_eq!(refusal(copy().copy_source_if_match("\"other\"").send().await).0, 412);
    assert_eq!(refusal(copy().copy_source_if_none_match(&tag).send().await).0, 412);
    let missing = house
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("to")
        .copy_source(format!("{BUCKET}/none"))
        .send()
        .await;
    assert_eq!(refusal(missing), (404, "NoSuchKey".to_owned()));
    let only_new = || {
        copy().customize().mutate_request(|request| {
            request.headers_mut().insert("if-none-match", "*");
        })
    };
    only_new().send().await.unwrap();
    assert_eq!(refusal(only_new().send().await), (412, "PreconditionFailed".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_create_only_writes_have_one_winner() {
    let house = House::start().await;
    for round in 0..ROUNDS {
        // Both kinds of bodies: rows and files.
        let size = if round % 2 == 0 { LARGE } else { 1000 };
        let key = format!("race/{round}");
        let racers = (0..RACERS).map(|racer| {
            let body = vec![u8::try_from(racer).unwrap(); size];
            house
                .s3
                .put_object()
                .bucket(BUCKET)
                .key(&key)
                .if_none_match("*")
                .body(body.into())
                .send()
        });
        let outcomes = join_all(racers).await;
        let winners: Vec<usize> = (0..RACERS).filter(|racer| outcomes[*racer].is_ok()).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        for loser in outcomes.into_iter().filter(Result::is_err) {
            assert_eq!(refusal(loser), (412, "PreconditionFailed".to_owned()), "round {round}");
        }
        assert!(
            house.bytes(&key).await == vec![u8::try_from(winners[0]).unwrap(); size],
            "round {round}"
        );
    }
    // The losers leave no file.
    house.holds_files(ROUNDS / 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_swaps_have_one_winner_per_version() {
    let house = House::start().await;
    let mut tag = house.put("ledger", b"absent".to_vec()).await;
    for round in 0..ROUNDS {
        let racers = (0..RACERS).map(|racer| {
            let body = format!("{round} {racer}").into_bytes();
            house
                .s3
                .put_object()
                .bucket(BUCKET)
                .key("ledger")
                .if_match(&tag)
                .body(body.into())
                .send()
        });
        let outcomes = join_all(racers).await;
        let winners: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        tag = winners[0].e_tag().unwrap().to_owned();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delete_and_a_swap_of_one_version_have_one_winner() {
    let house = House::start().await;
    for round in 0..ROUNDS {
        let tag = house.put("k", bytes(1000 + round)).await;
        let delete = house.s3.delete_object().bucket(BUCKET).key("k").if_match(&tag).send();
        let swap = house
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .if_match(&tag)
            .body(bytes(10).into())
            .send();
        let (deleted, swapped) = tokio::join!(delete, swap);
        assert!(deleted.is_ok() != swapped.is_ok(), "round {round}");
    }
}
