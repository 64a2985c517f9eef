//! `flits dlq`: what queues and hosts set aside, and how it is put back.

mod letters;
mod replay;

use std::process::ExitCode;

use contract::text;
use platform::Platform;
use serde_json::json;

use self::letters::{About, Letter, Letters};
use super::{
    args::{DlqAction, DlqArgs},
    open,
    print::{print, print_json},
};

/// Lists dead letters, or puts them back.
///
/// # Errors
/// When the directory, the store or a queue cannot be used, or there is no such letter.
pub(super) async fn dlq(args: &DlqArgs) -> anyhow::Result<ExitCode> {
    let (DlqAction::List { at } | DlqAction::Replay { at, .. }) = &args.action;
    let session = open::session(at).await?;
    let done = match &args.action {
        DlqAction::List { at } => list(&session.platform, at.json).await,
        DlqAction::Replay { id, at, .. } => {
            let goes_on = open::goes_on(&session);
            replay(id.as_deref(), goes_on, &session.platform, at.json).await
        }
    };
    session.close().await;
    done
}

async fn list(platform: &Platform, as_json: bool) -> anyhow::Result<ExitCode> {
    let letters = Letters::collect(platform).await;
    // Given back before an error is reported: what was looked at is visible again at once.
    let letters = match letters {
        Ok(letters) => letters.give_back().await,
        Err(error) => return Err(error),
    };
    for letter in &letters {
        let why = letters::failure(letter, platform).await?;
        if as_json {
            print_json(&json!({
                "event": "dead", "stage": letter.stage(), "id": letter.id, "at": letter.at, "about": letter.about,
                "received": letter.received, "why": why,
            }));
        } else {
            print(&line(letter, why.as_deref()));
        }
    }
    if as_json {
        print_json(&json!({"event": "result", "ok": true, "dead": letters.len()}));
    } else {
        print(&format!("{} dead letters", letters.len()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(id: Option<&str>, goes_on: &str, platform: &Platform, as_json: bool) -> anyhow::Result<ExitCode> {
    let letters = Letters::collect(platform).await?;
    let (replayed, left) = replay::replay(letters, id, platform).await?;
    let ok = left.is_empty();
    if as_json {
        print_json(&json!({"event": "result", "ok": ok, "replayed": replayed, "left": left}));
    } else {
        for one in &replayed {
            let reopened = if one.reopened {
                ", its failed job is opened again"
            } else {
                ""
            };
            print(&format!("{} to {}{reopened}", one.id, one.stage));
        }
        for one in &left {
            print(&format!("{} stays: {}", one.id, text::lines(&one.why)));
        }
        print(&format!("{} put back{goes_on}", replayed.len()));
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes a letter for a person.
fn line(letter: &Letter, why: Option<&str>) -> String {
    let stage = letter.stage().map_or("unknown", contract::Stage::name);
    let about = match &letter.about {
        About::Message {
            job,
            dataset,
            hop,
            model,
            ..
        } => {
            let model = model.as_ref().map(|model| format!(" {model}")).unwrap_or_default();
            format!("job {}{model} of `{dataset}`, hop {hop}", job.short())
        }
        About::Uploads { uploads } => {
            let keys = uploads
                .iter()
                .map(|upload| format!("`{}/{}`", upload.bucket, upload.key));
            format!("event of {}", keys.collect::<Vec<_>>().join(", "))
        }
        About::Unreadable { .. } => "a body that is no message and no event".to_owned(),
    };
    let at = letter.at.as_deref().unwrap_or("at an unknown time");
    let received = letter
        .received
        .map(|count| format!(", received {count} times"))
        .unwrap_or_default();
    let why = why.map(|why| format!("\n  {}", text::lines(why))).unwrap_or_default();
    format!("{}  {stage}  {at}  {about}{received}{why}", letter.id)
}
