//! Opens a directory without running functions.

use std::process::ExitCode;

use platform::Store;

use super::args::DirArgs;
use crate::harness::{Harness, Options, Session};

/// Opens a session on a directory that exists, or on servers that stand elsewhere.
///
/// # Errors
/// When the directory does not exist or cannot be used.
pub(super) async fn session(at: &DirArgs) -> anyhow::Result<Session> {
    let elsewhere = at.elsewhere();
    anyhow::ensure!(
        elsewhere.is_some() || at.dir.is_dir(),
        "`{}` does not exist; begin with `flits run FILE`",
        at.dir.display()
    );
    Harness::new(Options::new(&at.dir).elsewhere(elsewhere)).session().await
}

/// Returns what a person has to know after a message was sent: who works on it, if nobody does yet.
pub(super) fn goes_on(session: &Session) -> &'static str {
    if session.is_holder() {
        "; `flits up` or `flits run` goes on from here"
    } else {
        ""
    }
}

/// Opens a directory, reads from its store, and closes it again.
///
/// # Errors
/// When the directory cannot be opened, and what reading returns.
pub(super) async fn reading(
    at: &DirArgs,
    read: impl AsyncFnOnce(&dyn Store) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let session = session(at).await?;
    let done = read(session.platform.store.as_ref()).await;
    session.close().await;
    done.map(|()| ExitCode::SUCCESS)
}
