//! Reads typed values out of a section and notes what is wrong with them.
//!
//! A reader never stops: where a value is wrong, it notes the problem and goes on with the default, so that one pass finds
//! every problem.

use std::ops::RangeInclusive;

use toml::Value;

use super::{
    node::{Fields, Leaf, Node, first_origin, join},
    problem::{Fault, Problems},
    resolved::Choice,
};

/// The largest whole number that JSON carries exactly.
pub(super) const LARGEST: u64 = (1 << 53) - 1;

/// One section while it is read.
pub(super) struct Section<'a> {
    /// The dotted path of the section; empty at the top.
    pub(super) path: String,
    /// The keys that were not read yet.
    pub(super) fields: Fields,
    /// The keys that are read here, for messages about unknown ones.
    known: Vec<&'static str>,
    pub(super) problems: &'a mut Problems,
}

/// An interval of numbers that a setting may take.
#[derive(Clone, Copy)]
pub(super) struct Interval {
    pub(super) holds: fn(f64) -> bool,
    /// The interval in words, as error messages state it.
    pub(super) text: &'static str,
}

/// Part of the rows: a fraction, a number of rows, or what a word stands for.
#[derive(Clone, Copy)]
pub(super) enum Portion {
    Fraction(f64),
    Rows(usize),
    Word,
}

impl Portion {
    /// Converts the portion into the type of a setting.
    pub(super) fn either<T>(self, fraction: impl Fn(f64) -> T, rows: impl Fn(usize) -> T, word: T) -> T {
        match self {
            Self::Fraction(part) => fraction(part),
            Self::Rows(count) => rows(count),
            Self::Word => word,
        }
    }
}

impl<'a> Section<'a> {
    /// Opens the section of that name; a missing one is empty.
    pub(super) fn open(fields: &mut Fields, name: &str, problems: &'a mut Problems) -> Self {
        let fields = match fields.remove(name) {
            Some(Node::Section(fields)) => fields,
            Some(Node::Leaf(leaf)) => {
                let fault = Fault::Bound(format!("a section, `[{name}]`"));
                problems.add(&leaf.origin, name, &leaf.value.to_string(), fault);
                Fields::new()
            }
            None => Fields::new(),
        };
        Self::new(name.to_owned(), fields, problems)
    }

    /// Makes a section of keys that were taken out of the tree.
    pub(super) fn new(path: String, fields: Fields, problems: &'a mut Problems) -> Self {
        Self {
            path,
            fields,
            known: Vec::new(),
            problems,
        }
    }

    /// Opens a section within this one, or returns `None` if there is none of that name.
    pub(super) fn child(&mut self, key: &'static str) -> Option<Section<'_>> {
        let Some(Node::Section(_)) = self.fields.get(key) else {
            return None;
        };
        self.known.push(key);
        let Some(Node::Section(fields)) = self.fields.remove(key) else {
            return None;
        };
        Some(Section::new(join(&self.path, key), fields, self.problems))
    }

    /// Returns whether the key was given, and notes that it is read here.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.fields.contains_key(key)
    }

    /// Returns a value without taking it out, so that it can still be read.
    pub(super) fn peek(&self, key: &str) -> Option<Leaf> {
        match self.fields.get(key)? {
            Node::Leaf(leaf) => Some(leaf.clone()),
            Node::Section(_) => None,
        }
    }

    /// Ends the reading: notes every key that was not read as unknown.
    pub(super) fn close(self) {
        let known = self.known.join(", ");
        unknown_fields(&self.path, &self.fields, &known, self.problems);
    }

    /// Takes a value out; a section in its place is noted as a problem.
    pub(super) fn leaf(&mut self, key: &'static str) -> Option<Leaf> {
        self.has(key);
        match self.fields.remove(key)? {
            Node::Leaf(leaf) => Some(leaf),
            Node::Section(fields) => {
                let origin = first_origin(&fields).unwrap_or_default();
                let fault = Fault::Bound("a value, not a section".to_owned());
                self.problems.add(&origin, &join(&self.path, key), "", fault);
                None
            }
        }
    }

    /// Notes that a value breaks a bound.
    pub(super) fn wrong(&mut self, key: &str, leaf: &Leaf, bound: &str) {
        self.fault(key, leaf, Fault::Bound(bound.to_owned()));
    }

    /// Notes that a value is not supported yet.
    pub(super) fn not_yet(&mut self, key: &str, leaf: &Leaf, allowed: &str) {
        self.fault(
            key,
            leaf,
            Fault::NotYet {
                allowed: allowed.to_owned(),
            },
        );
    }

    fn fault(&mut self, key: &str, leaf: &Leaf, fault: Fault) {
        if self.problems.is_full() {
            return self.problems.skip();
        }
        self.problems
            .add(&leaf.origin, &join(&self.path, key), &leaf.value.to_string(), fault);
    }

    /// Notes a missing key that another setting needs.
    pub(super) fn missing(&mut self, key: &str, bound: &str) {
        let origin = first_origin(&self.fields).unwrap_or_else(|| "default".to_owned());
        self.problems
            .add(&origin, &join(&self.path, key), "", Fault::Bound(bound.to_owned()));
    }

    /// Reads a text.
    pub(super) fn text(&mut self, key: &'static str, default: &str) -> String {
        let Some(leaf) = self.leaf(key) else {
            return default.to_owned();
        };
        leaf.as_text().unwrap_or_else(|| {
            self.wrong(key, &leaf, "a text");
            default.to_owned()
        })
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(leaf) = self.leaf(key) else { return default };
        leaf.value.as_bool().unwrap_or_else(|| {
            self.wrong(key, &leaf, "true or false");
            default
        })
    }

    /// Reads a whole number within a range.
    pub(super) fn whole(&mut self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let Some(leaf) = self.leaf(key) else { return default };
        leaf.as_whole().filter(|n| range.contains(n)).unwrap_or_else(|| {
            let bound = format!("a whole number from {} to {}", range.start(), range.end());
            self.wrong(key, &leaf, &bound);
            default
        })
    }

    /// Reads a number of rows or steps.
    pub(super) fn count(&mut self, key: &'static str, range: RangeInclusive<u64>, default: usize) -> usize {
        usize::try_from(self.whole(key, range, default as u64)).unwrap_or(default)
    }

    /// Reads `auto` or a number of rows or steps within a range.
    pub(super) fn choice(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Choice<usize> {
        let Some(leaf) = self.leaf(key) else {
            return Choice::Auto;
        };
        match leaf.as_whole() {
            Some(n) if range.contains(&n) => Choice::Given(leaf.as_count()),
            _ if leaf.as_text().as_deref() == Some("auto") => Choice::Auto,
            _ => {
                let bound = format!("`auto` or a whole number from {} to {}", range.start(), range.end());
                self.wrong(key, &leaf, &bound);
                Choice::Auto
            }
        }
    }

    /// Reads a number within an interval.
    pub(super) fn number(&mut self, key: &'static str, interval: Interval, default: f64) -> f64 {
        let Some(leaf) = self.leaf(key) else { return default };
        leaf.as_number().filter(|x| (interval.holds)(*x)).unwrap_or_else(|| {
            self.wrong(key, &leaf, interval.text);
            default
        })
    }

    /// Reads a portion of the rows: a fraction, a number of rows, or a word.
    pub(super) fn portion(&mut self, key: &'static str, word: &str) -> Option<Portion> {
        let leaf = self.leaf(key)?;
        let portion = match leaf.value {
            Value::Integer(rows) if (1..=LARGEST.cast_signed()).contains(&rows) => {
                usize::try_from(rows).ok().map(Portion::Rows)
            }
            Value::Float(fraction) if fraction > 0.0 && fraction < 1.0 => Some(Portion::Fraction(fraction)),
            Value::String(ref text) if text == word => Some(Portion::Word),
            _ => None,
        };
        if portion.is_none() {
            let bound = format!("a fraction above 0 and below 1, a number of rows from 1, or \"{word}\"");
            self.wrong(key, &leaf, &bound);
        }
        portion
    }

    /// Reads one of some words; those in `later` are designed but not built.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], later: &[&str], default: T) -> T {
        let Some(leaf) = self.leaf(key) else { return default };
        let text = leaf.as_text().unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let allowed = words
            .iter()
            .map(|(word, _)| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
        if later.contains(&text.as_str()) {
            self.not_yet(key, &leaf, &allowed);
        } else if let [_] = words {
            self.wrong(key, &leaf, &allowed);
        } else {
            self.wrong(key, &leaf, &format!("one of {allowed}"));
        }
        default
    }

    /// Reads a list of texts; a single text counts as a list of one.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<(Leaf, Vec<String>)> {
        let leaf = self.leaf(key)?;
        let texts = match &leaf.value {
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>(),
            _ => leaf.as_text().map(|text| vec![text]),
        };
        if texts.is_none() {
            self.wrong(key, &leaf, "a list of texts");
        }
        Some((leaf, texts?))
    }
}

fn unknown(path: &str, node: &Node, known: &str, problems: &mut Problems) {
    match node {
        Node::Leaf(leaf) => {
            let fault = Fault::Unknown {
                known: known.to_owned(),
            };
            problems.add(&leaf.origin, path, &leaf.value.to_string(), fault);
        }
        Node::Section(fields) => unknown_fields(path, fields, known, problems),
    }
}

/// Notes every key that was not read, of a section or of the top of the spec, as unknown. Once the list of problems is full,
/// keys are only counted.
pub(super) fn unknown_fields(path: &str, fields: &Fields, known: &str, problems: &mut Problems) {
    for (key, node) in fields {
        if problems.is_full() {
            problems.skip();
        } else {
            unknown(&join(path, key), node, known, problems);
        }
    }
}
