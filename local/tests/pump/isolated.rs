//! Child processes behind the Runtime API stand-in.

use std::{path::PathBuf, sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contract::Stage;
use flits::pump::{Commands, Deadline, Environment, InvokeError, Invoker, Isolated};
use platform::Clock;
use serde_json::Value;
use tempfile::TempDir;
use testing::memory::MemoryClock;
use tokio_util::sync::CancellationToken;

use crate::child;

const LONG: Duration = Duration::from_mins(1);

struct Bench {
    invoker: Isolated,
    clock: Arc<MemoryClock>,
    logs: TempDir,
}

impl Bench {
    /// Runs every stage with the test child, except where a command is set.
    fn new(set: &[(&str, &str)]) -> Self {
        let mut commands = Commands::beside(PathBuf::from("/nowhere"));
        for stage in Stage::ALL {
            commands.set(stage.name(), &child::command()).unwrap();
        }
        for (key, value) in set {
            commands.set(key, value).unwrap();
        }
        let logs = tempfile::tempdir().unwrap();
        let environment = Environment {
            variables: vec![("HANDED_IN".to_owned(), "a value".to_owned())],
            memory_mib: 512,
            region: "eu-west-1".to_owned(),
            logs: logs.path().to_owned(),
        };
        let clock = Arc::new(MemoryClock::new());
        let invoker = Isolated::new(commands, environment, clock.clone()).unwrap();
        Self { invoker, clock, logs }
    }

    async fn invoke(&self, body: &str) -> Result<SqsBatchResponse, InvokeError> {
        self.invoke_until(body, Deadline::after(LONG, CancellationToken::new()))
            .await
    }

    async fn invoke_until(&self, body: &str, deadline: Deadline) -> Result<SqsBatchResponse, InvokeError> {
        let mut record = SqsMessage::default();
        record.message_id = Some("m-1".to_owned());
        record.body = Some(body.to_owned());
        let mut event = SqsEvent::default();
        event.records.push(record);
        let invoked = self.invoker.invoke(Stage::Train, event, &deadline);
        tokio::time::timeout(LONG, invoked).await.expect("an invocation ends")
    }

    /// Asks the child what it was given.
    async fn told(&self) -> Value {
        let response = self.invoke("tell").await.unwrap();
        serde_json::from_str(&response.batch_item_failures[0].item_identifier).unwrap()
    }
}

#[tokio::test]
async fn a_child_answers_for_its_batch_and_is_kept_warm() {
    let bench = Bench::new(&[]);
    assert!(bench.invoke("fine").await.unwrap().batch_item_failures.is_empty());
    assert_eq!(
        bench.invoke("refuse").await.unwrap().batch_item_failures[0].item_identifier,
        "m-1"
    );
    let (first, second) = (bench.told().await, bench.told().await);
    assert_eq!(first["pid"], second["pid"]);
}

#[tokio::test]
async fn a_child_is_told_what_lambda_would_tell_it() {
    let bench = Bench::new(&[]);
    let told = bench.told().await;
    for (field, value) in [
        ("arn", "arn:aws:lambda:eu-west-1:000000000000:function:flits-train"),
        ("function", "flits-train"),
        ("memory", "512"),
        ("handed", "a value"),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert!(told["trace"].as_str().unwrap().starts_with("Root=1-"));
    let deadline_ms: i64 = told["deadline_ms"].as_str().unwrap().parse().unwrap();
    let now_ms = bench.clock.now_s() * 1000;
    assert!(
        now_ms + 50_000 < deadline_ms && deadline_ms <= now_ms + 60_000,
        "{deadline_ms} at {now_ms}"
    );
}

#[tokio::test]
async fn a_child_that_dies_ends_its_invocation_at_once_and_the_next_one_has_a_new_child() {
    let bench = Bench::new(&[]);
    let before = bench.told().await;
    let ended = bench.invoke("die").await;
    assert!(
        matches!(&ended, Err(InvokeError::Died { status, .. }) if status.code() == Some(7)),
        "{ended:?}"
    );
    assert_ne!(bench.told().await["pid"], before["pid"]);
    assert!(bench.logs.path().join("train.log").is_file());
}

#[tokio::test]
async fn an_error_of_the_function_is_passed_on_and_its_child_kept() {
    let bench = Bench::new(&[]);
    let before = bench.told().await;
    let ended = bench.invoke("fail").await;
    assert_eq!(
        ended.unwrap_err().to_string(),
        "the function failed with Sad: on purpose"
    );
    assert_eq!(bench.told().await["pid"], before["pid"]);
}

#[tokio::test]
async fn a_child_that_passes_its_deadline_is_killed() {
    let bench = Bench::new(&[]);
    let soon = Deadline::after(Duration::from_millis(300), CancellationToken::new());
    let ended = bench.invoke_until("hang", soon).await;
    assert!(matches!(ended, Err(InvokeError::Deadline { .. })), "{ended:?}");
    assert!(bench.invoke("fine").await.is_ok());
}

#[tokio::test]
async fn a_running_child_is_asked_to_end_when_the_pump_stops() {
    let bench = Bench::new(&[]);
    let stop = CancellationToken::new();
    stop.cancel();
    let ended = bench.invoke_until("hang", Deadline::after(LONG, stop)).await;
    // This child does not handle SIGTERM, so it dies.
    assert!(matches!(ended, Err(InvokeError::Died { status, .. }) if status.code().is_none()));
}

#[tokio::test]
async fn invocations_at_the_same_time_have_a_child_each() {
    let bench = Bench::new(&[]);
    let (one, other) = tokio::join!(bench.told(), bench.told());
    assert_ne!(one["pid"], other["pid"]);
}

#[tokio::test]
async fn a_command_can_be_set_for_one_model_of_a_stage() {
    let bench = Bench::new(&[("train-gru", "sh -c 'kill -9 $$'")]);
    let ended = bench.invoke(&job("gru")).await;
    assert!(matches!(ended, Err(InvokeError::Died { status, .. }) if status.code().is_none()));
    assert!(bench.invoke(&job("lstm")).await.is_ok());
}

#[tokio::test]
async fn a_command_that_cannot_start_is_named() {
    let bench = Bench::new(&[("train", "/nowhere/train --fast")]);
    let ended = bench.invoke("fine").await;
    assert_eq!(ended.unwrap_err().to_string(), "cannot start `/nowhere/train --fast`");
}

/// Returns a train message for one member.
fn job(member: &str) -> String {
    use contract::{Dataset, Digest, MemberName, Message, PartId, RoundId, Task, TrainTask};
    let digest = Digest::of(b"some bytes");
    let task = TrainTask {
        dataset: "cell".parse::<Dataset>().unwrap(),
        part: PartId::WHOLE,
        spec: digest,
        salt: String::new(),
        cut: digest,
        round: RoundId::from(digest),
        member: MemberName::try_from(member.to_owned()).unwrap(),
        refit_of: None,
    };
    let spec = contract::spec::resolve(&[]).unwrap();
    Message::new(Task::Train(task), &spec, "t").to_json()
}
