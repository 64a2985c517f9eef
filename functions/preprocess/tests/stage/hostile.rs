//! Hostile files, read as a host reads them: in a child process with 512 MiB.

use contract::{Failure, FailureKind};
use platform::{Ended, Outcome, Stop, child::Program};
use preprocess::Preprocess;

use crate::{bench::Bench, damaged};

const MEMORY: u64 = 512 << 20;

/// One in this many damaged copies is read in one test, which is what a debug build has time for.
const NTH: usize = 29;

fn bench(work: Preprocess) -> Bench {
    let mut bench = Bench::of(work);
    bench.platform.host.memory = MEMORY;
    bench
}

fn in_child() -> Preprocess {
    Preprocess::in_child(Program::at(env!("CARGO_BIN_EXE_preprocess")))
}

/// Uploads one file and returns how it ended, which must be at the first attempt.
async fn end(work: &Preprocess, name: &str, file: &str, bytes: &[u8]) -> Result<(), Failure> {
    let bench = bench(work.clone());
    let key = format!("raw/cell/{file}");
    bench.put(&key, bytes).await;
    match bench.upload(&key).await {
        Some(Outcome::Done {
            ended: Ended::Committed { .. },
            ..
        }) => Ok(()),
        Some(Outcome::Done {
            ended: Ended::Failed(failure),
            ..
        }) => {
            assert_eq!(
                (failure.attempt, failure.kind),
                (0, FailureKind::Data),
                "{name}: {failure:?}"
            );
            Err(*failure)
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// The one hostile file that is read: no more of its page is unpacked than the page says, and that is a table.
const NO_MORE_THAN_SAID: &str = "2 GB of zeros that say they are 160 bytes";

#[tokio::test]
async fn a_hostile_file_ends_in_words_at_the_first_attempt_within_512_mib() {
    let mut read = Vec::new();
    for (name, file, bytes) in testing::hostile::files() {
        let Err(failure) = end(&in_child(), &name, file, &bytes).await else {
            read.push(name);
            continue;
        };
        println!("{name}: {}", failure.message);
        assert!(failure.message.len() < 1_000, "{name}: {}", failure.message.len());
        assert!(!failure.message.contains("panicked"), "{name}: {}", failure.message);
    }
    assert_eq!(read, [NO_MORE_THAN_SAID], "nothing else is read");
    let peak = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib << 10 < MEMORY, "this process has used {kib} KiB");
}

#[tokio::test]
async fn what_only_reading_shows_ends_the_child_and_not_its_parent() {
    let prefixes = testing::hostile::files()
        .into_iter()
        .find(|(name, ..)| name.contains("in every of 60,000 rows"));
    let (name, file, bytes) = prefixes.unwrap();
    let failure = end(&in_child(), &name, file, &bytes).await.unwrap_err();
    assert_eq!(
        failure.message,
        "reading `raw/cell/a.parquet` needed more than 512 MiB of memory"
    );
    assert_eq!(failure.bound.as_deref(), Some("at most 512 MiB of memory"));
}

#[tokio::test]
async fn a_damaged_file_is_read_or_refused_and_never_panics() {
    let good = damaged::good();
    assert!(end(&in_child(), "the good one", "a.parquet", &good).await.is_ok());
    for (number, bytes) in damaged::copies(&good, NTH, 19).into_iter().enumerate() {
        if let Err(failure) = end(&in_child(), &number.to_string(), "a.parquet", &bytes).await {
            assert!(!failure.message.contains("panicked"), "{number}: {}", failure.message);
        }
    }
}

#[tokio::test]
async fn a_child_and_this_process_make_the_same_of_a_file() {
    let text = "time,a,b\n2024-01-01,1,x\n2024-01-02,2,y\n2024-01-04,,z\n";
    let bad = "time,a\n2024-01-01,1\n2024-01-02,many\n";
    let good = damaged::good();
    for (file, bytes) in [
        ("a.csv", text.as_bytes()),
        ("a.parquet", &good),
        ("b.csv", bad.as_bytes()),
    ] {
        let mut left = Vec::new();
        for work in [in_child(), Preprocess::in_process()] {
            let bench = bench(work);
            let key = format!("raw/cell/{file}");
            bench.put(&key, bytes).await;
            let outcome = bench.upload(&key).await;
            left.push((format!("{outcome:?}"), bench.everything_but_ledgers().await));
        }
        assert_eq!(left[0], left[1], "{file}");
    }
}

#[tokio::test]
async fn where_no_child_can_be_started_files_are_checked_and_read_in_this_process() {
    let work = Preprocess::in_child(Program::at("/nowhere/preprocess"));
    assert!(end(&work, "the good one", "a.parquet", &damaged::good()).await.is_ok());
    let few = testing::hostile::files()
        .into_iter()
        .filter(|(name, ..)| !name.contains("in every of 60,000 rows"));
    for (name, file, bytes) in few {
        let ended = end(&work, &name, file, &bytes).await;
        assert_eq!(ended.is_ok(), name == NO_MORE_THAN_SAID, "{name}");
    }
}

#[tokio::test]
async fn a_stop_ends_the_reading_and_the_job_is_given_back() {
    let bench = bench(in_child());
    bench.put("raw/cell/a.parquet", damaged::good()).await;
    let stop = Stop::never();
    stop.ask();
    let outcome = bench.upload_until("raw/cell/a.parquet", stop).await;
    let Some(Outcome::GiveBack { why, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(why, "asked to stop");
}
