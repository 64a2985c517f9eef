//! What a process counts: jobs, requests and champions, in the text format of Prometheus.
//!
//! One registry per process. The number of label values is bounded: stages, outcomes, routes and codes are fixed sets,
//! and only the first 100 datasets have series of their own.
//!
//! # Source
//! Prometheus, "Exposition formats" (text 0.0.4) and "Metric and label naming".

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contract::Stage;
use prometheus::{
    Encoder as _, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    proto::{MetricFamily, MetricType},
};
use serde_json::{Map, Value, json};

use crate::outcome::{Ended, Outcome};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How many datasets have series of their own; the champions of others are not shown.
const MAX_DATASETS: usize = 100;

/// Bounds of the durations of jobs, in seconds.
const JOB_SECONDS: [f64; 12] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0, 3600.0];
/// Bounds of the durations of requests, in seconds.
const REQUEST_SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];
/// Bounds of the age of messages, in seconds.
const QUEUE_SECONDS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 86400.0];

/// The counters of one process. Cheap to clone; all clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<All>);

struct All {
    registry: Registry,
    jobs: IntCounterVec,
    job_seconds: HistogramVec,
    attempts: IntCounterVec,
    takeovers: IntCounterVec,
    queue_seconds: HistogramVec,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    in_flight: IntGauge,
    refusals: IntCounterVec,
    champion_age: GaugeVec,
    champion_score: GaugeVec,
    champion_stale: GaugeVec,
    /// When the data of each dataset's champion end, in UTC seconds. The age follows from it when it is asked for.
    observed: Mutex<BTreeMap<String, i64>>,
    /// The totals that the last lines of the embedded metric format told, by name and labels.
    told: Mutex<HashMap<Series, f64>>,
}

/// The names and values of a metric's labels.
type Labels = Vec<(String, String)>;

/// The name of a metric and its labels.
type Series = (String, Labels);

/// The name, unit and value of one number of a line.
type Told = (String, &'static str, f64);

/// What `/metrics` says about the champion of one dataset.
#[derive(Clone, PartialEq, Debug)]
pub struct ChampionFacts {
    /// The dataset.
    pub dataset: String,
    /// When the data end that it was chosen on, in UTC seconds.
    pub observed_end: i64,
    /// The name and the value of its score; `None` when it was never scored.
    pub score: Option<(String, f64)>,
    /// Whether a newer one may exist that cannot be read.
    pub stale: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self(Arc::new(
            All::new().expect("the names of all metrics are valid and differ"),
        ))
    }
}

impl All {
    fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str], bounds: &[f64]| {
            let histogram = HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.to_vec()), labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let in_flight = IntGauge::new("flits_http_requests_in_flight", "Requests that are being answered.")?;
        registry.register(Box::new(in_flight.clone()))?;
        let build = gauge(
            "flits_build_info",
            "The version of this program; always 1.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        Ok(Self {
            jobs: counter(
                "flits_jobs_total",
                "Jobs whose message was handled, by stage and outcome.",
                &["stage", "outcome"],
            )?,
            job_seconds: histogram(
                "flits_job_duration_seconds",
                "Time from the claim of a job to its end.",
                &["stage"],
                &JOB_SECONDS,
            )?,
            attempts: counter("flits_job_attempts_total", "Claims of jobs.", &["stage"])?,
            takeovers: counter(
                "flits_job_takeovers_total",
                "Claims of jobs that another attempt had left.",
                &["stage"],
            )?,
            queue_seconds: histogram(
                "flits_queue_age_seconds",
                "Time from the sending of a message to its delivery here.",
                &["stage"],
                &QUEUE_SECONDS,
            )?,
            requests: counter(
                "flits_http_requests_total",
                "Requests that were answered, by route and status code.",
                &["route", "code"],
            )?,
            request_seconds: histogram(
                "flits_http_request_duration_seconds",
                "Time from the head of a request to its answer.",
                &["route"],
                &REQUEST_SECONDS,
            )?,
            refusals: counter(
                "flits_http_refusals_total",
                "Requests that were refused before their handler, by reason.",
                &["reason"],
            )?,
            champion_age: gauge(
                "flits_champion_age_seconds",
                "Time since the last observation that the champion was chosen on.",
                &["dataset"],
            )?,
            champion_score: gauge(
                "flits_champion_score",
                "The champion's score on its holdout, by the metric that chose it.",
                &["dataset", "metric"],
            )?,
            champion_stale: gauge(
                "flits_champion_stale",
                "1 while the champion in memory cannot be compared with the stored one.",
                &["dataset"],
            )?,
            in_flight,
            observed: Mutex::default(),
            told: Mutex::default(),
            registry,
        })
    }
}

impl Metrics {
    /// Counts a message that was handled.
    pub fn handled(&self, stage: Stage, outcome: &Outcome) {
        let name = match outcome {
            Outcome::GiveBack { .. } => "given-back",
            Outcome::Done { ended, .. } => match ended {
                Ended::Committed { reused: false } => "committed",
                Ended::Committed { reused: true } => "reused",
                Ended::Failed(_) => "failed",
                Ended::Yielded { .. } => "yielded",
                Ended::Stale => "stale",
            },
        };
        self.0.jobs.with_label_values(&[stage.name(), name]).inc();
    }

    /// Counts a claim. `token` is the number of the claim, from 1.
    pub(crate) fn claimed(&self, stage: Stage, token: u64) {
        self.0.attempts.with_label_values(&[stage.name()]).inc();
        if token > 1 {
            self.0.takeovers.with_label_values(&[stage.name()]).inc();
        }
    }

    /// Counts the time of an attempt.
    pub(crate) fn worked(&self, stage: Stage, seconds: f64) {
        self.0.job_seconds.with_label_values(&[stage.name()]).observe(seconds);
    }

    /// Counts how long a message waited in its queue.
    pub(crate) fn waited(&self, stage: Stage, age: Duration) {
        self.0
            .queue_seconds
            .with_label_values(&[stage.name()])
            .observe(age.as_secs_f64());
    }

    /// Counts a request that begins; the guard that is returned counts its end.
    pub(crate) fn request(&self) -> InFlight {
        self.0.in_flight.inc();
        InFlight(self.clone())
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, route: &str, code: u16, time: Duration) {
        self.0.requests.with_label_values(&[route, &code.to_string()]).inc();
        self.0
            .request_seconds
            .with_label_values(&[route])
            .observe(time.as_secs_f64());
    }

    /// Counts a request that no handler saw.
    pub(crate) fn refused(&self, reason: &str) {
        self.0.refusals.with_label_values(&[reason]).inc();
    }

    /// Notes the champion of a dataset. Datasets above a bound are not shown.
    pub fn champion(&self, facts: &ChampionFacts) {
        let dataset = facts.dataset.as_str();
        {
            let mut observed = self.0.observed.lock().unwrap_or_else(PoisonError::into_inner);
            if observed.len() >= MAX_DATASETS && !observed.contains_key(dataset) {
                return;
            }
            observed.insert(dataset.to_owned(), facts.observed_end);
        }
        if let Some((metric, value)) = &facts.score {
            self.0.champion_score.with_label_values(&[dataset, metric]).set(*value);
        }
        self.0
            .champion_stale
            .with_label_values(&[dataset])
            .set(f64::from(u8::from(facts.stale)));
    }

    /// Returns all metrics as text; `now_s` is the time of day in UTC seconds.
    ///
    /// # Panics
    /// Never: only a writer that fails could make it, and memory does not.
    #[must_use]
    pub fn text(&self, now_s: i64) -> String {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.families(now_s), &mut text)
            .expect("memory takes every metric");
        String::from_utf8(text).expect("metrics are text")
    }

    /// Returns what was counted since the last call, as lines of CloudWatch's embedded metric format: one line for each set
    /// of labels. `now_s` is the time of day in UTC seconds.
    ///
    /// # Source
    /// Amazon CloudWatch User Guide, "Embedded metric format".
    pub(crate) fn emf(&self, now_s: i64) -> Vec<String> {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: BTreeMap<Labels, Vec<Told>> = BTreeMap::new();
        for family in self.families(now_s) {
            let unit = if family.name().ends_with("_seconds") {
                "Seconds"
            } else {
                "Count"
            };
            for metric in family.get_metric() {
                let labels = metric.get_label().iter();
                let labels: Vec<_> = labels
                    .map(|label| (label.name().to_owned(), label.value().to_owned()))
                    .collect();
                let mut since = |part: &str, total: f64| {
                    let before = told.insert((family.name().to_owned() + part, labels.clone()), total);
                    total - before.unwrap_or(0.0)
                };
                let values = match family.get_field_type() {
                    MetricType::COUNTER => vec![("", unit, since("", metric.get_counter().get_value()))],
                    MetricType::HISTOGRAM => {
                        let histogram = metric.get_histogram();
                        #[expect(clippy::cast_precision_loss, reason = "counts lie far below 2^52")]
                        let count = histogram.get_sample_count() as f64;
                        vec![
                            ("_sum", unit, since("_sum", histogram.get_sample_sum())),
                            ("_count", "Count", since("_count", count)),
                        ]
                    }
                    _ => Vec::new(),
                };
                for (part, unit, value) in values.into_iter().filter(|(.., value)| *value != 0.0) {
                    let name = family.name().to_owned() + part;
                    lines.entry(labels.clone()).or_default().push((name, unit, value));
                }
            }
        }
        lines
            .iter()
            .map(|(labels, values)| emf_line(labels, values, now_s))
            .collect()
    }

    pub(crate) fn families(&self, now_s: i64) -> Vec<MetricFamily> {
        let observed = self.0.observed.lock().unwrap_or_else(PoisonError::into_inner);
        for (dataset, end) in observed.iter() {
            #[expect(clippy::cast_precision_loss, reason = "ages lie far below 2^52 seconds")]
            let age = (now_s - end) as f64;
            self.0.champion_age.with_label_values(&[dataset]).set(age);
        }
        self.0.registry.gather()
    }
}

fn emf_line(labels: &[(String, String)], values: &[Told], now_s: i64) -> String {
    let names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).collect();
    let metrics: Vec<Value> = values
        .iter()
        .map(|(name, unit, _)| json!({"Name": name, "Unit": unit}))
        .collect();
    let about = json!({
        "Timestamp": now_s.saturating_mul(1_000),
        "CloudWatchMetrics": [{"Namespace": "flits", "Dimensions": [names], "Metrics": metrics}],
    });
    let mut line = Map::from_iter([("_aws".to_owned(), about)]);
    line.extend(labels.iter().map(|(name, value)| (name.clone(), json!(value))));
    line.extend(values.iter().map(|(name, _, value)| (name.clone(), json!(value))));
    Value::Object(line).to_string()
}

/// A request that is being answered.
pub(crate) struct InFlight(Metrics);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_with_type_and_help() {
        let metrics = Metrics::default();
        let outcome = Outcome::Done {
            job: contract::identity::receive_job("b", "k", "v", b""),
            ended: Ended::Committed { reused: false },
        };
        metrics.handled(Stage::Train, &outcome);
        metrics.claimed(Stage::Train, 2);
        metrics.answered("/predict", 200, Duration::from_millis(3));
        let text = metrics.text(0);
        for line in [
            "# TYPE flits_jobs_total counter",
            r#"flits_jobs_total{outcome="committed",stage="train"} 1"#,
            r#"flits_job_takeovers_total{stage="train"} 1"#,
            r#"flits_http_requests_total{code="200",route="/predict"} 1"#,
            r#"flits_http_request_duration_seconds_bucket{route="/predict",le="0.005"} 1"#,
            "flits_http_requests_in_flight 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_embedded_metric_format_tells_what_is_new_since_the_last_lines() {
        let metrics = Metrics::default();
        metrics.claimed(Stage::Train, 1);
        metrics.claimed(Stage::Train, 1);
        metrics.worked(Stage::Train, 1.5);
        let of = |lines: Vec<String>| -> Vec<Value> {
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let [first] = of(metrics.emf(7)).try_into().unwrap();
        assert_eq!(first["stage"], "train");
        assert_eq!(first["flits_job_attempts_total"], 2.0);
        assert_eq!(first["flits_job_duration_seconds_sum"], 1.5);
        assert_eq!(first["_aws"]["Timestamp"], 7_000);
        let about = &first["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&about["Namespace"], &about["Dimensions"]),
            (&json!("flits"), &json!([["stage"]]))
        );
        let named: Vec<&str> = about["Metrics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["Name"].as_str().unwrap())
            .collect();
        assert!(named.iter().all(|name| first[*name].is_number()), "{first}");

        assert!(metrics.emf(8).is_empty());
        metrics.claimed(Stage::Train, 1);
        assert_eq!(of(metrics.emf(9))[0]["flits_job_attempts_total"], 1.0);
    }

    #[test]
    fn the_age_of_a_champion_is_that_of_the_moment() {
        let metrics = Metrics::default();
        metrics.champion(&ChampionFacts {
            dataset: "cell".to_owned(),
            observed_end: 1_000,
            score: Some(("rmsse".to_owned(), 0.5)),
            stale: true,
        });
        let age = |now_s| format!("flits_champion_age_seconds{{dataset=\"cell\"}} {now_s}");
        assert!(metrics.text(1_010).contains(&age(10)));
        let text = metrics.text(1_060);
        assert!(text.contains(&age(60)), "{text}");
        assert!(text.contains(r#"flits_champion_score{dataset="cell",metric="rmsse"} 0.5"#));
        assert!(text.contains(r#"flits_champion_stale{dataset="cell"} 1"#));
    }

    #[test]
    fn strangers_cannot_make_series_without_bound() {
        let metrics = Metrics::default();
        for number in 0..10 * MAX_DATASETS {
            metrics.champion(&ChampionFacts {
                dataset: format!("d{number}"),
                observed_end: 0,
                score: None,
                stale: false,
            });
        }
        let text = metrics.text(0);
        assert_eq!(text.matches("flits_champion_stale{").count(), MAX_DATASETS);
    }
}
