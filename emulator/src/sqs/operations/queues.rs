//! Operations on queues: from a request to an answer.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::settings::ACCOUNT;
use crate::sqs::{
    attributes::{self, Queue, last_segment},
    error::Error,
    queues::Queues,
    wire,
};

impl Queues {
    pub(in crate::sqs) async fn create_queue(
        &self,
        base: &str,
        ask: wire::CreateQueue,
    ) -> Result<wire::QueueUrl, Error> {
        if !ask.tags.is_empty() {
            return Err(Error::Parameter {
                parameter: "tags",
                value: ask.tags.into_keys().collect::<Vec<_>>().join(", "),
                reason: "queues have no tags here".to_owned(),
            });
        }
        self.create(&ask.queue_name, ask.attributes).await?;
        Ok(wire::QueueUrl {
            queue_url: url(base, &ask.queue_name),
        })
    }

    pub(in crate::sqs) fn get_queue_url(&self, base: &str, ask: &wire::GetQueueUrl) -> Result<wire::QueueUrl, Error> {
        self.queue(&ask.queue_name)?;
        if ask.owner.as_deref().is_some_and(|owner| owner != ACCOUNT) {
            return Err(Error::NoQueue(ask.queue_name.clone()));
        }
        Ok(wire::QueueUrl {
            queue_url: url(base, &ask.queue_name),
        })
    }

    pub(in crate::sqs) fn list_queues(&self, base: &str, ask: wire::ListQueues) -> Result<wire::QueueUrls, Error> {
        let prefix = ask.queue_name_prefix;
        let names = self
            .all()?
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with(&prefix))
            .collect();
        let (names, next_token) = page(names, ask.max_results, ask.next_token)?;
        Ok(wire::QueueUrls {
            queue_urls: names.iter().map(|name| url(base, name)).collect(),
            next_token,
        })
    }

    pub(in crate::sqs) fn list_sources(&self, base: &str, ask: wire::ListSources) -> Result<wire::SourceQueues, Error> {
        let name = last_segment(&ask.queue_url);
        self.queue(name)?;
        let arn = self.arn(name);
        let gives_up_to = |queue: &Queue| {
            queue
                .redrive
                .as_ref()
                .is_some_and(|to| to.dead_letter_target_arn == arn)
        };
        let names = self
            .all()?
            .into_iter()
            .filter(|(_, queue)| gives_up_to(queue))
            .map(|(name, _)| name)
            .collect();
        let (names, next_token) = page(names, ask.max_results, ask.next_token)?;
        Ok(wire::SourceQueues {
            queue_urls: names.iter().map(|name| url(base, name)).collect(),
            next_token,
        })
    }

    pub(in crate::sqs) async fn delete_the_queue(&self, ask: wire::OfQueue) -> Result<(), Error> {
        self.delete_queue(last_segment(&ask.queue_url).to_owned()).await
    }

    pub(in crate::sqs) async fn purge_queue(&self, ask: wire::OfQueue) -> Result<(), Error> {
        self.purge(last_segment(&ask.queue_url).to_owned()).await
    }

    pub(in crate::sqs) fn get_attributes(&self, ask: &wire::GetAttributes) -> Result<wire::AttributeValues, Error> {
        let name = last_segment(&ask.queue_url);
        let queue = self.queue(name)?;
        let counts = self.counts(&queue)?;
        let mut attributes = queue.stored();
        attributes.extend([
            ("QueueArn".to_owned(), self.arn(name)),
            ("ApproximateNumberOfMessages".to_owned(), counts.visible.to_string()),
            (
                "ApproximateNumberOfMessagesNotVisible".to_owned(),
                counts.in_flight.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesDelayed".to_owned(),
                counts.delayed.to_string(),
            ),
        ]);
        if let Some(unknown) = ask.attribute_names.iter().find(|name| !attributes::is_known(name)) {
            return Err(Error::AttributeName(unknown.clone()));
        }
        let asked = |name: &String| ask.attribute_names.iter().any(|asked| asked == "All" || asked == name);
        attributes.retain(|name, _| asked(name));
        Ok(wire::AttributeValues { attributes })
    }

    pub(in crate::sqs) async fn set_queue_attributes(&self, ask: wire::SetAttributes) -> Result<(), Error> {
        self.set_attributes(last_segment(&ask.queue_url).to_owned(), ask.attributes)
            .await
    }
}

fn url(base: &str, name: &str) -> String {
    format!("{base}/{ACCOUNT}/{name}")
}

/// Returns one page of sorted names and the token of the next page. Without a size there is one page of at most 1,000.
fn page(names: Vec<String>, max: Option<usize>, token: Option<String>) -> Result<(Vec<String>, Option<String>), Error> {
    let size = max.unwrap_or(1000);
    if !(1..=1000).contains(&size) {
        let reason = "it must be between 1 and 1000".to_owned();
        return Err(Error::Parameter {
            parameter: "MaxResults",
            value: size.to_string(),
            reason,
        });
    }
    let after = token
        .and_then(|token| URL_SAFE_NO_PAD.decode(token).ok())
        .and_then(|name| String::from_utf8(name).ok());
    let mut rest = names
        .into_iter()
        .filter(|name| after.as_ref().is_none_or(|after| name > after));
    let page: Vec<_> = rest.by_ref().take(size).collect();
    let more = max.is_some() && rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(last));
    Ok((page, next))
}
