//! What is wrong with a spec, said all at once.

use std::fmt;

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
pub(crate) struct Problems(pub(crate) Vec<Problem>);

/// The length above which a value is shortened in a message, in characters.
const SHOWN: usize = 60;

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
        let (origin, path) = (origin.to_owned(), path.to_owned());
        self.0.push(Problem {
            origin,
            path,
            value: shortened(value),
            fault,
        });
    }

    /// One variable can reach several members; it is wrong once.
    pub(super) fn into_errors(self) -> SpecErrors {
        let mut seen = std::collections::BTreeSet::new();
        let first = |p: &Problem| !p.origin.starts_with("environment") || seen.insert(p.origin.clone());
        SpecErrors(self.0.into_iter().filter(first).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn shortened(value: &str) -> String {
    let line = value.replace(['\n', '\r'], " ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    line.chars().take(SHOWN).chain(std::iter::once('…')).collect()
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
