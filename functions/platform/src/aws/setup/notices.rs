//! The notifications of the bucket: of every new object under `raw/`.

use aws_sdk_s3::{
    error::SdkError,
    operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Configured,
    types::{
        Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter,
        QueueConfiguration, S3KeyFilter,
    },
};
use contract::{Stage, keys};

use super::{Found, Setup, SetupError, Step, cannot, not_offered, step};

/// The name of our rule among those of the bucket.
const ID: &str = "flits-raw";
/// The events by their own names: a wildcard also means changes of tags on some servers.
const EVENTS: [Event; 4] = [
    Event::S3ObjectCreatedPut,
    Event::S3ObjectCreatedPost,
    Event::S3ObjectCreatedCopy,
    Event::S3ObjectCreatedCompleteMultipartUpload,
];

impl Setup<'_> {
    /// Has the bucket tell the queue of `preprocess`, or another target, about new objects under `raw/`.
    pub(super) async fn notifications(&self) -> Result<Step, SetupError> {
        const WHAT: &str = "notifications";
        let asked = self
            .clients
            .s3
            .get_bucket_notification_configuration()
            .bucket(self.wanted.bucket);
        let configured = match asked.send().await {
            Ok(configured) => configured,
            Err(error) if not_offered(&error) => {
                return Ok(step(
                    WHAT,
                    Found::NotOffered,
                    "this store announces no objects; `flits sweep` finds them",
                ));
            }
            // moto answers with another root element. No server that people share does, so there are no rules to lose.
            Err(error) if !self.clients.on_aws && is_unreadable(&error) => Configured::builder().build(),
            Err(error) => {
                return Err(cannot(format!(
                    "read the notifications of bucket `{}`",
                    self.wanted.bucket
                ))(error));
            }
        };
        let target = match &self.wanted.notify {
            Some(arn) => (*arn).to_owned(),
            None => {
                let name = self.queue_name(Stage::Preprocess);
                match self.find(&name).await? {
                    Some(queue) => {
                        if self.wanted.change && self.clients.on_aws {
                            self.allow(&name, &queue).await?;
                        }
                        queue.arn().to_owned()
                    }
                    None => return Ok(step(WHAT, Found::Missing, format!("queue `{name}` does not exist"))),
                }
            }
        };
        let ours = configured.queue_configurations().iter().find(|rule| is_ours(rule));
        let detail = format!("new objects under `{}` go to {target}", keys::RAW);
        if ours.is_some_and(|rule| rule.queue_arn() == target && has_all_events(rule)) {
            return Ok(step(WHAT, Found::Right, detail));
        }
        let (open, done) = match ours {
            Some(_) => (Found::Wrong, Found::Changed),
            None => (Found::Missing, Found::Made),
        };
        let found = self
            .change(open, done, self.notify(configured.clone(), &target))
            .await?;
        let detail = match (found, ours) {
            (Found::Wrong, Some(rule)) => format!("new objects under `{}` go to {}", keys::RAW, rule.queue_arn()),
            (Found::Missing, _) => format!("nobody is told about new objects under `{}`", keys::RAW),
            _ => detail,
        };
        Ok(step(WHAT, found, detail))
    }

    /// Writes the rules of others and ours.
    async fn notify(&self, configured: Configured, target: &str) -> Result<(), SetupError> {
        let others = configured.queue_configurations.unwrap_or_default();
        let mut rules: Vec<_> = others.into_iter().filter(|rule| !is_ours(rule)).collect();
        rules.push(rule(target));
        let all = NotificationConfiguration::builder()
            .set_topic_configurations(configured.topic_configurations)
            .set_lambda_function_configurations(configured.lambda_function_configurations)
            .set_event_bridge_configuration(configured.event_bridge_configuration)
            .set_queue_configurations(Some(rules))
            .build();
        let put = self
            .clients
            .s3
            .put_bucket_notification_configuration()
            .bucket(self.wanted.bucket);
        let done = put.notification_configuration(all).send().await;
        done.map(drop).map_err(cannot(format!(
            "have bucket `{}` notify `{target}`; `--notify` names another target, such as a webhook",
            self.wanted.bucket
        )))
    }
}

/// Returns whether a server did what it was asked, but its answer has another form.
fn is_unreadable<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().is_success())
}

fn rule(target: &str) -> QueueConfiguration {
    let prefix = FilterRule::builder()
        .name(FilterRuleName::Prefix)
        .value(keys::RAW)
        .build();
    let filter = S3KeyFilter::builder().filter_rules(prefix).build();
    QueueConfiguration::builder()
        .id(ID)
        .queue_arn(target)
        .set_events(Some(EVENTS.to_vec()))
        .filter(NotificationConfigurationFilter::builder().key(filter).build())
        .build()
        .expect("target and events are set")
}

/// Returns whether a rule is about new objects under `raw/` and nothing else. Some servers do not keep its name.
fn is_ours(rule: &QueueConfiguration) -> bool {
    let filter = rule.filter().and_then(|filter| filter.key());
    let rules = filter.map(S3KeyFilter::filter_rules).unwrap_or_default();
    let only_raw = matches!(rules, [only] if only.value() == Some(keys::RAW)
        && only.name().is_some_and(|name| name.as_str().eq_ignore_ascii_case("prefix")));
    rule.id() == Some(ID) || only_raw
}

fn has_all_events(rule: &QueueConfiguration) -> bool {
    let has = |event: &Event| rule.events().contains(event) || rule.events().contains(&Event::S3ObjectCreated);
    EVENTS.iter().all(has)
}
