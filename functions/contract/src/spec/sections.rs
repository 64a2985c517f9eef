//! Reads the salt and every section but `[data]` and `[[models]]` of the merged layers.

use std::collections::BTreeSet;

use series::{Clean, Holdout, Missing, Outliers, Sampling, Scaler, Strategy, Validation, WindowShape};
use toml::Value;

use super::{
    duration,
    node::Fields,
    problem::Problems,
    read::{Interval, LARGEST, Section},
    resolved::{Choice, ForecastSection, Metric, PromoteBy, PromoteSection, Refit, SplitSection, WindowSection},
};

/// The most steps of a forecast.
const MAX_FORECAST: usize = WindowShape::MAX_HORIZON;

/// The longest season in steps: a year of five minutes.
const LONGEST_SEASON: usize = 105_120;

/// The longest salt in bytes: every message carries it.
const MAX_SALT: usize = 200;

const AT_LEAST_ONE: &str = "at least 1 with `head` and `tail`";

const FACTOR: Interval = Interval {
    holds: |x| x > 0.0 && x <= 1e6,
    text: "a number above 0 and at most 1000000",
};
const THRESHOLD: Interval = Interval {
    holds: |x| (0.0..=1.0).contains(&x),
    text: "a number from 0 to 1",
};
const MARGIN: Interval = Interval {
    holds: |x| (0.0..1.0).contains(&x),
    text: "a number from 0 and below 1",
};

pub(super) fn salt(fields: &mut Fields, problems: &mut Problems) -> String {
    // The salt stands at the top of the spec. Put into a section of its own, it can be read like any other key.
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
            .then(|| section.number("missing_threshold", THRESHOLD, 1.0)),
        outliers: outliers(&mut section),
        lags: lags(&mut section),
        calendar: section.flag("calendar", true),
        scaler: section.word("scaler", &scaler, &[], Scaler::MinMax),
    };
    section.close();
    clean
}

/// Reads `outliers = "iqr"`, or, with a factor, `outliers.iqr.factor = 3.0`.
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

/// Reads the lags and sorts them, so that the same lags have the same digest.
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
    let distinct: Option<BTreeSet<_>> = lags.as_ref().map(|lags| lags.iter().copied().collect());
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
            .portion("holdout", "test-file")
            .map_or(Holdout::Fraction(0.2), |portion| {
                portion.either(Holdout::Fraction, Holdout::Rows, Holdout::TestFile)
            }),
        validation: section
            .portion("validation", "none")
            .map_or(Validation::Fraction(0.1), |portion| {
                portion.either(Validation::Fraction, Validation::Rows, Validation::None)
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

pub(super) fn window(fields: &mut Fields, problems: &mut Problems) -> WindowSection {
    let mut section = Section::open(fields, "window", problems);
    let window = WindowSection {
        context: section.choice("context", 1..=WindowShape::MAX_CONTEXT as u64),
        horizon: section.choice("horizon", 1..=WindowShape::MAX_HORIZON as u64),
        stride: section.choice("stride", 1..=1_000_000),
    };
    section.close();
    window
}

pub(super) fn forecast(fields: &mut Fields, window: &WindowSection, problems: &mut Problems) -> ForecastSection {
    let mut section = Section::open(fields, "forecast", problems);
    let least = window.horizon.given().copied().unwrap_or(1);
    let forecast = ForecastSection {
        horizon: section.choice("horizon", least as u64..=MAX_FORECAST.max(least) as u64),
        seasons: seasons(&mut section),
        nonnegative: section.flag("nonnegative", true),
        integers: section.flag("integers", false),
    };
    section.close();
    forecast
}

/// Reads the seasons; a single one counts as a list of one.
fn seasons(section: &mut Section<'_>) -> Choice<Vec<usize>> {
    const MOST: usize = 5;
    let Some(leaf) = section.leaf("seasons") else {
        return Choice::Auto;
    };
    if leaf.as_text().as_deref() == Some("auto") {
        return Choice::Auto;
    }
    let season = |value: &Value| {
        let steps = value.as_integer().and_then(|n| usize::try_from(n).ok());
        steps.filter(|steps| (2..=LONGEST_SEASON).contains(steps))
    };
    let seasons: Option<BTreeSet<_>> = match &leaf.value {
        Value::Array(items) if items.len() <= MOST => items.iter().map(season).collect(),
        one => season(one).map(|one| BTreeSet::from([one])),
    };
    if let Some(seasons) = seasons {
        return Choice::Given(seasons.into_iter().collect());
    }
    section.wrong(
        "seasons",
        &leaf,
        &format!("`auto` or a list of at most {MOST} seasons from 2 to {LONGEST_SEASON} steps"),
    );
    Choice::Auto
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
    let promote = PromoteSection {
        metric,
        margin,
        by,
        refit: refit(&mut section),
    };
    section.close();
    promote
}

fn refit(section: &mut Section<'_>) -> Refit {
    let Some(leaf) = section.leaf("refit") else {
        return Refit::Auto;
    };
    match (leaf.value.as_bool(), leaf.as_text().as_deref()) {
        (Some(true), _) | (_, Some("true")) => Refit::Always,
        (Some(false), _) | (_, Some("false")) => Refit::Never,
        (_, Some("auto")) => Refit::Auto,
        _ => {
            section.wrong("refit", &leaf, "`auto`, true or false");
            Refit::Auto
        }
    }
}
