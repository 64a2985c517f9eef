//! Real measurements, if their files are available.

use std::path::{Path, PathBuf};

use platform::{Ended, Outcome};

use crate::bench::Bench;

/// Returns the directory of the measurements.
#[expect(
    clippy::disallowed_methods,
    reason = "where the measurements lie is a matter of the machine"
)]
fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("FLITS_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from)
}

/// Reads a file of measurements, if it is available.
fn measured(name: &str) -> Option<Vec<u8>> {
    let folder = folder();
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: no {name} in {} (set FLITS_DATA)", folder.display());
    }
    bytes
}

#[tokio::test]
async fn the_measured_pair_has_the_rows_and_columns_that_are_documented() {
    let (Some(data), Some(test)) = (measured("PobleSec.csv"), measured("PobleSec_test.csv")) else {
        return;
    };
    let bench = Bench::new();
    bench.put("raw/poblesec/PobleSec.csv", &data).await;
    bench.upload("raw/poblesec/PobleSec.csv").await;
    let facts = bench.facts().await;
    assert_eq!(
        (facts.rows, facts.columns, facts.axis.frequency.to_string()),
        (15_927, 17, "2m".to_owned())
    );

    let bench = Bench::new();
    bench
        .put("specs/poblesec.toml", "[split]\nholdout = \"test-file\"\n")
        .await;
    bench.put("raw/poblesec/PobleSec_test.csv", &test).await;
    bench.put("raw/poblesec/PobleSec.csv", &data).await;
    bench.upload("raw/poblesec/PobleSec.csv").await;
    let facts = bench.facts().await;
    assert_eq!((facts.rows, facts.test_start), (19_909, Some(15_927)));
}

#[tokio::test]
async fn the_example_files_are_clean() {
    for (name, rows, frequency) in [
        ("example_retail_sales.csv", 293, "1mo"),
        ("example_wp_log_peyton_manning.csv", 2_964, "1d"),
        ("ETTh1.csv", 17_420, "1h"),
        ("ElBorn.csv", 4_192, "2m"),
    ] {
        let Some(data) = measured(name) else { return };
        let bench = Bench::new();
        let key = format!("raw/example/{name}");
        bench.put(&key, &data).await;
        bench.upload(&key).await;
        let facts = bench.facts().await;
        assert_eq!(
            (facts.rows, facts.axis.frequency.to_string().as_str()),
            (rows, frequency),
            "{name}"
        );
    }
}

#[tokio::test]
async fn odd_files_from_everywhere_are_read_or_refused_in_words() {
    let Ok(files) = std::fs::read_dir(folder().join("files")) else {
        eprintln!("skipped: no folder of odd files (set FLITS_DATA)");
        return;
    };
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let bench = Bench::new();
        let key = format!("raw/odd/{name}");
        bench.put(&key, std::fs::read(&path).unwrap()).await;
        let outcome = bench.upload(&key).await;
        let Some(Outcome::Done { ended, .. }) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        if let Ended::Failed(failure) = ended {
            println!("{name}: {}", failure.message);
            assert!(failure.message.contains(name), "{}", failure.message);
            assert!(!failure.message.contains("panicked"), "{}", failure.message);
        }
    }
}
