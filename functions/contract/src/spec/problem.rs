//! What is wrong with a spec, reported all at once.

use std::{collections::BTreeSet, fmt};

use crate::text::shortened;

/// One thing that is wrong with a spec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The layer that wrote the value: a file or key, an environment variable, `--set` or `default`.
    pub origin: String,
    /// The dotted path of the setting; empty if the text as a whole is the problem.
    pub path: String,
    /// The value as TOML, shortened to 60 characters; empty if the setting is missing.
    pub value: String,
    /// What is wrong with the value.
    pub fault: Fault,
}

/// What is wrong with a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The value breaks a bound, which is stated in words.
    Bound(String),
    /// The setting is designed, but this version does not support it.
    NotYet {
        /// What this version accepts.
        allowed: String,
    },
    /// The key is unknown.
    Unknown {
        /// The keys that are known there, separated by commas.
        known: String,
    },
    /// The text cannot be read; says why.
    Syntax(String),
}

/// Everything that is wrong with a spec: at most 100 problems, and a last one that counts the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpecErrors(pub Vec<Problem>);

/// Collects problems while a spec is read.
#[derive(Default)]
pub(super) struct Problems {
    described: Vec<Problem>,
    /// How many problems were not described.
    more: usize,
    /// The wrong variables so far: one variable can set several members and is reported once.
    variables: BTreeSet<String>,
}

/// How many characters of a value a message shows.
const SHOWN: usize = 60;

/// How many characters of a path, and of a bound, a message shows.
const SHOWN_PATH: usize = 200;
const SHOWN_BOUND: usize = 1_000;

/// The most problems that are described; others are counted. A refusal is stored in a ledger, whose size is limited.
const MAX_TOLD: usize = 100;

impl Problem {
    /// Returns what is allowed, for reports that state the bound separately.
    #[must_use]
    pub fn bound(&self) -> &str {
        match &self.fault {
            Fault::Bound(bound) | Fault::Syntax(bound) => bound,
            Fault::NotYet { allowed } => allowed,
            Fault::Unknown { known } => known,
        }
    }
}

impl Problems {
    /// Adds a problem, or counts it if the list is full.
    pub(super) fn add(&mut self, origin: &str, path: &str, value: &str, fault: Fault) {
        if origin.starts_with("environment") && !self.variables.insert(origin.to_owned()) {
            return;
        }
        if self.is_full() {
            return self.skip();
        }
        self.described.push(Problem {
            origin: shortened(origin, SHOWN_PATH),
            path: shortened(path, SHOWN_PATH),
            value: shortened(value, SHOWN),
            fault: fault.shortened(),
        });
    }

    /// Ends the collection.
    pub(super) fn into_errors(mut self) -> SpecErrors {
        if self.more > 0 {
            self.described.push(Problem {
                origin: "the spec".to_owned(),
                path: String::new(),
                value: String::new(),
                fault: Fault::Syntax(format!("{} more problems are not shown", self.more)),
            });
        }
        SpecErrors(self.described)
    }

    /// Returns whether the list is full. Then a caller need not build a message and can call [`Self::skip`].
    pub(super) fn is_full(&self) -> bool {
        self.described.len() == MAX_TOLD
    }

    /// Counts a problem that is not described.
    pub(super) fn skip(&mut self) {
        self.more += 1;
    }

    /// Returns whether a problem with the value at a path was noted.
    pub(super) fn has(&self, path: &str) -> bool {
        self.described.iter().any(|problem| problem.path == path)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.described.is_empty()
    }
}

impl Fault {
    fn shortened(self) -> Self {
        let text = |text: String| shortened(&text, SHOWN_BOUND);
        match self {
            Self::Bound(bound) => Self::Bound(text(bound)),
            Self::NotYet { allowed } => Self::NotYet { allowed: text(allowed) },
            Self::Unknown { known } => Self::Unknown { known: text(known) },
            Self::Syntax(what) => Self::Syntax(text(what)),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        match (self.path.as_str(), self.value.as_str()) {
            ("", "") => {}
            ("", value) => write!(f, "{value} ")?,
            (path, "") => write!(f, "`{path}` ")?,
            (path, value) => write!(f, "`{path}` = {value} ")?,
        }
        match &self.fault {
            Fault::Bound(bound) => write!(f, "must be {bound}"),
            Fault::NotYet { allowed } => write!(f, "is not supported yet; allowed: {allowed}"),
            Fault::Unknown { known } => write!(f, "is not a known key; known: {known}"),
            Fault::Syntax(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(f, "the spec has a problem: {only}");
        }
        write!(f, "the spec has {} problems:", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for SpecErrors {}
