//! The sources of a spec: TOML texts, environment variables and `--set` pairs.

use std::sync::Arc;

use super::{
    overrides,
    problem::{Fault, Problems},
    tree::Tree,
};

/// The largest text of one layer, in bytes: a file, all `--set` pairs, or all of the predecessor's variables.
pub const MAX_TEXT: usize = 1 << 20;

/// One source of settings. A later layer wins over an earlier one, key by key.
#[derive(Clone, Debug)]
pub struct Layer {
    name: String,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Toml(String),
    Environment(Vec<(String, String)>),
    Set(Vec<(String, String)>),
}

impl Layer {
    /// Makes a layer of a TOML text. Error messages call it `name`, for example its object key.
    #[must_use]
    pub fn toml(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            source: Source::Toml(text.to_owned()),
        }
    }

    /// Makes a layer of environment variables. Only the predecessor's names are read, those of [`overrides::TABLE`].
    #[must_use]
    pub fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let source = Source::Environment(variables.into_iter().collect());
        Self {
            name: "environment variable".to_owned(),
            source,
        }
    }

    /// Makes a layer of `--set` pairs, each a dotted path and a value.
    #[must_use]
    pub fn set(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            name: "--set".to_owned(),
            source: Source::Set(pairs.into_iter().collect()),
        }
    }

    /// Merges the layer over what the tree holds.
    pub(super) fn merge_into(&self, tree: &mut Tree, problems: &mut Problems) {
        let have = self.source.bytes();
        if have > MAX_TEXT {
            let bound = Fault::Bound(format!("at most {MAX_TEXT} bytes"));
            problems.add(&self.name, "", &format!("{have} bytes"), bound);
            return;
        }
        let origin = Arc::from(self.name.as_str());
        match &self.source {
            Source::Toml(text) => match text.parse::<toml::Table>() {
                Ok(table) => tree.merge_table(table, &origin, problems),
                Err(error) => problems.add(&self.name, "", "", not_toml(text, &error)),
            },
            Source::Environment(variables) => overrides::apply(variables, tree, problems),
            Source::Set(pairs) => {
                for (path, text) in pairs {
                    tree.merge_pair(path, text, &origin, problems);
                }
            }
        }
    }
}

impl Source {
    /// Counts the bytes that are read.
    fn bytes(&self) -> usize {
        let read = |name: &str| overrides::TABLE.iter().any(|row| row.name == name);
        match self {
            Self::Toml(text) => text.len(),
            Self::Environment(pairs) => {
                let read = pairs.iter().filter(|(name, _)| read(name));
                read.map(|(name, value)| name.len() + value.len()).sum()
            }
            Self::Set(pairs) => pairs.iter().map(|(path, value)| path.len() + value.len()).sum(),
        }
    }
}

fn not_toml(text: &str, error: &toml::de::Error) -> Fault {
    let line = error
        .span()
        .map_or(0, |span| text[..span.start].matches('\n').count() + 1);
    Fault::Syntax(format!("is not TOML at line {line}: {}", error.message()))
}
