//! A damaged store ends with its name and with what to do, not with a panic; its files are their owner's alone.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use emulator::{Addresses, Emulator, Settings, StartError};

use crate::harness::{House, KEY_ID, LARGE, SECRET, bytes, client};

const PAGE: usize = 4096;

/// Fills a store, stops it, and returns the bytes of its file.
async fn filled() -> (tempfile::TempDir, Vec<u8>) {
    let house = House::start().await;
    for number in 0..30 {
        house.put(&format!("k{number}"), bytes(2000)).await;
    }
    house
        .emulator
        .queues()
        .create("jobs", std::collections::BTreeMap::new())
        .await
        .unwrap();
    house.emulator.stop().await;
    drop(house.s3);
    let whole = fs::read(house.dir.path().join("store.redb")).unwrap();
    (house.dir, whole)
}

/// Starts a store that may be damaged, once the process that had it open has closed it.
async fn start(dir: &Path) -> Result<Emulator, StartError> {
    let mut started = Err(None);
    for _ in 0..100_000 {
        let settings = Settings::new("us-east-1", KEY_ID, SECRET);
        match Emulator::start(dir, Addresses::default(), settings).await {
            Err(StartError::Engine(_)) => tokio::task::yield_now().await,
            other => {
                started = other.map_err(Some);
                break;
            }
        }
    }
    started.map_err(|error| error.expect("the store is never free"))
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn a_damaged_store_is_named_with_what_to_do() {
    let (dir, whole) = filled().await;
    let path = dir.path().join("store.redb");
    let mut damages = vec![
        ("empty".to_owned(), Vec::new()),
        ("text".to_owned(), b"this is no database".to_vec()),
        ("cut in its head".to_owned(), whole[..100].to_vec()),
        ("cut after its head".to_owned(), whole[..PAGE].to_vec()),
        ("cut in half".to_owned(), whole[..whole.len() / 2].to_vec()),
        ("zeros".to_owned(), vec![0; whole.len()]),
    ];
    for at in (0..320).step_by(8) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0xff;
        damages.push((format!("flipped at {at}"), flipped));
    }
    for page in 1..whole.len() / PAGE {
        let mut overwritten = whole.clone();
        overwritten[page * PAGE..page * PAGE + 64].fill(0xa5);
        damages.push((format!("page {page} overwritten"), overwritten));
    }
    let (mut refused, mut opened) = (0, 0);
    for (what, damaged) in damages {
        fs::write(&path, damaged).unwrap();
        match start(dir.path()).await {
            Ok(emulator) => {
                opened += 1;
                drop(client(&emulator.s3_url, KEY_ID, SECRET).list_buckets().send().await);
                emulator.stop().await;
            }
            Err(error) => {
                refused += 1;
                let told = chain(&error);
                assert!(matches!(error, StartError::Damaged { .. }), "{what}: {told}");
                assert!(told.contains(&path.display().to_string()), "{what}: {told}");
                assert!(told.contains("move the folder away"), "{what}: {told}");
            }
        }
    }
    // Damage in pages that nothing reads at the start is found later, or never.
    assert!(refused > 10, "{refused} refused, {opened} opened");
    fs::write(&path, whole).unwrap();
    start(dir.path()).await.unwrap().stop().await;
}

#[tokio::test]
async fn the_files_of_a_store_are_their_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let emulator = start(dir.path()).await.unwrap();
    let s3 = client(&emulator.s3_url, KEY_ID, SECRET);
    s3.create_bucket().bucket("house").send().await.unwrap();
    let put = s3.put_object().bucket("house").key("k").body(bytes(LARGE).into());
    put.send().await.unwrap();
    let mut looked_at = 0;
    let mut left = vec![dir.path().to_owned()];
    while let Some(path) = left.pop() {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        looked_at += 1;
    }
    assert!(looked_at >= 5, "{looked_at}");
    emulator.stop().await;
}
