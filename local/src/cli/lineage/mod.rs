//! `flits lineage`: from a forecast back to the bytes that were uploaded.

mod nodes;
mod subject;
mod trace;
mod uploads;

use anyhow::bail;
use contract::text;
use platform::Store;
use serde_json::json;

use self::nodes::{CleanNode, Lineage, Node};
use super::print::{print, print_json};

/// Prints what an object was made from.
///
/// # Errors
/// When the store does not answer, there is no such object, or a link to the uploaded bytes is missing. In the last case
/// what is known is printed before.
pub(super) async fn lineage(store: &dyn Store, asked: &str, json: bool) -> anyhow::Result<()> {
    let subject = subject::subject(store, asked).await?;
    let lineage = trace::trace(store, subject).await?;
    if json {
        let mut result = serde_json::to_value(&lineage)?;
        result["event"] = json!("result");
        result["ok"] = json!(lineage.missing.is_empty());
        result["asked"] = json!(asked);
        print_json(&result);
    } else {
        print(&tree(&lineage));
    }
    match lineage.missing.as_slice() {
        [] => Ok(()),
        [first, ..] => bail!("the way to the uploaded bytes is broken: {}", text::lines(first)),
    }
}

/// Writes the lineage as a tree: below each object stand those that it was made from.
fn tree(lineage: &Lineage) -> String {
    let mut lines = Vec::new();
    let mut depth = 0;
    let mut line = |depth: usize, what: &str, node: &Node, about: &str| {
        let gone = if node.stored { "" } else { "  (gone)" };
        let about = if about.is_empty() {
            String::new()
        } else {
            format!("  {about}")
        };
        lines.push(format!(
            "{:depth$}{what}  {}{about}{gone}",
            "",
            node.key,
            depth = 2 * depth
        ));
    };
    if let Some(forecast) = &lineage.forecast {
        line(depth, "forecast", &forecast.node, &forecast.about);
        depth += 1;
    }
    if let Some(champion) = &lineage.champion {
        let about = format!(
            "{}, generation {}: {}",
            champion.member, champion.generation, champion.reason
        );
        line(depth, "champion", &champion.node, &about);
        depth += 1;
        line(depth, "spec", &champion.spec, "");
    }
    if let Some(model) = &lineage.model {
        line(depth, "model", &model.node, &model.kind);
        depth += 1;
        if let Some(parent) = &model.parent {
            line(depth, "parent", parent, "scored, then fitted again on all rows");
        }
    }
    if let Some(cut) = &lineage.cut {
        line(depth, "cut", cut, "");
        depth += 1;
    }
    for CleanNode {
        node, role, uploads, ..
    } in &lineage.clean
    {
        line(depth, "clean", node, role);
        for upload in uploads {
            let about = format!(
                "version {}, {} bytes, sha256 {}",
                upload.version, upload.size, upload.digest
            );
            line(depth + 1, "upload", &upload.node, &about);
        }
    }
    lines.extend(lineage.missing.iter().map(|missing| format!("missing: {missing}")));
    lines.join("\n")
}
