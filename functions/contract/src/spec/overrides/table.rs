//! The predecessor's environment variables and what each sets. `docs/predecessor.md` shows the same table.

/// One environment variable of the predecessor.
#[derive(Clone, Copy, Debug)]
pub struct Override {
    /// The variable's name.
    pub name: &'static str,
    /// The path in the spec that it sets, or what it does instead, for people.
    pub sets: &'static str,
    /// A value that is accepted.
    pub example: &'static str,
    pub(super) meaning: Meaning,
}

/// How the text of a variable is read, and what it sets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// A whole number at a path.
    Whole(&'static str),
    /// A text at a path.
    Text(&'static str),
    /// A number at a path.
    Number(&'static str),
    /// A switch at a path.
    Flag(&'static str),
    /// A word at a path, with pairs of the predecessor's spelling and ours.
    Word(&'static str, &'static [(&'static str, &'static str)]),
    /// A whole number of every recurrent member.
    MemberWhole(&'static str),
    /// A number of every recurrent member.
    MemberNumber(&'static str),
    /// A switch of every recurrent member.
    MemberFlag(&'static str),
    /// The list of members.
    Models,
    /// Read together with others, by [`clip`](super::clip) or [`lags`](super::lags).
    Together,
    /// Read by [`dataset`](super::dataset) or [`force`](super::force), and part of no spec.
    FrontDoor,
    /// Not supported. The values listed are accepted, because they ask for nothing.
    Refused(&'static [&'static str]),
}

use Meaning::{
    Flag, FrontDoor, MemberFlag, MemberNumber, MemberWhole, Models, Number, Refused, Text, Together, Whole, Word,
};

const fn row(name: &'static str, sets: &'static str, example: &'static str, meaning: Meaning) -> Override {
    Override {
        name,
        sets,
        example,
        meaning,
    }
}

const MISSING: &[(&str, &str)] = &[
    ("true", "interpolate"),
    ("1", "interpolate"),
    ("yes", "interpolate"),
    ("false", "drop"),
    ("0", "drop"),
    ("no", "drop"),
    ("linear", "interpolate"),
    ("ffill", "forward"),
    ("knn", "nearest-k"),
];

const SCALERS: &[(&str, &str)] = &[
    ("minmaxscaler", "minmax"),
    ("standardscaler", "standard"),
    ("robustscaler", "robust"),
    ("maxabsscaler", "maxabs"),
];

/// Every variable that is read, in the order in which they are applied.
pub const TABLE: &[Override] = &[
    row(
        "DATASET_NAME",
        "the dataset's name, as `--dataset`",
        "poblesec",
        FrontDoor,
    ),
    row(
        "FORCE_REPROCESS",
        "a new salt for this run, as `--force`",
        "true",
        FrontDoor,
    ),
    row("EXTRA_HASH_SALT", "`salt`", "v2", Text("salt")),
    row(
        "EXPECTED_MODEL_TYPES",
        "`models`; the baselines are always in the round",
        "GRU,LSTM",
        Models,
    ),
    row("SAMPLE_TRAIN_ROWS", "`sample.rows`", "50", Whole("sample.rows")),
    row(
        "SAMPLE_STRATEGY",
        "`sample.strategy`",
        "head",
        Word("sample.strategy", &[]),
    ),
    row("SAMPLE_SEED", "`sample.seed`", "42", Whole("sample.seed")),
    row(
        "SAMPLE_TEST_ROWS",
        "refused unless 0: all rows of a test file are scored",
        "0",
        Refused(&["0"]),
    ),
    row("INPUT_SEQ_LEN", "`window.context`", "10", Whole("window.context")),
    row("OUTPUT_SEQ_LEN", "`window.horizon`", "1", Whole("window.horizon")),
    row(
        "HIDDEN_SIZE",
        "`hidden` of every gru and lstm",
        "128",
        MemberWhole("hidden"),
    ),
    row(
        "NUM_LAYERS",
        "`layers` of every gru and lstm",
        "2",
        MemberWhole("layers"),
    ),
    row(
        "BATCH_SIZE",
        "`batch` of every gru and lstm",
        "64",
        MemberWhole("batch"),
    ),
    row("EPOCHS", "`epochs` of every gru and lstm", "10", MemberWhole("epochs")),
    row(
        "LEARNING_RATE",
        "`lr` of every gru and lstm",
        "0.0001",
        MemberNumber("lr"),
    ),
    row(
        "EARLY_STOPPING",
        "`early_stopping` of every gru and lstm",
        "true",
        MemberFlag("early_stopping"),
    ),
    row(
        "PATIENCE",
        "`patience` of every gru and lstm",
        "5",
        MemberWhole("patience"),
    ),
    row(
        "HANDLE_NANS",
        "`clean.missing`: true is interpolate, false is drop",
        "true",
        Word("clean.missing", MISSING),
    ),
    row(
        "NANS_THRESHOLD",
        "`clean.missing_threshold`",
        "0.3",
        Number("clean.missing_threshold"),
    ),
    row(
        "NANS_KNN",
        "refused: filling from nearest neighbours is not supported yet",
        "3",
        Refused(&[]),
    ),
    row(
        "CLIP_ENABLE",
        "`clean.outliers`: true is iqr, false is none",
        "true",
        Together,
    ),
    row(
        "CLIP_METHOD",
        "`clean.outliers`, unless CLIP_ENABLE is false",
        "iqr",
        Together,
    ),
    row(
        "CLIP_FACTOR",
        "`clean.outliers.iqr.factor`, unless CLIP_ENABLE is false",
        "1.5",
        Together,
    ),
    row(
        "SCALER",
        "`clean.scaler`",
        "MinMaxScaler",
        Word("clean.scaler", SCALERS),
    ),
    row(
        "TIME_FEATURES_ENABLE",
        "`clean.calendar`",
        "true",
        Flag("clean.calendar"),
    ),
    row("LAGS_ENABLE", "`clean.lags`: false is none", "true", Together),
    row(
        "LAGS_N",
        "how many lags `clean.lags` has, unless LAGS_ENABLE is false",
        "3",
        Together,
    ),
    row("LAGS_STEP", "the distance of the lags, 1 unless given", "1", Together),
];
