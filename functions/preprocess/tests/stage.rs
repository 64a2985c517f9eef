//! The stage under the platform: what is stored, sent and refused for an upload.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use contract::{
    Dataset, Digest, Failure, Input, Manifest, Message, PartId, PreprocessTask, Produced, Receipt, Stage, Task,
    canonical, identity, keys,
    spec::{Layer, resolve},
};
use platform::{Delivery, Ended, Host, Outcome, Platform, Stop, memory::World, serve::Created, walk};
use preprocess::Preprocess;

struct Bench {
    world: World,
    platform: Platform,
}

impl Bench {
    fn new() -> Self {
        let world = World::new();
        let host = Host {
            owner: "test".to_owned(),
            bucket: "flits".to_owned(),
            deadline: Duration::from_mins(15),
            lease: Duration::from_mins(2),
            memory: 1 << 30,
            threads: 2,
            max_attempts: 5,
            max_upload: 1 << 24,
            scratch: std::env::temp_dir(),
            overrides: BTreeMap::new(),
        };
        let (store, queue, clock) = (world.store.clone(), world.queue.clone(), world.clock.clone());
        Self {
            platform: Platform {
                store,
                queue,
                clock,
                host,
            },
            world,
        }
    }

    async fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes::Bytes::copy_from_slice(bytes.as_ref());
        self.platform.store.put(key, bytes).await.expect("memory takes it");
    }

    /// Lets the upload in, as a notification does.
    async fn upload(&self, key: &str) -> Option<Outcome> {
        let created = Created {
            bucket: "flits".to_owned(),
            key: key.to_owned(),
            version: None,
            etag: None,
        };
        let delivery = Delivery {
            handle: None,
            receive_count: 1,
            stop: Stop::never(),
        };
        platform::front::receive(&Preprocess, &created, &delivery, &self.platform).await
    }

    async fn failure(&self, key: &str) -> Failure {
        match self.upload(key).await {
            Some(Outcome::Done {
                job,
                ended: Ended::Failed(failure),
            }) => {
                let stored = walk::failure(&*self.platform.store, job).await.expect("memory answers");
                assert_eq!(stored, Some(*failure.clone()));
                *failure
            }
            other => panic!("{key}: {other:?}"),
        }
    }

    /// Delivers a job as the front door of another day left it, under a salt of its own.
    async fn deliver(&self, input: &Input, salt: &str) -> Ended {
        let layer = Layer::set([("salt".to_owned(), salt.to_owned())]);
        let spec = resolve(&[layer]).expect("a spec of the test");
        let dataset: Dataset = "cell".parse().expect("a dataset of the test");
        self.put(&keys::resolved(&dataset, spec.digest()), canonical(&spec))
            .await;
        let stage = Task::Preprocess(PreprocessTask {
            dataset,
            part: PartId::WHOLE,
            spec: spec.digest(),
            salt: salt.to_owned(),
            inputs: vec![input.clone()],
        });
        let job = identity::identify(&stage, &spec).job;
        let message = Message {
            version: contract::VERSION,
            job,
            hop: 0,
            trace: "t".repeat(32),
            stage,
        };
        let delivery = Delivery {
            handle: None,
            receive_count: 1,
            stop: Stop::never(),
        };
        match platform::driver::run(&Preprocess, message, &delivery, &self.platform).await {
            Outcome::Done { ended, .. } => ended,
            given_back @ Outcome::GiveBack { .. } => panic!("{given_back:?}"),
        }
    }

    fn samples(&self) -> Vec<Message> {
        let bodies = self.world.queue.bodies(Stage::Sample);
        bodies
            .iter()
            .map(|body| Message::parse(body.as_bytes()).expect("a message of ours"))
            .collect()
    }

    async fn manifest(&self) -> Manifest {
        let keys = self.world.store.keys();
        let key = keys.iter().find(|key| key.starts_with("work/")).expect("finished work");
        let found = platform::documents::read(&*self.platform.store, key).await;
        let (manifest, _) = found.expect("memory answers").expect("finished work");
        manifest
    }

    fn clean_parts(&self) -> usize {
        self.world
            .store
            .keys()
            .iter()
            .filter(|key| key.starts_with("clean/"))
            .count()
    }
}

const DATA: &str = "time,down,up\n2018-01-01,1,2\n2018-01-02,3,4\n2018-01-04,5,6\n";

#[tokio::test]
async fn an_upload_becomes_a_clean_part_and_one_sample_job() {
    let bench = Bench::new();
    bench.put("raw/cell/a b+c.csv", DATA).await;
    let outcome = bench.upload("raw/cell/a b+c.csv").await;
    assert!(
        matches!(
            outcome,
            Some(Outcome::Done {
                ended: Ended::Committed { reused: false },
                ..
            })
        ),
        "{outcome:?}"
    );
    let Produced::Preprocess(facts) = bench.manifest().await.outputs else {
        panic!("facts of this stage")
    };
    assert_eq!(
        (facts.rows, facts.columns, facts.test_start, facts.report.gaps),
        (4, 8, None, 1)
    );
    let [sample] = bench.samples().try_into().expect("one message");
    let Task::Sample(task) = sample.stage else {
        panic!("a sample task")
    };
    assert_eq!(task.clean, facts.clean);
    let key = contract::keys::clean(&task.dataset, task.part, task.clean);
    let bytes = platform::documents::read_blob(&*bench.platform.store, &key, task.clean, 1 << 20)
        .await
        .unwrap();
    let table = platform::clean::read(bytes).unwrap();
    assert_eq!((table.axis.len, table.columns[0].values[1]), (4, 3.0));
}

#[tokio::test]
async fn the_same_rows_in_another_order_are_cleaned_again_and_give_the_same_part() {
    let bench = Bench::new();
    bench.put("raw/cell/a.csv", DATA).await;
    bench.upload("raw/cell/a.csv").await;
    bench
        .put(
            "raw/cell/a.csv",
            "time,down,up\n2018-01-04,5,6\n2018-01-02,3,4\n2018-01-01,1,2\n",
        )
        .await;
    let outcome = bench.upload("raw/cell/a.csv").await;
    assert!(
        matches!(
            outcome,
            Some(Outcome::Done {
                ended: Ended::Committed { reused: false },
                ..
            })
        ),
        "{outcome:?}"
    );
    assert_eq!(bench.clean_parts(), 1);
    let jobs: Vec<_> = bench.samples().into_iter().map(|message| message.job).collect();
    assert_eq!(
        (jobs.len(), jobs[0]),
        (2, jobs[1]),
        "the second one finds the first one's ledger"
    );
}

#[tokio::test]
async fn a_test_file_is_waited_for_and_becomes_the_last_rows() {
    let bench = Bench::new();
    bench.put("specs/cell.toml", "[split]\nholdout = \"test-file\"\n").await;
    bench.put("raw/cell/a.csv", DATA).await;
    assert!(matches!(
        bench.upload("raw/cell/a.csv").await,
        Some(Outcome::GiveBack { .. })
    ));
    bench.put("raw/cell/a_test.csv", "time,down,up\n2018-01-05,7,8\n").await;
    let outcome = bench.upload("raw/cell/a.csv").await;
    assert!(
        matches!(
            outcome,
            Some(Outcome::Done {
                ended: Ended::Committed { .. },
                ..
            })
        ),
        "{outcome:?}"
    );
    let Produced::Preprocess(facts) = bench.manifest().await.outputs else {
        panic!("facts of this stage")
    };
    assert_eq!((facts.rows, facts.test_start, facts.report.rows_read), (5, Some(4), 4));
}

#[tokio::test]
async fn a_test_file_that_nobody_asked_for_is_ignored_and_named() {
    let bench = Bench::new();
    bench.put("raw/cell/a_test.csv", "whatever").await;
    bench.put("raw/cell/a.csv", DATA).await;
    assert_eq!(
        bench.upload("raw/cell/a_test.csv").await.map(|_| ()),
        None,
        "it starts nothing itself"
    );
    bench.upload("raw/cell/a.csv").await;
    let Produced::Preprocess(facts) = bench.manifest().await.outputs else {
        panic!("facts of this stage")
    };
    assert_eq!(facts.report.ignored_objects, ["raw/cell/a_test.csv"]);
}

#[tokio::test]
async fn bad_input_fails_for_good_and_the_next_good_upload_works() {
    let bench = Bench::new();
    bench
        .put("raw/cell/a.csv", "time,down\n2018-01-01,1\n2018-01-02,many\n")
        .await;
    let failure = bench.failure("raw/cell/a.csv").await;
    assert_eq!(failure.key, "raw/cell/a.csv");
    assert_eq!(
        (failure.row, failure.column.as_deref(), failure.value.as_deref()),
        (Some(3), Some("down"), Some("many"))
    );
    assert!(failure.bound.is_some_and(|bound| bound.starts_with("a number")));
    assert!(
        failure
            .message
            .contains("a.csv, row 3, column `down`: `many` is not a number"),
        "{}",
        failure.message
    );
    assert!(bench.samples().is_empty());
    bench.put("raw/cell/a.csv", DATA).await;
    bench.upload("raw/cell/a.csv").await;
    assert_eq!((bench.samples().len(), bench.clean_parts()), (1, 1));
}

#[tokio::test]
async fn an_object_that_was_replaced_after_its_receipt_is_gone() {
    let bench = Bench::new();
    bench.put("raw/cell/a.csv", DATA).await;
    bench.upload("raw/cell/a.csv").await;
    let mut manifest = bench.manifest().await;
    let receipts = bench
        .world
        .store
        .keys()
        .into_iter()
        .filter(|key| key.starts_with("uploads/"));
    let receipt = receipts
        .map(|key| key["uploads/".len()..key.len() - ".json".len()].parse().unwrap())
        .next();
    let input = Input {
        digest: manifest.recipe.inputs.remove(0),
        receipt: receipt.unwrap(),
    };
    for (replacement, salt) in [(Some("time,down\n"), "a"), (None, "b")] {
        match replacement {
            Some(text) => bench.put("raw/cell/a.csv", text).await,
            None => assert!(bench.world.store.remove("raw/cell/a.csv")),
        }
        let Ended::Failed(failure) = bench.deliver(&input, salt).await else {
            panic!("another version was taken for the one that arrived");
        };
        assert_eq!(
            failure.message,
            "object `raw/cell/a.csv` is gone: it was replaced or deleted"
        );
    }
}

#[tokio::test]
async fn the_same_bytes_under_another_tag_are_the_version_that_arrived() {
    let bench = Bench::new();
    bench.put("raw/cell/a.csv", DATA).await;
    bench.upload("raw/cell/a.csv").await;
    let (digest, version) = (bench.manifest().await.recipe.inputs.remove(0), "in-parts-2".to_owned());
    // As the receipt of an upload in parts, which a single one of the same bytes has replaced.
    let receipt = Receipt {
        bucket: "flits".to_owned(),
        key: "raw/cell/a.csv".to_owned(),
        etag: version.clone(),
        version,
        size: DATA.len() as u64,
        digest,
    };
    let id = Digest::of(b"in parts");
    bench.put(&keys::receipt(id), canonical(&receipt)).await;
    let input = Input { digest, receipt: id };
    let ended = bench.deliver(&input, "another").await;
    assert!(matches!(ended, Ended::Committed { .. }), "{ended:?}");
}

#[tokio::test]
async fn an_upload_above_the_cap_is_refused_with_the_bound() {
    let mut bench = Bench::new();
    bench.platform.host.max_upload = 20;
    bench.put("raw/cell/a.csv", DATA).await;
    let failure = bench.failure("raw/cell/a.csv").await;
    assert!(
        failure.bound.is_some_and(|bound| bound.contains("20")),
        "{}",
        failure.message
    );
}

/// Reads a file of measurements, where it is at hand.
#[expect(
    clippy::disallowed_methods,
    reason = "where the measurements lie is a matter of the machine"
)]
fn measured(name: &str) -> Option<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("FLITS_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
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
    let Produced::Preprocess(facts) = bench.manifest().await.outputs else {
        panic!("facts of this stage")
    };
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
    let Produced::Preprocess(facts) = bench.manifest().await.outputs else {
        panic!("facts of this stage")
    };
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
        let Produced::Preprocess(facts) = bench.manifest().await.outputs else {
            panic!("facts of this stage")
        };
        assert_eq!(
            (facts.rows, facts.axis.frequency.to_string().as_str()),
            (rows, frequency),
            "{name}"
        );
    }
}
