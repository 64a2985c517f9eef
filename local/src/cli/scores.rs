//! `flits scores`: the scores of a dataset's newest round.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use contract::{CutDocument, Dataset, Entry, PartId, Round, keys, text};
use gateway::Champion;
use platform::{Store, bucket};
use series::Scores;

use super::{
    lengths,
    print::{print, print_json},
    result::scores_table,
    watch,
};

/// Prints the scores of a dataset's newest decided round.
///
/// # Errors
/// When the store does not answer, or no round of the dataset is decided.
pub(super) async fn scores(store: &dyn Store, dataset: &Dataset, json: bool) -> anyhow::Result<()> {
    let entry = bucket::champion(store, dataset).await?;
    let entry = entry.with_context(|| format!("dataset `{dataset}` has no decided round here"))?;
    let round = watch::round(store, dataset, PartId::WHOLE, entry.round).await?;
    let round = round.with_context(|| format!("the round {} is gone", entry.round))?;
    let (mut scores, mut out) = (BTreeMap::new(), BTreeMap::new());
    for outcome in &round.outcomes {
        let name = outcome.member.to_string();
        scores.extend(outcome.scores.clone().map(|scores| (name.clone(), scores)));
        out.extend(outcome.failed.clone().map(|why| (name, why)));
    }
    let key = keys::cut(dataset, PartId::WHOLE, round.round.cut);
    let cut: Option<CutDocument> = bucket::read(store, &key).await?;
    let steps = cut.map(|cut| (cut.cut.scored_steps(), cut.served));
    if json {
        print_json(&serde_json::json!({
            "event": "scores", "dataset": dataset, "round": entry.round, "metric": entry.metric, "reason": entry.reason,
            "champion": Champion::of(&entry), "scores": scores, "out": out,
            "scored": steps.map(|(scored, _)| scored), "served": steps.map(|(_, served)| served),
        }));
    } else {
        print(&scores_table(&scores, &out, Some(entry.member.as_str())));
        print(&format!(
            "{} reigns in generation {}: {}",
            entry.member,
            entry.generation,
            text::lines(&entry.reason)
        ));
        print(&margin_text(&scores, &round.round, &entry));
        if let Some(words) = steps.and_then(|(scored, served)| lengths::apart(scored, served)) {
            print(&words);
        }
    }
    Ok(())
}

/// Returns a line that says by how much the champion beats the better baseline of its round.
fn margin_text(scores: &BTreeMap<String, Scores>, round: &Round, entry: &Entry) -> String {
    let (Some(score), Some(baseline)) = (entry.score, entry.baseline_score) else {
        return String::new();
    };
    let names: BTreeSet<&str> = round.baselines.iter().map(contract::MemberName::as_str).collect();
    if names.contains(entry.member.as_str()) {
        return format!(
            "no model beats the better baseline ({} {baseline:.4}) by the margin",
            entry.metric
        );
    }
    if !scores.contains_key(entry.member.as_str()) {
        return String::new();
    }
    format!(
        "{:.1} % better than the better baseline ({} {score:.4} against {baseline:.4})",
        (1.0 - score / baseline) * 100.0,
        entry.metric
    )
}
