//! Reads a resolved spec back, through the same check as what users write.

use serde::{Deserialize, Deserializer};

use super::{
    problem::{Fault, Problem, Problems, SpecErrors},
    resolve::check,
    resolved::Spec,
    tree::Tree,
};

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        stored(toml::Table::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Why a resolved spec cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum StoredSpecError {
    /// The document is not a JSON object.
    #[error("resolved spec is not one of ours")]
    Shape(#[source] serde_json::Error),
    /// A setting is unknown, out of range or not supported by this code.
    #[error("resolved spec is wrong")]
    Wrong(#[source] SpecErrors),
}

impl StoredSpecError {
    /// Returns whether newer code wrote the spec: it has a key or a setting that this code does not know.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        let newer = |problem: &Problem| matches!(problem.fault, Fault::Unknown { .. } | Fault::NotYet { .. });
        match self {
            Self::Shape(_) => false,
            Self::Wrong(SpecErrors(problems)) => problems.iter().any(newer),
        }
    }
}

impl Spec {
    /// Reads a resolved spec from its JSON.
    ///
    /// # Errors
    /// Fails if the JSON is not an object, or not a spec that this code accepts.
    pub fn from_json(json: &[u8]) -> Result<Self, StoredSpecError> {
        let table = serde_json::from_slice(json).map_err(StoredSpecError::Shape)?;
        stored(table).map_err(StoredSpecError::Wrong)
    }
}

fn stored(table: toml::Table) -> Result<Spec, SpecErrors> {
    let (mut tree, mut problems) = (Tree::new(), Problems::default());
    tree.merge_table(table, &std::sync::Arc::from("stored spec"), &mut problems);
    check(tree, problems)
}
