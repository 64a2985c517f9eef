//! Settings of a broker's client, by the names that its library gives them.

use std::{collections::BTreeMap, str::FromStr};

use platform::Secret;

/// The settings that stand elsewhere, and where.
const ELSEWHERE: [(&str, &str); 6] = [
    ("bootstrap.servers", "`--brokers` says it"),
    ("metadata.broker.list", "`--brokers` says it"),
    ("group.id", "`--group` says it"),
    ("enable.auto.commit", "offsets are committed after the hand-over"),
    ("enable.auto.offset.store", "offsets are committed after the hand-over"),
    ("enable.partition.eof", "nothing waits for the end of a partition"),
];

/// Settings of a client. Any value may be a secret, so none is printed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Properties(BTreeMap<String, Secret>);

/// One setting on a command line, as `name=value`.
#[derive(Clone, Debug)]
pub struct Property {
    name: String,
    value: Secret,
}

/// Why a text is no setting. The text itself is not told, since it may hold a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PropertyError {
    /// It has no name or no `=`.
    #[error("a property is not `name=value`")]
    Form,
    /// It stands elsewhere.
    #[error("`{name}` is no property here: {why}")]
    Elsewhere {
        /// The name.
        name: String,
        /// Where it stands.
        why: &'static str,
    },
    /// A line of a file is wrong.
    #[error("line {line}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: Box<PropertyError>,
    },
}

impl FromStr for Property {
    type Err = PropertyError;

    fn from_str(text: &str) -> Result<Self, PropertyError> {
        let (name, value) = text.split_once('=').ok_or(PropertyError::Form)?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return Err(PropertyError::Form);
        }
        if let Some((_, why)) = ELSEWHERE.into_iter().find(|(known, _)| *known == name) {
            let name = name.to_owned();
            return Err(PropertyError::Elsewhere { name, why });
        }
        Ok(Self {
            name: name.to_owned(),
            value: Secret::new(value.to_owned()),
        })
    }
}

impl Properties {
    /// Reads the text of a file: `name=value` lines, empty lines, and comments that begin with `#`.
    ///
    /// # Errors
    /// When a line is none of them, with its number.
    pub fn read(text: &str) -> Result<Self, PropertyError> {
        let mut properties = Self::default();
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let property = line.parse().map_err(|error| PropertyError::Line {
                line: number + 1,
                source: Box::new(error),
            })?;
            properties.set(property);
        }
        Ok(properties)
    }

    /// Sets one more, in place of an earlier one with its name.
    pub fn set(&mut self, Property { name, value }: Property) {
        self.0.insert(name, value);
    }

    /// Returns names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }
}

#[cfg(test)]
mod tests {
    use platform::error::chain;

    use super::*;

    #[test]
    fn a_file_has_lines_and_comments_and_the_command_line_wins() {
        let mut properties = Properties::read("# for tests\n\nsasl.username = ann\nsasl.password=a=b\n").unwrap();
        properties.set("sasl.username=bob".parse().unwrap());
        let all: Vec<_> = properties.iter().collect();
        assert_eq!(all, [("sasl.password", "a=b"), ("sasl.username", "bob")]);
    }

    #[test]
    fn what_is_wrong_is_named_without_the_value() {
        for (text, expected) in [
            ("a=1\nhunter2", "line 2: a property is not `name=value`"),
            ("=hunter2", "line 1: a property is not `name=value`"),
            (
                "group.id=hunter2",
                "line 1: `group.id` is no property here: `--group` says it",
            ),
            (
                "enable.auto.commit=hunter2",
                "line 1: `enable.auto.commit` is no property here: offsets are committed after the hand-over",
            ),
        ] {
            assert_eq!(chain(&Properties::read(text).unwrap_err()), expected);
        }
        let secret: Property = "sasl.password=hunter2".parse().unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
