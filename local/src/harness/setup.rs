//! The bucket and the queues of a directory.

use std::collections::BTreeMap;

use contract::{Stage, keys};
use emulator::Emulator;

use super::BUCKET;

/// How long a received message is hidden, in seconds, before its handler says how long it needs.
const VISIBILITY_S: u32 = 60;

/// The ledger bounds attempts; only a message whose ledger cannot be found is received so often.
const MAX_RECEIVES: u32 = 1_000;

/// Creates the bucket and the queues. What exists already stays as it is.
pub(super) async fn bucket_and_queues(emulator: &Emulator) -> anyhow::Result<()> {
    let queues = emulator.queues();
    for stage in Stage::ALL {
        let (name, dead) = (format!("flits-{stage}"), format!("flits-{stage}-dlq"));
        queues.create(&dead, BTreeMap::new()).await?;
        let redrive = serde_json::json!({
            "deadLetterTargetArn": queues.arn(&dead), "maxReceiveCount": MAX_RECEIVES,
        });
        let attributes = [
            ("VisibilityTimeout", VISIBILITY_S.to_string()),
            ("RedrivePolicy", redrive.to_string()),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        queues.create(&name, attributes.into()).await?;
    }
    let uploads = queues.arn(&format!("flits-{}", Stage::Preprocess));
    emulator.objects().ensure_bucket(BUCKET, keys::RAW, &uploads).await?;
    Ok(())
}
