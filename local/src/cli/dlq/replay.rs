//! Puts dead letters back on the queue of their stage.

use anyhow::{bail, ensure};
use contract::Stage;
use platform::{
    Platform,
    front::{self, Preview},
    walk,
};
use serde::Serialize;

use super::letters::{About, Letter, Letters, Place};

/// A letter that was put back.
#[derive(Serialize)]
pub(super) struct Replayed {
    pub stage: Stage,
    pub id: String,
    /// Whether its job had failed for good and was opened again.
    pub reopened: bool,
}

/// A letter that cannot be put back.
#[derive(Serialize)]
pub(super) struct Left {
    pub id: String,
    pub why: String,
}

/// Puts back one letter, by the beginning of its id, or all of them. Each is sent before it is deleted, so a crash in
/// between leaves it twice, and whoever receives it twice notices.
///
/// # Errors
/// When there is no such letter, or the store or a queue does not answer.
pub(super) async fn replay(
    letters: Letters,
    id: Option<&str>,
    platform: &Platform,
) -> anyhow::Result<(Vec<Replayed>, Vec<Left>)> {
    let (mut replayed, mut left) = (Vec::new(), Vec::new());
    let done = async {
        let wanted = wanted(&letters.letters, id)?;
        for letter in wanted {
            match put_back(letter, &letters, platform).await? {
                Ok(one) => replayed.push(one),
                Err(one) => left.push(one),
            }
        }
        anyhow::Ok(())
    };
    let done = done.await;
    // The handles of letters that were deleted are void, which is no harm.
    letters.give_back().await;
    done?;
    Ok((replayed, left))
}

fn wanted<'a>(letters: &'a [Letter], id: Option<&str>) -> anyhow::Result<Vec<&'a Letter>> {
    let Some(id) = id else {
        return Ok(letters.iter().collect());
    };
    let found: Vec<&Letter> = letters.iter().filter(|letter| letter.id.starts_with(id)).collect();
    ensure!(
        found.len() < 2,
        "`{id}` begins the ids of {} dead letters; give more of it",
        found.len()
    );
    if found.is_empty() {
        bail!("no id of the {} dead letters begins with `{id}`", letters.len());
    }
    Ok(found)
}

async fn put_back(letter: &Letter, letters: &Letters, platform: &Platform) -> anyhow::Result<Result<Replayed, Left>> {
    let Some(stage) = letter.stage() else {
        return Ok(Err(Left {
            id: letter.id.clone(),
            why: "its body is no message and no event, so no stage can receive it".to_owned(),
        }));
    };
    let reopened = reopen(letter, platform).await?;
    platform.outbox.send(stage, std::slice::from_ref(&letter.body)).await?;
    match (&letter.place, &letters.queue) {
        (Place::Queue { stage, handle }, Some(queue)) => queue.delete(*stage, handle).await?,
        (Place::Bucket { key }, _) => platform.store.delete(key).await?,
        (Place::Queue { .. }, None) => {}
    }
    Ok(Ok(Replayed {
        stage,
        id: letter.id.clone(),
        reopened,
    }))
}

/// Opens the failed job of a letter again, so that its message claims it. Returns whether one had failed.
async fn reopen(letter: &Letter, platform: &Platform) -> anyhow::Result<bool> {
    let store = platform.store.as_ref();
    let mut reopened = false;
    match &letter.about {
        About::Message { job, .. } => reopened = walk::replay(store, *job).await?,
        About::Uploads { uploads } => {
            for upload in uploads.iter().filter(|upload| upload.bucket == platform.host.bucket) {
                let job = match front::preview(&upload.key, platform).await? {
                    Preview::Job(message) => message.job,
                    Preview::Event(event) => event.job,
                    Preview::Nothing(_) => continue,
                };
                reopened |= walk::replay(store, job).await?;
            }
        }
        About::Unreadable { .. } => {}
    }
    Ok(reopened)
}
