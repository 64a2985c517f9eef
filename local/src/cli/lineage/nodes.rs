//! The objects on the way from a forecast to the uploaded bytes, as programs read them.

use contract::{Dataset, DecisionKind, Digest, MemberName, RoundId};
use serde::Serialize;

/// What an object was made from, as far as it is known.
#[derive(Serialize)]
pub(super) struct Lineage {
    pub dataset: Dataset,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastNode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionNode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelNode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Node>,
    /// The clean parts: that of the training rows, and that of the forecast's history where it is another one.
    pub clean: Vec<CleanNode>,
    /// Why the way to the uploaded bytes ends before them; empty if it does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// An object of the bucket.
#[derive(Clone, Serialize)]
pub(super) struct Node {
    pub key: String,
    /// Whether it is still stored. Retention may take objects away that later ones name by their digest.
    pub stored: bool,
}

/// A forecast.
#[derive(Serialize)]
pub(super) struct ForecastNode {
    #[serde(flatten)]
    pub node: Node,
    /// What is forecast, for people.
    pub about: String,
}

/// An entry of the champion log.
#[derive(Serialize)]
pub(super) struct ChampionNode {
    #[serde(flatten)]
    pub node: Node,
    pub generation: u64,
    pub kind: DecisionKind,
    pub member: MemberName,
    pub round: RoundId,
    pub reason: String,
    /// The resolved spec of the champion.
    pub spec: Node,
}

/// A fitted model.
#[derive(Serialize)]
pub(super) struct ModelNode {
    #[serde(flatten)]
    pub node: Node,
    pub digest: Digest,
    /// The kind of model, such as `linear`; empty where the model is gone.
    pub kind: String,
    /// The scored model whose settings were fitted again on all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Node>,
}

/// A clean part and the uploads that it was made from.
#[derive(Serialize)]
pub(super) struct CleanNode {
    #[serde(flatten)]
    pub node: Node,
    pub digest: Digest,
    /// What it was used for, for people.
    pub role: String,
    /// The manifest of the work that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    pub uploads: Vec<UploadNode>,
}

/// One version of an uploaded object.
#[derive(Serialize)]
pub(super) struct UploadNode {
    /// The object; not stored if it was deleted, or replaced by a later version.
    #[serde(flatten)]
    pub node: Node,
    /// The version id, or the `ETag` if the bucket keeps no versions.
    pub version: String,
    /// The size in bytes.
    pub size: u64,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The key of its receipt.
    pub receipt: String,
}
