//! What a queue delivered, as the event of one batch, and what an answer says about it.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};

use crate::ports::Delivered;

/// Returns the event of a batch, with what [`handle_batch`](super::handle_batch) reads of each record.
#[must_use]
pub fn event_of(batch: &[Delivered]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = batch.iter().map(record).collect();
    event
}

fn record(delivered: &Delivered) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(delivered.id.clone());
    record.receipt_handle = Some(delivered.handle.clone());
    record.body = Some(delivered.body.clone());
    let count = delivered.receive_count.to_string();
    record.attributes.insert("ApproximateReceiveCount".to_owned(), count);
    if let Some(sent) = delivered.sent {
        let sent_ms = (sent * 1_000).to_string();
        record.attributes.insert("SentTimestamp".to_owned(), sent_ms);
    }
    record
}

/// Returns the deliveries that are done. As in Lambda, an answer that names an empty or unknown message id means that
/// the whole batch failed.
#[must_use]
pub fn succeeded<'b>(batch: &'b [Delivered], response: &SqsBatchResponse) -> Vec<&'b Delivered> {
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
            sent: Some(1_700_000_000),
        }
    }

    #[test]
    fn an_event_has_what_the_queue_said_of_each_message() {
        let event = event_of(&[delivered("a")]);
        let json = serde_json::to_value(&event).unwrap();
        let record = &json["Records"][0];
        for (field, value) in [("messageId", "a"), ("receiptHandle", "h-a"), ("body", "hello")] {
            assert_eq!(record[field], value, "{field}");
        }
        for (attribute, value) in [("ApproximateReceiveCount", "3"), ("SentTimestamp", "1700000000000")] {
            assert_eq!(record["attributes"][attribute], value, "{attribute}");
        }
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
