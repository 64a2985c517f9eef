//! The event that Lambda's poller makes of a batch.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use contract::Stage;
use emulator::ACCOUNT;
use md5::{Digest as _, Md5};
use platform::{Delivered, serve::event_of};

/// Makes the event of one batch.
pub(super) fn of(stage: Stage, batch: &[Delivered], region: &str) -> SqsEvent {
    let mut event = event_of(batch);
    for record in &mut event.records {
        complete(record, stage, region);
    }
    event
}

/// Adds what our own code does not read of a record, but others do.
fn complete(record: &mut SqsMessage, stage: Stage, region: &str) {
    let body = record.body.as_deref().unwrap_or_default();
    record.md5_of_body = Some(hex::encode(Md5::digest(body)));
    record.event_source = Some("aws:sqs".to_owned());
    record.event_source_arn = Some(format!("arn:aws:sqs:{region}:{ACCOUNT}:flits-{stage}"));
    record.aws_region = Some(region.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_like_the_services_own() {
        let delivered = Delivered {
            id: "a".to_owned(),
            body: "hello".to_owned(),
            handle: "h-a".to_owned(),
            receive_count: 3,
            sent: None,
        };
        let event = of(Stage::Train, &[delivered], "eu-west-1");
        let json = serde_json::to_value(&event).unwrap();
        let record = &json["Records"][0];
        for (field, value) in [
            ("messageId", "a"),
            ("body", "hello"),
            ("md5OfBody", "5d41402abc4b2a76b9719d911017c592"),
            ("eventSource", "aws:sqs"),
            ("eventSourceARN", "arn:aws:sqs:eu-west-1:000000000000:flits-train"),
            ("awsRegion", "eu-west-1"),
        ] {
            assert_eq!(record[field], value, "{field}");
        }
    }
}
