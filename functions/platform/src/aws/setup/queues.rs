//! The queues of the stages, and their dead-letter queues.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use contract::Stage;
use serde_json::{Value, json};

use super::{Found, Setup, SetupError, Step, cannot, code, step};

/// How often a message may be received before it is set aside, at most what SQS allows. The ledger bounds the attempts of
/// a job, so only messages whose ledger cannot be found come so often.
const MAX_RECEIVES: u32 = 1_000;
/// How long messages are kept: the longest time that SQS allows, in seconds.
const RETENTION_S: u32 = 14 * 24 * 3_600;

/// A queue that exists.
pub(super) struct Queue {
    pub(super) url: String,
    attributes: HashMap<Attribute, String>,
}

impl Queue {
    /// Returns the ARN.
    pub(super) fn arn(&self) -> &str {
        self.attributes.get(&Attribute::QueueArn).map_or("", String::as_str)
    }

    /// Returns an attribute that is JSON.
    fn json(&self, name: &Attribute) -> Option<Value> {
        serde_json::from_str(self.attributes.get(name)?).ok()
    }
}

impl Setup<'_> {
    /// Makes the queue of a stage and its dead-letter queue.
    pub(super) async fn queue(&self, stage: Stage) -> Result<Vec<Step>, SetupError> {
        let name = self.queue_name(stage);
        let dead = format!("{name}-dlq");
        let mut steps = vec![self.dead_letters(&dead).await?];
        let Some(dead) = self.find(&dead).await? else {
            let found = if self.find(&name).await?.is_some() {
                Found::Wrong
            } else {
                Found::Missing
            };
            let detail = if found == Found::Missing {
                "does not exist"
            } else {
                "has no dead-letter queue"
            };
            steps.push(step(format!("queue {name}"), found, detail));
            return Ok(steps);
        };
        steps.push(self.source(&name, dead.arn()).await?);
        Ok(steps)
    }

    /// Returns the name of the queue of a stage: the end of its URL where it is configured.
    pub(super) fn queue_name(&self, stage: Stage) -> String {
        name(stage, self.wanted.urls.get(&stage).map(String::as_str))
    }

    async fn dead_letters(&self, name: &str) -> Result<Step, SetupError> {
        let found = if self.find(name).await?.is_some() {
            Found::Right
        } else {
            let kept = [(Attribute::MessageRetentionPeriod, RETENTION_S.to_string())];
            self.change(Found::Missing, Found::Made, self.make(name, kept.into()))
                .await?
        };
        let detail = if found == Found::Missing {
            "does not exist"
        } else {
            "keeps dead letters for 14 days"
        };
        Ok(step(format!("queue {name}"), found, detail))
    }

    async fn source(&self, name: &str, dead: &str) -> Result<Step, SetupError> {
        let visibility_s = self.visibility().as_secs();
        let redrive = json!({"deadLetterTargetArn": dead, "maxReceiveCount": MAX_RECEIVES}).to_string();
        let wanted = HashMap::from([
            (Attribute::VisibilityTimeout, visibility_s.to_string()),
            (Attribute::RedrivePolicy, redrive),
        ]);
        let what = format!("queue {name}");
        let Some(queue) = self.find(name).await? else {
            let mut all = wanted;
            all.insert(Attribute::MessageRetentionPeriod, RETENTION_S.to_string());
            let found = self.change(Found::Missing, Found::Made, self.make(name, all)).await?;
            return Ok(step(what, found, kept(visibility_s)));
        };
        let hidden_s = queue
            .attributes
            .get(&Attribute::VisibilityTimeout)
            .and_then(|text| text.parse().ok());
        let mut lacks = HashMap::new();
        let mut why = Vec::new();
        // A team may hide messages for longer, and set aside after fewer deliveries.
        if hidden_s.is_some_and(|hidden: u64| hidden < visibility_s) {
            why.push(format!(
                "hides messages for {} s, {visibility_s} s are needed",
                hidden_s.unwrap_or(0)
            ));
            lacks.extend(wanted.get_key_value(&Attribute::VisibilityTimeout));
        }
        if queue.json(&Attribute::RedrivePolicy).is_none() {
            why.push("sets nothing aside".to_owned());
            lacks.extend(wanted.get_key_value(&Attribute::RedrivePolicy));
        }
        if lacks.is_empty() {
            return Ok(step(what, Found::Right, kept(hidden_s.unwrap_or(visibility_s))));
        }
        let lacks = lacks
            .into_iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let change = self.set(name, &queue.url, lacks);
        let found = self.change(Found::Wrong, Found::Changed, change).await?;
        Ok(step(what, found, why.join(", ")))
    }

    /// Returns a queue with its attributes, or `None` where there is none.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Queue>, SetupError> {
        let url = match self.clients.sqs.get_queue_url().queue_name(name).send().await {
            Ok(found) => found.queue_url.unwrap_or_default(),
            Err(error) if matches!(code(&error), "QueueDoesNotExist" | "NonExistentQueue") => return Ok(None),
            Err(error) => return Err(cannot(format!("look for queue `{name}`"))(error)),
        };
        let asked = self.clients.sqs.get_queue_attributes().queue_url(&url);
        let answer = asked.attribute_names(Attribute::All).send().await;
        let answer = answer.map_err(cannot(format!("look at queue `{name}`")))?;
        let attributes = answer.attributes.unwrap_or_default();
        Ok(Some(Queue { url, attributes }))
    }

    async fn make(&self, name: &str, attributes: HashMap<Attribute, String>) -> Result<(), SetupError> {
        let create = self.clients.sqs.create_queue().queue_name(name);
        let made = create.set_attributes(Some(attributes)).send().await;
        made.map(drop).map_err(cannot(format!("make queue `{name}`")))
    }

    async fn set(&self, name: &str, url: &str, attributes: HashMap<Attribute, String>) -> Result<(), SetupError> {
        let set = self.clients.sqs.set_queue_attributes().queue_url(url);
        let done = set.set_attributes(Some(attributes)).send().await;
        done.map(drop).map_err(cannot(format!("change queue `{name}`")))
    }

    /// Lets the bucket send to the queue of `preprocess`, which exists. The statements of others stay.
    pub(super) async fn policy(&self) -> Result<Option<Step>, SetupError> {
        let name = self.queue_name(Stage::Preprocess);
        let Some(queue) = self.find(&name).await? else {
            return Ok(None);
        };
        let mut policy = queue
            .json(&Attribute::Policy)
            .unwrap_or_else(|| json!({"Version": "2012-10-17"}));
        let statement = statement(queue.arn(), self.wanted.bucket);
        let mut statements = policy["Statement"].as_array().cloned().unwrap_or_default();
        let found = if statements.contains(&statement) {
            Found::Right
        } else {
            statements.retain(|other| other["Sid"] != statement["Sid"]);
            statements.push(statement);
            policy["Statement"] = statements.into();
            let set = self.set(&name, &queue.url, [(Attribute::Policy, policy.to_string())].into());
            self.change(Found::Missing, Found::Made, set).await?
        };
        let may = if found == Found::Missing { "may not" } else { "may" };
        let detail = format!("bucket {} {may} send to it", self.wanted.bucket);
        Ok(Some(step(format!("policy of queue {name}"), found, detail)))
    }
}

fn name(stage: Stage, url: Option<&str>) -> String {
    let configured = url.and_then(|url| url.trim_end_matches('/').rsplit('/').next());
    configured.map_or_else(|| format!("flits-{stage}"), str::to_owned)
}

fn kept(visibility_s: u64) -> String {
    format!("hides messages for {visibility_s} s, sets dead letters aside")
}

/// Returns the statement that lets one bucket of the queue's own account send to it.
fn statement(queue: &str, bucket: &str) -> Value {
    let parts: Vec<&str> = queue.split(':').collect();
    let (partition, account) = (parts.get(1).unwrap_or(&"aws"), parts.get(4).unwrap_or(&""));
    json!({
        "Sid": format!("flits-{bucket}"),
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": format!("arn:{partition}:s3:::{bucket}")},
            "StringEquals": {"aws:SourceAccount": account},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bucket_of_the_same_account_may_send() {
        let statement = statement("arn:aws-cn:sqs:cn-north-1:123456789012:flits-preprocess", "data");
        assert_eq!(
            statement["Condition"]["ArnEquals"]["aws:SourceArn"],
            "arn:aws-cn:s3:::data"
        );
        assert_eq!(
            statement["Condition"]["StringEquals"]["aws:SourceAccount"],
            "123456789012"
        );
    }

    #[test]
    fn a_configured_queue_keeps_its_name() {
        assert_eq!(name(Stage::Train, None), "flits-train");
        assert_eq!(
            name(Stage::Train, Some("http://127.0.0.1:9324/000000000000/gpu/")),
            "gpu"
        );
    }
}
