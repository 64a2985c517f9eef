//! What is wrong with a spec, said all at once.

use std::{collections::BTreeSet, fmt};

use crate::text::shortened;

/// One thing that is wrong with a spec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where it was written: a file, an environment variable, `--set`.
    pub origin: String,
    /// The dotted path in the spec; empty where the text could not be read at all.
    pub path: String,
    /// The value that stands there, as TOML, shortened.
    pub value: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It breaks a bound.
    Bound(String),
    /// The design has it, this version does not.
    NotYet {
        /// What is allowed today.
        allowed: String,
    },
    /// Nobody reads this key.
    Unknown {
        /// The keys that are read there.
        known: String,
    },
    /// The text is not what it should be.
    Syntax(String),
}

/// Everything that is wrong with a spec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpecErrors(pub Vec<Problem>);

/// Collects problems while a spec is read.
#[derive(Default)]
pub(crate) struct Problems {
    told: Vec<Problem>,
    /// How many more there are.
    more: usize,
    /// The variables that were wrong: one can reach several members and is wrong once.
    variables: BTreeSet<String>,
}

/// The length above which a value is shortened in a message, in characters.
const SHOWN: usize = 60;

/// The length above which a path or a bound is shortened in a message, in characters.
const SHOWN_PATH: usize = 200;
const SHOWN_BOUND: usize = 1_000;

/// The most problems that are told; more are counted. A refusal stands in a ledger, which has a size.
const MAX_TOLD: usize = 100;

impl Problem {
    /// Gives what is allowed, for reports that keep the bound on its own.
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
    pub(crate) fn add(&mut self, origin: &str, path: &str, value: &str, fault: Fault) {
        if origin.starts_with("environment") && !self.variables.insert(origin.to_owned()) {
            return;
        }
        if self.is_full() {
            return self.skip();
        }
        self.told.push(Problem {
            origin: shortened(origin, SHOWN_PATH),
            path: shortened(path, SHOWN_PATH),
            value: shortened(value, SHOWN),
            fault: fault.shortened(),
        });
    }

    pub(super) fn into_errors(mut self) -> SpecErrors {
        if self.more > 0 {
            self.told.push(Problem {
                origin: "the spec".to_owned(),
                path: String::new(),
                value: String::new(),
                fault: Fault::Syntax(format!("{} more problems are not shown", self.more)),
            });
        }
        SpecErrors(self.told)
    }

    /// Says whether as many are told as ever are: then others are worth no text, only [`Self::skip`].
    pub(super) fn is_full(&self) -> bool {
        self.told.len() == MAX_TOLD
    }

    /// Counts one that is not told.
    pub(super) fn skip(&mut self) {
        self.more += 1;
    }

    /// Says whether something is wrong with the value at a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.told.iter().any(|problem| problem.path == path)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
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
