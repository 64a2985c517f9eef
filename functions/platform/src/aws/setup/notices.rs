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
        let Some(configured) = self.configured().await? else {
            let detail = "this store announces no objects; `flits sweep` finds them";
            return Ok(step(WHAT, Found::NotOffered, detail));
        };
        let Some(target) = self.target().await? else {
            let name = self.queue_name(Stage::Preprocess);
            return Ok(step(WHAT, Found::Missing, format!("queue `{name}` does not exist")));
        };
        let ours = configured.queue_configurations().iter().find(|rule| is_ours(rule));
        let told = |arn: &str| format!("new objects under `{}` go to {arn}", keys::RAW);
        if ours.is_some_and(|rule| rule.queue_arn() == target && has_all_events(rule)) {
            return Ok(step(WHAT, Found::Right, told(&target)));
        }
        let (open, done) = match ours {
            Some(_) => (Found::Wrong, Found::Changed),
            None => (Found::Missing, Found::Made),
        };
        let found = self
            .change(open, done, self.notify(configured.clone(), &target))
            .await?;
        let detail = match (found, ours) {
            (Found::Wrong, Some(rule)) => told(rule.queue_arn()),
            (Found::Missing, _) => format!("nobody is told about new objects under `{}`", keys::RAW),
            _ => told(&target),
        };
        Ok(step(WHAT, found, detail))
    }

    /// Returns the rules of the bucket; `None` where the store announces nothing.
    async fn configured(&self) -> Result<Option<Configured>, SetupError> {
        let bucket = self.wanted.bucket;
        let asked = self.clients.s3.get_bucket_notification_configuration().bucket(bucket);
        match asked.send().await {
            Ok(configured) => Ok(Some(configured)),
            Err(error) if not_offered(&error) => Ok(None),
            // moto answers with another root element. No server that people share does, so there are no rules to lose.
            Err(error) if !self.clients.on_aws && is_unreadable(&error) => Ok(Some(Configured::builder().build())),
            Err(error) => Err(cannot(format!("read the notifications of bucket `{bucket}`"))(error)),
        }
    }

    /// Returns the ARN of what is to be told; `None` where the queue does not exist.
    async fn target(&self) -> Result<Option<String>, SetupError> {
        if let Some(arn) = self.wanted.notify {
            return Ok(Some(arn.to_owned()));
        }
        let queue = self.find(&self.queue_name(Stage::Preprocess)).await?;
        Ok(queue.map(|queue| queue.arn().to_owned()))
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
