//! Goes back from an object to what it was made from, link by link.

use anyhow::bail;
use contract::{CutDocument, Digest, Entry, ForecastDocument, ForecastKind, PartId, SelectDocument, keys};
use forecast::Artifact;
use platform::{
    Store, StoreError,
    documents::{is_there, read, read_blob, read_named},
    error::chain,
};
use serde::Deserialize;

use super::{
    nodes::{ChampionNode, CleanNode, ForecastNode, Lineage, ModelNode, Node},
    subject::{Object, Subject},
    uploads,
};

/// The largest artifact that is read, in bytes.
const MAX_ARTIFACT: u64 = 1 << 30;

/// The documents under `forecasts/`.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyForecast {
    Forecast(Box<ForecastDocument>),
    Select(SelectDocument),
}

/// What is known while the way back is made.
struct Tracing<'a> {
    store: &'a dyn Store,
    part: PartId,
    lineage: Lineage,
    entry: Option<Entry>,
}

/// Goes back from an object to the uploads.
///
/// # Errors
/// When the object itself is missing or damaged, or the store does not answer.
pub(super) async fn trace(store: &dyn Store, subject: Subject) -> anyhow::Result<Lineage> {
    let Subject { dataset, part, object } = subject;
    let mut tracing = Tracing {
        store,
        part,
        entry: None,
        lineage: Lineage {
            dataset,
            forecast: None,
            champion: None,
            model: None,
            cut: None,
            clean: Vec::new(),
            missing: Vec::new(),
        },
    };
    match object {
        Object::Forecast(digest) => tracing.forecast(digest).await?,
        Object::Champion(generation) => {
            tracing.champion(generation).await?;
            let Some(artifact) = tracing.entry.as_ref().map(|entry| entry.artifact) else {
                bail!(tracing.lineage.missing.join("; "))
            };
            tracing.model(artifact).await?;
        }
        Object::Model(digest) => {
            tracing.model(digest).await?;
            tracing.exists(|lineage| lineage.model.as_ref().is_some_and(|model| model.node.stored))?;
        }
        Object::Cut(digest) => {
            tracing.cut(Some(digest)).await?;
            tracing.exists(|lineage| lineage.cut.as_ref().is_some_and(|cut| cut.stored))?;
        }
        Object::Clean(digest) => tracing.clean(digest, "asked for").await?,
    }
    Ok(tracing.lineage)
}

impl Tracing<'_> {
    async fn forecast(&mut self, digest: Digest) -> anyhow::Result<()> {
        let key = keys::forecast(&self.lineage.dataset, self.part, digest);
        let document: AnyForecast = read_named(self.store, &key, digest).await?;
        let node = Node { key, stored: true };
        match document {
            AnyForecast::Forecast(document) => {
                let (kind, steps) = (document.kind, document.times.len());
                let about = match kind {
                    ForecastKind::Future => {
                        format!("{steps} steps after {}", series::rfc3339(document.origin))
                    }
                    ForecastKind::Holdout => format!("{steps} steps of a holdout"),
                };
                self.lineage.forecast = Some(ForecastNode { node, about });
                if let Some(generation) = document.generation {
                    self.champion(generation).await?;
                }
                let named = self.entry.as_ref().map(|entry| entry.artifact);
                if let Some(named) = named.filter(|named| *named != document.artifact) {
                    self.lineage.missing.push(format!(
                        "the forecast was made with the model {}, but its generation names {}",
                        document.artifact.short(),
                        named.short()
                    ));
                    self.entry = None;
                }
                self.model(document.artifact).await?;
                self.clean(document.clean, "history of the forecast").await?;
            }
            AnyForecast::Select(document) => {
                let about = format!("{} forecasts of the rows that select", document.origins.len());
                self.lineage.forecast = Some(ForecastNode { node, about });
                self.model(document.artifact).await?;
            }
        }
        Ok(())
    }

    async fn champion(&mut self, generation: u64) -> anyhow::Result<()> {
        let dataset = &self.lineage.dataset;
        let key = keys::champion_entry(dataset, self.part, generation);
        let Some(entry) = known(
            read::<Entry>(self.store, &key)
                .await
                .map(|found| found.map(|(entry, _)| entry)),
            &key,
        )?
        .unwrap_or_else(|why| {
            self.lineage.missing.push(why);
            None
        }) else {
            return Ok(());
        };
        let spec = self.node(keys::resolved(&self.lineage.dataset, entry.spec)).await?;
        self.lineage.champion = Some(ChampionNode {
            node: Node { key, stored: true },
            generation,
            kind: entry.kind,
            member: entry.member.clone(),
            round: entry.round,
            reason: entry.reason.clone(),
            spec,
        });
        self.entry = Some(entry);
        Ok(())
    }

    async fn model(&mut self, digest: Digest) -> anyhow::Result<()> {
        let key = keys::artifact(&self.lineage.dataset, self.part, digest);
        let bytes = known(read_blob(self.store, &key, digest, MAX_ARTIFACT).await.map(Some), &key)?;
        let about = match bytes {
            Ok(Some(bytes)) => match Artifact::parse(&bytes) {
                Ok(artifact) => Some(artifact.about),
                Err(error) => {
                    self.lineage
                        .missing
                        .push(format!("`{key}` is damaged: {}", chain(&error)));
                    None
                }
            },
            Ok(None) => None,
            Err(why) => {
                self.lineage.missing.push(why);
                None
            }
        };
        let of_entry = self.entry.as_ref().map(|entry| (entry.sample, entry.parent));
        let parent = match (&about, of_entry) {
            (Some(about), _) => about.parent.as_ref().and_then(|parent| parent.parse().ok()),
            (None, parent) => parent.and_then(|(_, parent)| parent),
        };
        let parent = match parent {
            Some(parent) => Some(
                self.node(keys::artifact(&self.lineage.dataset, self.part, parent))
                    .await?,
            ),
            None => None,
        };
        let cut = match &about {
            Some(about) => about.cut.parse().ok(),
            None => of_entry.map(|(sample, _)| sample),
        };
        self.lineage.model = Some(ModelNode {
            node: Node {
                key,
                stored: about.is_some(),
            },
            digest,
            kind: about.map(|about| about.kind).unwrap_or_default(),
            parent,
        });
        self.cut(cut).await
    }

    /// Goes on from a cut; without one, or where it is gone, from the clean part that the champion's entry names.
    async fn cut(&mut self, digest: Option<Digest>) -> anyhow::Result<()> {
        let mut clean = self.entry.as_ref().map(|entry| entry.clean);
        if let Some(digest) = digest {
            let key = keys::cut(&self.lineage.dataset, self.part, digest);
            let cut = known(
                read_named::<CutDocument>(self.store, &key, digest).await.map(Some),
                &key,
            )?;
            let stored = cut.is_ok();
            match cut {
                Ok(cut) => clean = cut.map(|cut| cut.clean),
                Err(why) if clean.is_none() => self.lineage.missing.push(why),
                Err(_) => {}
            }
            self.lineage.cut = Some(Node { key, stored });
        }
        match clean {
            Some(clean) => self.clean(clean, "training").await,
            None => Ok(()),
        }
    }

    async fn clean(&mut self, digest: Digest, role: &str) -> anyhow::Result<()> {
        if let Some(there) = self.lineage.clean.iter_mut().find(|there| there.digest == digest) {
            there.role = format!("{}, {role}", there.role);
            return Ok(());
        }
        let node = self.node(keys::clean(&self.lineage.dataset, self.part, digest)).await?;
        let known = self.entry.as_ref().map(|entry| (entry.spec, entry.round));
        let found = uploads::of_clean(self.store, &self.lineage.dataset, digest, known).await?;
        if let Some(why) = &found.missing {
            self.lineage.missing.push(format!("`{}`: {why}", node.key));
        }
        self.lineage.clean.push(CleanNode {
            node,
            digest,
            role: role.to_owned(),
            manifest: found.manifest,
            uploads: found.uploads,
        });
        Ok(())
    }

    async fn node(&self, key: String) -> anyhow::Result<Node> {
        let stored = is_there(self.store, &key).await?;
        Ok(Node { key, stored })
    }

    /// Fails if the object that was asked for is not there.
    fn exists(&self, is_there: impl Fn(&Lineage) -> bool) -> anyhow::Result<()> {
        if is_there(&self.lineage) {
            return Ok(());
        }
        bail!(self.lineage.missing.join("; "))
    }
}

/// Takes apart what reading a link brought: the object, or in words why there is none.
///
/// # Errors
/// When the store does not answer.
fn known<T>(answer: Result<Option<T>, StoreError>, key: &str) -> anyhow::Result<Result<Option<T>, String>> {
    match answer {
        Ok(Some(found)) => Ok(Ok(Some(found))),
        Ok(None) | Err(StoreError::NotFound { .. }) => Ok(Err(format!("`{key}` is gone"))),
        Err(error @ (StoreError::Damaged { .. } | StoreError::Newer { .. } | StoreError::TooLarge { .. })) => {
            Ok(Err(chain(&error)))
        }
        Err(error) => Err(error.into()),
    }
}
