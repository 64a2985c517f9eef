//! What was answered is there again, after an orderly end and after a kill.

use std::fs;
use std::path::Path;

use emulator::{Addresses, Emulator, StartError};

use crate::harness::{BUCKET, House, KEY_ID, LARGE, SECRET, bytes, client, collect, serve};

/// Copies what a kill at this moment would leave on disk.
fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

async fn check(emulator: &Emulator) {
    let s3 = client(&emulator.s3_url, KEY_ID, SECRET);
    for (key, size) in [("small", 100), ("large", LARGE)] {
        let got = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        assert!(collect(got).await == bytes(size), "{key}");
    }
    let listed = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.contents().len(), 2);
}

async fn filled() -> House {
    let house = House::start().await;
    for (key, size) in [("small", 100), ("large", LARGE), ("gone", LARGE)] {
        house.put(key, bytes(size)).await;
    }
    house
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("gone")
        .send()
        .await
        .unwrap();
    house
}

#[tokio::test]
async fn a_stopped_store_opens_with_everything() {
    let house = filled().await;
    let epoch = house.emulator.epoch();
    house.emulator.stop().await;
    let again = serve(house.dir.path()).await;
    check(&again).await;
    assert!(again.epoch() > epoch);
}

#[tokio::test]
async fn a_killed_store_opens_with_everything_that_was_answered() {
    let house = filled().await;
    let left = tempfile::tempdir().unwrap();
    copy_dir(house.dir.path(), left.path());
    check(&serve(left.path()).await).await;
}

#[tokio::test]
async fn what_a_kill_left_over_is_removed_at_the_next_start() {
    let house = filled().await;
    let left = tempfile::tempdir().unwrap();
    copy_dir(house.dir.path(), left.path());
    let shard = left.path().join("blobs/zz");
    fs::create_dir(&shard).unwrap();
    let orphan = shard.join("not-named");
    fs::write(&orphan, b"left over").unwrap();
    check(&serve(left.path()).await).await;
    assert!(!orphan.exists());
}

#[tokio::test]
async fn a_dropped_store_lets_go_of_its_directory() {
    let House { dir, emulator, s3 } = filled().await;
    drop((emulator, s3));
    // Open connections notice the end on their own, a moment later.
    for _ in 0..10_000 {
        let settings = emulator::Settings::new("us-east-1", KEY_ID, SECRET);
        match Emulator::start(dir.path(), Addresses::default(), settings).await {
            Ok(again) => return check(&again).await,
            Err(StartError::Engine(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the directory stays in use");
}

#[tokio::test]
async fn a_directory_is_served_by_one_at_a_time() {
    let house = House::start().await;
    let settings = emulator::Settings::new("us-east-1", KEY_ID, SECRET);
    let second = Emulator::start(house.dir.path(), Addresses::default(), settings).await;
    assert!(matches!(second, Err(StartError::Engine(_))));
}
