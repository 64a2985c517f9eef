//! `flits sweep`: sends on what no message leads to any more.

use std::process::ExitCode;

use serde_json::json;
use sweep::{Asked, Swept};

use super::{
    args::SweepArgs,
    open,
    print::{print, print_json},
};

/// Sweeps a directory once.
///
/// # Errors
/// When the directory, the store or the queue cannot be used.
pub(super) async fn sweep(args: &SweepArgs) -> anyhow::Result<ExitCode> {
    let session = open::session(&args.at).await?;
    let swept = sweep::sweep(&Asked { deep: args.deep }, &session.platform).await;
    let goes_on = open::goes_on(&session);
    session.close().await;
    let swept = swept?;
    if args.at.json {
        let mut result = serde_json::to_value(swept)?;
        result["event"] = json!("result");
        result["ok"] = json!(true);
        print_json(&result);
    } else {
        print(&text(&swept));
        if swept.resent + swept.taken_over + swept.failed + swept.uploads > 0 {
            print(&format!("messages are sent{goes_on}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(swept: &Swept) -> String {
    let Swept {
        listed,
        read,
        resent,
        taken_over,
        failed,
        uploads,
        skipped,
    } = swept;
    let mut lines = vec![format!("{listed} ledgers and uploads listed, {read} ledgers read")];
    for (count, what) in [
        (resent, "ended jobs: what comes next is sent"),
        (taken_over, "jobs without a worker: their message is sent again"),
        (failed, "jobs with too many attempts: failed"),
        (uploads, "uploads that nothing began with: their event is sent"),
        (skipped, "ledgers that cannot be read or helped"),
    ] {
        if *count > 0 {
            lines.push(format!("  {count} {what}"));
        }
    }
    lines.join("\n")
}
