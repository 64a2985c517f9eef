//! Reads each section of the merged tree into its checked type.

use std::collections::HashSet;

use series::{Clean, Frequency, Holdout, Missing, Outliers, Sampling, Scaler, Strategy, Validation, WindowShape};
use toml::Value;

use super::{
    Choice, DataSection, ForecastSection, MAX_COLUMNS, Metric, Mode, PromoteBy, PromoteSection, SplitSection, duration,
    problem::Problems,
    read::{Interval, LARGEST, Section},
    tree::{Fields, Leaf},
};
use crate::{NameError, check_column};

/// The most steps that a forecast has where the window's horizon is not longer.
pub const MAX_FORECAST: usize = 1_000;

/// The longest salt in bytes: it rides in every message.
const MAX_SALT: usize = 200;

const AT_LEAST_ONE: &str = "at least 1 with `head` and `tail`";

const FACTOR: Interval = Interval {
    holds: |x| x > 0.0 && x <= 1e6,
    text: "a number above 0 and at most 1000000",
};
const SHARE: Interval = Interval {
    holds: |x| (0.0..=1.0).contains(&x),
    text: "a number from 0 to 1",
};
const MARGIN: Interval = Interval {
    holds: |x| (0.0..1.0).contains(&x),
    text: "a number from 0 and below 1",
};

pub(super) fn salt(fields: &mut Fields, problems: &mut Problems) -> String {
    // The salt stands at the top; a section of its own lends it the readers.
    let top = fields
        .remove("salt")
        .map(|node| ("salt".to_owned(), node))
        .into_iter()
        .collect();
    let mut section = Section::new(String::new(), top, problems);
    let leaf = section.peek("salt");
    let salt = section.text("salt", "");
    if let Some(leaf) = leaf
        && salt.len() > MAX_SALT
    {
        section.wrong("salt", &leaf, &format!("at most {MAX_SALT} bytes"));
    }
    salt
}

pub(super) fn data(fields: &mut Fields, problems: &mut Problems) -> DataSection {
    let mut section = Section::open(fields, "data", problems);
    let targets_leaf = section.peek("targets");
    let data = DataSection {
        time: time(&mut section),
        targets: targets(&mut section),
        past: columns(&mut section, "past")
            .map(|(_, columns)| columns)
            .unwrap_or_default(),
        known: none_yet(&mut section, "known"),
        fixed: none_yet(&mut section, "static"),
        series_id: series_id(&mut section),
        frequency: frequency(&mut section),
        time_zone: time_zone(&mut section),
        parts: parts(&mut section),
        mode: section.word("mode", &[("replace", Mode::Replace)], &["append"], Mode::Replace),
    };
    if let Some(leaf) = targets_leaf {
        refuse_shared_columns(&mut section, &leaf, &data);
    }
    section.close();
    data
}

fn time(section: &mut Section<'_>) -> Choice<String> {
    let leaf = section.peek("time");
    let column = section.text("time", "auto");
    if let (Some(leaf), Err(error)) = (leaf, check_column(&column)) {
        section.wrong("time", &leaf, &name_bound(&error));
    }
    if column == "auto" {
        Choice::Auto
    } else {
        Choice::Given(column)
    }
}

/// Reads a list of columns, each once; one that is too long is as good as empty.
fn columns(section: &mut Section<'_>, key: &'static str) -> Option<(Leaf, Vec<String>)> {
    let (leaf, columns) = section.texts(key)?;
    if columns.len() > MAX_COLUMNS {
        let have = columns.len();
        section.wrong(
            key,
            &leaf,
            &format!("a list of at most {MAX_COLUMNS} columns, this one has {have}"),
        );
        return None;
    }
    if let Some(error) = columns.iter().find_map(|column| check_column(column).err()) {
        section.wrong(key, &leaf, &name_bound(&error));
    }
    let mut names = HashSet::new();
    if !columns.iter().all(|column| names.insert(column.as_str())) {
        section.wrong(key, &leaf, "a list that names each column once");
    }
    Some((leaf, columns))
}

fn name_bound(error: &NameError) -> String {
    format!("made of names that can be columns: {error}")
}

fn targets(section: &mut Section<'_>) -> Choice<Vec<String>> {
    let Some((leaf, columns)) = columns(section, "targets") else {
        return Choice::Auto;
    };
    if columns.is_empty() || columns.iter().any(String::is_empty) {
        section.wrong("targets", &leaf, "`auto` or a list of at least one column");
    }
    if columns == ["auto"] {
        Choice::Auto
    } else {
        Choice::Given(columns)
    }
}

fn none_yet(section: &mut Section<'_>, key: &'static str) -> Vec<String> {
    if let Some((leaf, columns)) = section.texts(key)
        && !columns.is_empty()
    {
        section.not_yet(key, &leaf, "[]");
    }
    Vec::new()
}

fn series_id(section: &mut Section<'_>) -> String {
    if let Some(leaf) = section.leaf("series_id")
        && leaf.as_text().as_deref() != Some("")
    {
        section.not_yet("series_id", &leaf, "\"\"");
    }
    String::new()
}

fn frequency(section: &mut Section<'_>) -> Choice<Frequency> {
    let Some(leaf) = section.leaf("frequency") else {
        return Choice::Auto;
    };
    let text = leaf.as_text().unwrap_or_default();
    if text == "auto" {
        return Choice::Auto;
    }
    text.parse().map_or_else(
        |_| {
            section.wrong(
                "frequency",
                &leaf,
                "`auto` or a number with a unit: 90s, 2m, 1h, 1d, 1w, 1mo, 1mo-end",
            );
            Choice::Auto
        },
        Choice::Given,
    )
}

fn time_zone(section: &mut Section<'_>) -> String {
    let Some(leaf) = section.leaf("time_zone") else {
        return "UTC".to_owned();
    };
    let name = leaf.as_text().unwrap_or_default();
    // The table comes with the code, so every host and every test agrees on what a zone means.
    if jiff::tz::TimeZoneDatabase::bundled().get(&name).is_err() {
        section.wrong("time_zone", &leaf, "an IANA time zone such as UTC or Europe/Madrid");
    }
    name
}

fn parts(section: &mut Section<'_>) -> u32 {
    if let Some(leaf) = section.leaf("parts") {
        match leaf.as_whole() {
            Some(1) => {}
            Some(2..) => section.not_yet("parts", &leaf, "1"),
            _ => section.wrong("parts", &leaf, "1"),
        }
    }
    1
}

/// A column has one role.
fn refuse_shared_columns(section: &mut Section<'_>, leaf: &Leaf, data: &DataSection) {
    let others: HashSet<&String> = data.past.iter().chain(data.time.given()).collect();
    let targets = data.targets.given().map_or(&[][..], Vec::as_slice);
    if targets.iter().any(|target| others.contains(target)) {
        section.wrong(
            "targets",
            leaf,
            "columns that are neither `data.time` nor in `data.past`",
        );
    }
}

pub(super) fn clean(fields: &mut Fields, problems: &mut Problems) -> Clean {
    let mut section = Section::open(fields, "clean", problems);
    let missing = [
        ("interpolate", Missing::Interpolate),
        ("forward", Missing::Forward),
        ("mean", Missing::Mean),
        ("drop", Missing::Drop),
    ];
    let scaler = [
        ("minmax", Scaler::MinMax),
        ("standard", Scaler::Standard),
        ("robust", Scaler::Robust),
        ("maxabs", Scaler::MaxAbs),
        ("none", Scaler::None),
    ];
    let clean = Clean {
        missing: section.word("missing", &missing, &["nearest-k"], Missing::Interpolate),
        missing_threshold: section
            .has("missing_threshold")
            .then(|| section.number("missing_threshold", SHARE, 1.0)),
        outliers: outliers(&mut section),
        lags: lags(&mut section),
        calendar: section.flag("calendar", true),
        scaler: section.word("scaler", &scaler, &[], Scaler::MinMax),
    };
    section.close();
    clean
}

/// Reads `outliers = "iqr"`, or with its factor `outliers.iqr.factor = 3.0`.
fn outliers(section: &mut Section<'_>) -> Outliers {
    if let Some(mut outliers) = section.child("outliers") {
        let factor = outliers.child("iqr").map(|mut iqr| {
            let factor = iqr.number("factor", FACTOR, Outliers::IQR_FACTOR);
            iqr.close();
            factor
        });
        outliers.close();
        return factor.map_or(Outliers::None, |factor| Outliers::Iqr { factor });
    }
    let words = [
        ("none", Outliers::None),
        (
            "iqr",
            Outliers::Iqr {
                factor: Outliers::IQR_FACTOR,
            },
        ),
    ];
    section.word("outliers", &words, &["percentile", "hampel"], Outliers::None)
}

/// Reads the lags, in rising order, so that one choice of lags has one digest.
fn lags(section: &mut Section<'_>) -> Vec<usize> {
    let Some(leaf) = section.leaf("lags") else {
        return Vec::new();
    };
    let lag = |value: &Value| {
        let lag = value.as_integer().and_then(|n| usize::try_from(n).ok());
        lag.filter(|lag| (1..=Clean::MAX_LAG).contains(lag))
    };
    let lags = leaf
        .value
        .as_array()
        .and_then(|items| items.iter().map(lag).collect::<Option<Vec<_>>>());
    let distinct: Option<std::collections::BTreeSet<_>> = lags.as_ref().map(|lags| lags.iter().copied().collect());
    match (lags, distinct) {
        (Some(lags), Some(distinct)) if lags.len() == distinct.len() && lags.len() <= Clean::MAX_LAGS => {
            distinct.into_iter().collect()
        }
        _ => {
            let (most, longest) = (Clean::MAX_LAGS, Clean::MAX_LAG);
            section.wrong(
                "lags",
                &leaf,
                &format!("a list of at most {most} lags from 1 to {longest} rows, each once"),
            );
            Vec::new()
        }
    }
}

pub(super) fn split(fields: &mut Fields, problems: &mut Problems) -> SplitSection {
    let mut section = Section::open(fields, "split", problems);
    let split = SplitSection {
        holdout: section
            .share("holdout", "test-file")
            .map_or(Holdout::Fraction(0.2), |share| {
                share.either(Holdout::Fraction, Holdout::Rows, Holdout::TestFile)
            }),
        validation: section
            .share("validation", "none")
            .map_or(Validation::Fraction(0.1), |share| {
                share.either(Validation::Fraction, Validation::Rows, Validation::None)
            }),
        wait: wait(&mut section),
    };
    section.close();
    split
}

fn wait(section: &mut Section<'_>) -> u64 {
    let Some(leaf) = section.leaf("wait") else {
        return duration::DEFAULT_WAIT;
    };
    let seconds = leaf.as_text().and_then(|text| duration::parse(&text));
    seconds
        .filter(|seconds| *seconds <= duration::LONGEST_WAIT)
        .unwrap_or_else(|| {
            section.wrong("wait", &leaf, "a time from 0s to 1d, such as 90s, 10m or 2h");
            duration::DEFAULT_WAIT
        })
}

pub(super) fn sample(fields: &mut Fields, problems: &mut Problems) -> Sampling {
    let mut section = Section::open(fields, "sample", problems);
    let strategies = [
        ("all", Strategy::All),
        ("head", Strategy::Head),
        ("tail", Strategy::Tail),
    ];
    let strategy = section.word("strategy", &strategies, &["random", "stride"], Strategy::All);
    let given = section.peek("rows");
    let rows = section.count("rows", 0..=LARGEST, 0);
    if let Some(leaf) = given {
        match strategy {
            Strategy::All if rows > 0 => section.wrong("rows", &leaf, "0 while `sample.strategy` is \"all\""),
            Strategy::Head | Strategy::Tail if rows == 0 => section.wrong("rows", &leaf, AT_LEAST_ONE),
            Strategy::All | Strategy::Head | Strategy::Tail => {}
        }
    } else if strategy != Strategy::All {
        section.missing("rows", AT_LEAST_ONE);
    }
    let seed = section.whole("seed", 0..=LARGEST, 0);
    section.close();
    Sampling { strategy, rows, seed }
}

pub(super) fn window(fields: &mut Fields, problems: &mut Problems) -> WindowShape {
    let mut section = Section::open(fields, "window", problems);
    let default = WindowShape::default();
    let window = WindowShape {
        context: section.count("context", 1..=WindowShape::MAX_CONTEXT as u64, default.context),
        horizon: section.count("horizon", 1..=WindowShape::MAX_HORIZON as u64, default.horizon),
        stride: section.count("stride", 1..=1_000_000, default.stride),
    };
    section.close();
    window
}

pub(super) fn forecast(fields: &mut Fields, window: &WindowShape, problems: &mut Problems) -> ForecastSection {
    let mut section = Section::open(fields, "forecast", problems);
    let most = MAX_FORECAST.max(window.horizon);
    let horizon = section
        .leaf("horizon")
        .map_or(Choice::Auto, |leaf| match leaf.as_whole() {
            _ if leaf.as_text().as_deref() == Some("auto") => Choice::Auto,
            Some(steps) if (window.horizon as u64..=most as u64).contains(&steps) => Choice::Given(leaf.as_count()),
            _ => {
                let bound = format!(
                    "`auto` or a whole number from {} (`window.horizon`) to {most}",
                    window.horizon
                );
                section.wrong("horizon", &leaf, &bound);
                Choice::Auto
            }
        });
    section.close();
    ForecastSection { horizon }
}

pub(super) fn promote(fields: &mut Fields, problems: &mut Problems) -> PromoteSection {
    let mut section = Section::open(fields, "promote", problems);
    let metrics = [
        ("rmsse", Metric::Rmsse),
        ("rmse", Metric::Rmse),
        ("mae", Metric::Mae),
        ("smape", Metric::Smape),
        ("mase", Metric::Mase),
        ("composite", Metric::Composite),
        ("wql", Metric::Wql),
    ];
    let metric = section.word("metric", &metrics, &["coverage"], Metric::Rmsse);
    let margin = section.number("margin", MARGIN, 0.01);
    let by = section.word("by", &[("part", PromoteBy::Part)], &["series"], PromoteBy::Part);
    if let Some(leaf) = section.peek("refit")
        && leaf.value.as_bool() == Some(true)
    {
        section.not_yet("refit", &leaf, "false");
    }
    let promote = PromoteSection {
        metric,
        margin,
        by,
        refit: section.flag("refit", false),
    };
    section.close();
    promote
}
