//! The lifecycle of the bucket: what is deleted after how many days.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration,
};
use contract::keys;

use super::{Found, Setup, SetupError, Step, cannot, code, not_offered, step};

/// The beginning of the names of our rules.
const OURS: &str = "flits-";
/// How long the replaced version of an expired object is kept where a bucket keeps versions, in days.
const REPLACED: i32 = 7;

impl Setup<'_> {
    /// Has the bucket delete what has served its time. The rules of others stay.
    pub(super) async fn lifecycle(&self) -> Result<Step, SetupError> {
        const WHAT: &str = "lifecycle";
        let asked = self.clients.s3.get_bucket_lifecycle_configuration().bucket(self.bucket);
        let rules = match asked.send().await {
            Ok(configured) => configured.rules.unwrap_or_default(),
            Err(error) if code(&error) == "NoSuchLifecycleConfiguration" => Vec::new(),
            Err(error) if not_offered(&error) => {
                return Ok(step(WHAT, Found::NotOffered, "this store deletes nothing by itself"));
            }
            Err(error) => return Err(cannot(format!("read the lifecycle of bucket `{}`", self.bucket))(error)),
        };
        let detail: Vec<_> = keys::RETENTION
            .iter()
            .map(|(prefix, days)| format!("{prefix} {days}"))
            .collect();
        let detail = format!("days until objects are deleted: {}", detail.join(", "));
        let lacks: Vec<&str> = keys::RETENTION
            .iter()
            .filter(|kept| !rules.iter().any(|rule| is_rule(rule, kept)))
            .map(|(prefix, _)| *prefix)
            .collect();
        if lacks.is_empty() {
            return Ok(step(WHAT, Found::Right, detail));
        }
        let (open, done) = if rules.iter().any(is_ours) {
            (Found::Wrong, Found::Changed)
        } else {
            (Found::Missing, Found::Made)
        };
        let found = self.change(open, done, self.retain(rules)).await?;
        let open = format!("no rule for {}", lacks.join(", "));
        Ok(step(WHAT, found, if found.is_well() { detail } else { open }))
    }

    async fn retain(&self, rules: Vec<LifecycleRule>) -> Result<(), SetupError> {
        let others = rules.into_iter().filter(|rule| !is_ours(rule));
        let all: Vec<_> = others.chain(keys::RETENTION.iter().map(rule)).collect();
        let all = BucketLifecycleConfiguration::builder().set_rules(Some(all)).build();
        let put = self.clients.s3.put_bucket_lifecycle_configuration().bucket(self.bucket);
        let done = put.lifecycle_configuration(all.expect("rules are set")).send().await;
        done.map(drop)
            .map_err(cannot(format!("set the lifecycle of bucket `{}`", self.bucket)))
    }
}

fn rule((prefix, days): &(&str, i32)) -> LifecycleRule {
    LifecycleRule::builder()
        .id(format!("{OURS}{}", prefix.trim_end_matches('/')))
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(*prefix).build())
        .expiration(LifecycleExpiration::builder().days(*days).build())
        .noncurrent_version_expiration(NoncurrentVersionExpiration::builder().noncurrent_days(REPLACED).build())
        .build()
        .expect("the status is set")
}

fn is_ours(rule: &LifecycleRule) -> bool {
    rule.id().is_some_and(|id| id.starts_with(OURS))
}

fn is_rule(rule: &LifecycleRule, (prefix, days): &(&str, i32)) -> bool {
    let prefixed = rule.filter().and_then(LifecycleRuleFilter::prefix) == Some(prefix);
    let expires = rule.expiration().and_then(LifecycleExpiration::days) == Some(*days);
    prefixed && expires && *rule.status() == ExpirationStatus::Enabled
}
