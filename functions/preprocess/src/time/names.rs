//! What the names of columns say about the time.

/// How much the name of a column says that it is the time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Trust {
    /// Nothing.
    None,
    /// A part of the calendar, or a word of time among others.
    Weak,
    /// A name of the time, or the one that the settings give.
    Named,
}

/// Names of the time.
const TIMES: [&str; 10] = [
    "time",
    "timestamp",
    "date",
    "datetime",
    "ds",
    "dates",
    "times",
    "ts",
    "unixtime",
    "epoch",
];

/// Words of which the first or last one of a name says that it is some time.
const WORDS: [&str; 18] = [
    "time",
    "timestamp",
    "date",
    "datetime",
    "ts",
    "epoch",
    "period",
    "month",
    "quarter",
    "week",
    "year",
    "day",
    "index",
    "yr",
    "months",
    "years",
    "yearmonth",
    "ym",
];

/// Names of steps without a calendar. Numbers of those after `index` are steps only in increasing order.
const STEPS: [&str; 14] = [
    "t",
    "step",
    "time",
    "timestep",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "timestamp",
    "index",
    "period",
    "tick",
    "date",
];

/// Returns the words of a name in lower case, without what stands in parentheses.
pub(crate) fn words(name: &str) -> Vec<String> {
    let name = name.split(['(', '[']).next().unwrap_or_default();
    let mut spaced = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_uppercase() && lower {
            spaced.push(' ');
        }
        lower = c.is_lowercase();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    spaced.split_whitespace().map(str::to_lowercase).collect()
}

/// Returns the words of a name as one.
pub(super) fn compact(name: &str) -> String {
    words(name).concat()
}

/// Returns how much a name says that the column is the time.
pub(super) fn trust(name: &str) -> Trust {
    if is_time(name) {
        return Trust::Named;
    }
    let words = words(name);
    let known = |word: Option<&String>| word.is_some_and(|word| WORDS.contains(&word.as_str()));
    let joined = words.concat();
    let begins = ["date", "timestamp"]
        .iter()
        .any(|word| joined.starts_with(word) || joined.ends_with(word));
    if known(words.first()) || known(words.last()) || begins {
        Trust::Weak
    } else {
        Trust::None
    }
}

/// Returns whether a name is one of the time.
pub(super) fn is_time(name: &str) -> bool {
    TIMES.contains(&compact(name).as_str())
}

/// Returns whether a column with such a name has words of a part of the calendar and none of a whole time.
pub(super) fn is_part(name: &str) -> bool {
    const PARTS: [&str; 9] = [
        "period", "month", "quarter", "week", "year", "day", "index", "yr", "years",
    ];
    PARTS.contains(&compact(name).as_str())
}

/// Returns whether a name is one of steps, and whether these must increase.
pub(super) fn steps(name: &str) -> Option<bool> {
    const FREE: usize = 10;
    let name = compact(name);
    STEPS.iter().position(|step| *step == name).map(|at| at >= FREE)
}

/// Returns whether a name is one of years.
pub(super) fn is_year(name: &str) -> bool {
    matches!(compact(name).as_str(), "year" | "years" | "yr" | "yyyy")
}

/// Returns whether a file has no name for a column, as for the index of a data frame.
pub(super) fn is_unnamed(name: &str) -> bool {
    let name = compact(name);
    name == "column1" || name == "unnamed0"
}
