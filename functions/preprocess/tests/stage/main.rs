//! The stage on the platform: what is stored, sent and refused for an upload.

mod bench;
mod damaged;
mod hostile;
mod measured;

use bench::Bench;
use contract::{Digest, Input, Receipt, Task, canonical, keys};
use platform::{Ended, Outcome};

const DATA: &str = "time,down,up\n2018-01-01,1,2\n2018-01-02,3,4\n2018-01-04,5,6\n";

#[tokio::test]
async fn an_upload_becomes_a_clean_part_and_one_sample_job() {
    let bench = Bench::new();
    bench.put("raw/cell/a b+c.csv", DATA).await;
    assert!(!bench.commit("raw/cell/a b+c.csv").await, "nothing did it before");
    let facts = bench.facts().await;
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
    let table = part::read(bytes).unwrap();
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
    assert!(!bench.commit("raw/cell/a.csv").await, "nothing did it before");
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
    bench.commit("raw/cell/a.csv").await;
    let facts = bench.facts().await;
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
    let facts = bench.facts().await;
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
    // As the receipt of an upload in parts, which was replaced by an upload of the same bytes in one piece.
    let receipt = Receipt {
        bucket: "flits".to_owned(),
        key: "raw/cell/a.csv".to_owned(),
        etag: version.clone(),
        version,
        size: DATA.len() as u64,
        digest,
        last_event: None,
    };
    let id = Digest::of(b"in parts");
    bench.put(&keys::receipt(id), canonical(&receipt).unwrap()).await;
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
