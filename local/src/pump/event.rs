//! The event that Lambda makes of a batch, and what the answer means.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contract::Stage;
use emulator::ACCOUNT;
use md5::{Digest as _, Md5};
use platform::Delivered;

/// Makes the event of one batch.
pub(super) fn of(stage: Stage, batch: &[Delivered], region: &str) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = batch.iter().map(|delivered| record(stage, delivered, region)).collect();
    event
}

fn record(stage: Stage, delivered: &Delivered, region: &str) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(delivered.id.clone());
    record.receipt_handle = Some(delivered.handle.clone());
    record.md5_of_body = Some(hex::encode(Md5::digest(&delivered.body)));
    record.body = Some(delivered.body.clone());
    record.attributes.insert(
        "ApproximateReceiveCount".to_owned(),
        delivered.receive_count.to_string(),
    );
    if let Some(sent) = delivered.sent {
        record
            .attributes
            .insert("SentTimestamp".to_owned(), (sent * 1_000).to_string());
    }
    record.event_source = Some("aws:sqs".to_owned());
    record.event_source_arn = Some(format!("arn:aws:sqs:{region}:{ACCOUNT}:flits-{stage}"));
    record.aws_region = Some(region.to_owned());
    record
}

/// Returns the deliveries that are done. As in Lambda, an answer that names an empty or unknown message id means that
/// the whole batch failed.
pub(super) fn succeeded<'b>(batch: &'b [Delivered], response: &SqsBatchResponse) -> Vec<&'b Delivered> {
    let failed: Vec<&str> = response
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.as_str())
        .collect();
    if failed
        .iter()
        .any(|id| batch.iter().all(|delivered| delivered.id != *id))
    {
        return Vec::new();
    }
    batch
        .iter()
        .filter(|delivered| !failed.contains(&delivered.id.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(id: &str) -> Delivered {
        Delivered {
            id: id.to_owned(),
            body: "hello".to_owned(),
            handle: format!("h-{id}"),
            receive_count: 3,
            sent: None,
        }
    }

    #[test]
    fn an_event_reads_like_the_services_own() {
        let event = of(Stage::Train, &[delivered("a")], "eu-west-1");
        let json = serde_json::to_value(&event).unwrap();
        let record = &json["Records"][0];
        for (field, value) in [
            ("messageId", "a"),
            ("receiptHandle", "h-a"),
            ("body", "hello"),
            ("md5OfBody", "5d41402abc4b2a76b9719d911017c592"),
            ("eventSource", "aws:sqs"),
            ("eventSourceARN", "arn:aws:sqs:eu-west-1:000000000000:flits-train"),
            ("awsRegion", "eu-west-1"),
        ] {
            assert_eq!(record[field], value, "{field}");
        }
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "3");
    }

    #[test]
    fn what_an_answer_does_not_list_is_done_and_a_garbled_one_means_nothing_is() {
        let batch = ["a", "b", "c"].map(delivered);
        for (failed, done) in [
            (vec![], vec!["a", "b", "c"]),
            (vec!["b"], vec!["a", "c"]),
            (vec!["a", "b", "c"], vec![]),
            (vec![""], vec![]),
            (vec!["a", "unknown"], vec![]),
        ] {
            let mut response = SqsBatchResponse::default();
            for id in &failed {
                response.add_failure(*id);
            }
            let seen: Vec<_> = succeeded(&batch, &response).iter().map(|one| one.id.as_str()).collect();
            assert_eq!(seen, done, "{failed:?}");
        }
    }
}
