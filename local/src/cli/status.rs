//! `flits status`: how far each dataset has come.

use anyhow::bail;
use contract::text;
use gateway::{DatasetStatus, RUNNING};
use platform::Store;

use super::{
    print::{print, print_json},
    result::failure_text,
};

/// Prints how far each dataset, or one of them, has come.
///
/// # Errors
/// When the store does not answer, or the dataset has never been seen.
pub(super) async fn status(store: &dyn Store, only: Option<&str>, json: bool) -> anyhow::Result<()> {
    let statuses = gateway::statuses(store, only).await?;
    if let Some(only) = only.filter(|_| statuses.is_empty()) {
        let only = text::plain(only);
        bail!("dataset `{only}` has no uploads and no failures here");
    }
    for status in &statuses {
        if json {
            print_json(status);
        } else {
            print(&status_text(status));
        }
    }
    if statuses.is_empty() && !json {
        print("no uploads here yet; begin with `flits run FILE`");
    }
    Ok(())
}

fn status_text(status: &DatasetStatus) -> String {
    let mut lines = match (status.dataset.as_str(), status.uploads) {
        (RUNNING, _) => vec![RUNNING.to_owned()],
        (dataset, 1) => vec![format!("{dataset}: 1 uploaded object")],
        (dataset, uploads) => vec![format!("{dataset}: {uploads} uploaded objects")],
    };
    if let Some(champion) = &status.champion {
        lines.push(format!(
            "champion {} (generation {})",
            champion.model, champion.generation
        ));
    }
    lines.extend(status.forecast.iter().map(|key| format!("forecast {key}")));
    lines.extend(status.running.iter().cloned());
    lines.extend(
        status
            .failed
            .iter()
            .map(|failure| format!("failed: {}", failure_text(failure))),
    );
    lines.join("\n  ")
}
