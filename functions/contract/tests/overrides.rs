//! The predecessor's environment names.

use contract::{
    overrides,
    spec::{Layer, SpecErrors, resolve},
};
use serde_json::{Value, json};

fn resolved(pairs: &[(&str, &str)]) -> Result<Value, SpecErrors> {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    resolve(&[Layer::environment(pairs)]).map(|spec| serde_json::to_value(spec).expect("a spec is JSON"))
}

#[test]
fn each_name_sets_what_the_table_says() {
    for (pairs, pointer, expected) in [
        (
            &[("SAMPLE_TRAIN_ROWS", "50"), ("SAMPLE_STRATEGY", "head")][..],
            "/sample/rows",
            json!(50),
        ),
        (
            &[("SAMPLE_TRAIN_ROWS", "50"), ("SAMPLE_STRATEGY", "TAIL")],
            "/sample/strategy",
            json!("tail"),
        ),
        (&[("SAMPLE_TRAIN_ROWS", "0")], "/sample/rows", json!(0)),
        (&[("SAMPLE_TEST_ROWS", "0")], "/sample/rows", json!(0)),
        (&[("SAMPLE_SEED", "42")], "/sample/seed", json!(42)),
        (&[("EXTRA_HASH_SALT", "007")], "/salt", json!("007")),
        (
            &[("EXPECTED_MODEL_TYPES", "GRU, LSTM")],
            "/models/3/kind",
            json!("lstm"),
        ),
        (&[("INPUT_SEQ_LEN", "24")], "/window/context", json!(24)),
        (&[("OUTPUT_SEQ_LEN", "3")], "/window/horizon", json!(3)),
        (&[("HIDDEN_SIZE", "16")], "/models/10/hidden", json!(16)),
        (&[("NUM_LAYERS", "1")], "/models/9/layers", json!(1)),
        (&[("BATCH_SIZE", "32")], "/models/9/batch", json!(32)),
        (&[("EPOCHS", "2")], "/models/9/epochs", json!(2)),
        (&[("LEARNING_RATE", "1e-3")], "/models/9/lr", json!(0.001)),
        (&[("EARLY_STOPPING", "no")], "/models/9/early_stopping", json!(false)),
        (&[("PATIENCE", "7")], "/models/9/patience", json!(7)),
        (&[("HANDLE_NANS", "false")], "/clean/missing", json!("drop")),
        (&[("HANDLE_NANS", "ffill")], "/clean/missing", json!("forward")),
        (&[("NANS_THRESHOLD", "0.3")], "/clean/missing_threshold", json!(0.3)),
        (&[("CLIP_ENABLE", "true")], "/clean/outliers", json!("iqr")),
        (
            &[("CLIP_ENABLE", "1"), ("CLIP_METHOD", "IQR"), ("CLIP_FACTOR", "3")],
            "/clean/outliers/iqr/factor",
            json!(3.0),
        ),
        (
            &[("CLIP_ENABLE", "false"), ("CLIP_METHOD", "percentile")],
            "/clean/outliers",
            json!("none"),
        ),
        (&[("SCALER", "StandardScaler")], "/clean/scaler", json!("standard")),
        (&[("SCALER", "robust")], "/clean/scaler", json!("robust")),
        (&[("TIME_FEATURES_ENABLE", "0")], "/clean/calendar", json!(false)),
        (
            &[("LAGS_ENABLE", "yes"), ("LAGS_N", "3"), ("LAGS_STEP", "2")],
            "/clean/lags",
            json!([2, 4, 6]),
        ),
        (&[("LAGS_ENABLE", "no"), ("LAGS_N", "3")], "/clean/lags", json!([])),
        (&[("EPOCHS", " ")], "/models/9/epochs", json!(10)),
        (
            &[("FORCE_REPROCESS", "true"), ("DATASET_NAME", "cell")],
            "/salt",
            json!(""),
        ),
    ] {
        let spec = resolved(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"));
        assert_eq!(spec.pointer(pointer), Some(&expected), "{pairs:?}");
    }
}

#[test]
fn a_bad_value_or_a_feature_that_is_not_built_names_its_variable_once() {
    for (name, value) in [
        ("HIDDEN_SIZE", "0"),
        ("HIDDEN_SIZE", "many"),
        ("EPOCHS", "ten"),
        ("LEARNING_RATE", "nan"),
        ("EARLY_STOPPING", "perhaps"),
        ("SAMPLE_TRAIN_ROWS", "50"),
        ("SAMPLE_STRATEGY", "random"),
        ("SAMPLE_TEST_ROWS", "10"),
        ("EXPECTED_MODEL_TYPES", "GRU,CNN"),
        ("HANDLE_NANS", "knn"),
        ("NANS_KNN", "3"),
        ("NANS_THRESHOLD", "30"),
        ("CLIP_ENABLE", "maybe"),
        ("CLIP_METHOD", "percentile"),
        ("CLIP_FACTOR", "wide"),
        ("SCALER", "QuantileTransformer"),
        ("TIME_FEATURES_ENABLE", "2"),
        ("LAGS_ENABLE", "true"),
        ("LAGS_N", "-1"),
        ("FORCE_REPROCESS", "soon"),
    ] {
        let problems = resolved(&[(name, value)]).expect_err(name).0;
        let origins: Vec<_> = problems.iter().map(|problem| problem.origin.as_str()).collect();
        assert_eq!(origins, [format!("environment variable {name}")], "{name}={value}");
    }
}

#[test]
fn the_front_door_reads_the_dataset_and_the_wish_for_a_new_salt() {
    let variables = [
        ("DATASET_NAME".to_owned(), "cell".to_owned()),
        ("FORCE_REPROCESS".to_owned(), "1".to_owned()),
    ];
    assert_eq!(overrides::dataset(&variables), Some("cell"));
    assert!(overrides::force(&variables));
    assert!(!overrides::force(&[]));
    assert_eq!(overrides::dataset(&[("DATASET_NAME".to_owned(), String::new())]), None);
}

#[test]
fn the_documentation_shows_the_table_as_it_is() {
    let head = "| Name | Sets | Example |\n| --- | --- | --- |\n".to_owned();
    let table = overrides::TABLE.iter().fold(head, |text, row| {
        text + &format!("| `{}` | {} | `{}` |\n", row.name, row.sets, row.example)
    });
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/predecessor.md");
    let page = std::fs::read_to_string(page).expect("docs/predecessor.md is there");
    assert!(page.contains(&table), "{page} does not show this table:\n{table}");
}
