//! Event notifications: which queue is told of what, once.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    CompletedMultipartUpload, CompletedPart, Event, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
};
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::{BUCKET, House, KEY_ID, SECRET, refusal};

const QUEUE: &str = "uploads";

fn queues(house: &House) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(&house.emulator.sqs_url);
    aws_sdk_sqs::Client::from_conf(config.build())
}

fn rule(name: FilterRuleName, value: &str) -> FilterRule {
    FilterRule::builder().name(name).value(value).build()
}

fn configuration(house: &House, events: &[&str], rules: Vec<FilterRule>) -> NotificationConfiguration {
    let key = S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
    let events = events.iter().map(|event| Event::from(*event)).collect();
    let queue = QueueConfiguration::builder()
        .id("uploads")
        .queue_arn(house.emulator.queues().arn(QUEUE))
        .set_events(Some(events))
        .filter(NotificationConfigurationFilter::builder().key(key).build());
    NotificationConfiguration::builder()
        .queue_configurations(queue.build().unwrap())
        .build()
}

async fn subscribe(house: &House, events: &[&str], rules: Vec<FilterRule>) {
    house.emulator.queues().create(QUEUE, BTreeMap::new()).await.unwrap();
    let put = house.s3.put_bucket_notification_configuration().bucket(BUCKET);
    put.notification_configuration(configuration(house, events, rules))
        .send()
        .await
        .unwrap();
    let test = received(house).await;
    assert_eq!(test.len(), 1);
    assert_eq!(test[0]["Event"], "s3:TestEvent");
    assert_eq!(test[0]["Bucket"], BUCKET);
}

/// Takes all that is in the queue.
async fn received(house: &House) -> Vec<Value> {
    let sqs = queues(house);
    let url = sqs
        .get_queue_url()
        .queue_name(QUEUE)
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let mut bodies = Vec::new();
    loop {
        let batch = sqs
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .send()
            .await
            .unwrap();
        if batch.messages().is_empty() {
            return bodies;
        }
        for message in batch.messages() {
            bodies.push(serde_json::from_str(message.body().unwrap()).unwrap());
            let delete = sqs
                .delete_message()
                .queue_url(&url)
                .receipt_handle(message.receipt_handle().unwrap());
            delete.send().await.unwrap();
        }
    }
}

fn name_and_key(event: &Value) -> (&str, &str) {
    let record = &event["Records"][0];
    (
        record["eventName"].as_str().unwrap(),
        record["s3"]["object"]["key"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn every_kind_of_change_is_told_once() {
    let house = House::start().await;
    subscribe(&house, &["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], vec![]).await;
    house.put("a", b"hello".to_vec()).await;
    house
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("b")
        .copy_source(format!("{BUCKET}/a"))
        .send()
        .await
        .unwrap();
    let id = house
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("c")
        .send()
        .await
        .unwrap()
        .upload_id
        .unwrap();
    let part = house
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("c")
        .upload_id(&id)
        .part_number(1)
        .send()
        .await
        .unwrap();
    let part = CompletedPart::builder()
        .part_number(1)
        .e_tag(part.e_tag.unwrap())
        .build();
    let complete = house
        .s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("c")
        .upload_id(&id);
    complete
        .multipart_upload(CompletedMultipartUpload::builder().parts(part).build())
        .send()
        .await
        .unwrap();
    house.s3.delete_object().bucket(BUCKET).key("a").send().await.unwrap();
    house
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("never")
        .send()
        .await
        .unwrap();
    let events = received(&house).await;
    let told: Vec<_> = events.iter().map(name_and_key).collect();
    assert_eq!(
        told,
        [
            ("ObjectCreated:Put", "a"),
            ("ObjectCreated:Copy", "b"),
            ("ObjectCreated:CompleteMultipartUpload", "c"),
            ("ObjectRemoved:Delete", "a")
        ]
    );
    let sequencers: Vec<_> = events
        .iter()
        .map(|event| event["Records"][0]["s3"]["object"]["sequencer"].as_str())
        .collect();
    assert!(sequencers.is_sorted() && sequencers[0] < sequencers[3]);
}

#[tokio::test]
async fn an_event_has_the_shape_that_aws_gives_it() {
    let house = House::start().await;
    subscribe(&house, &["s3:ObjectCreated:Put"], vec![]).await;
    house.put("raw/a b+c/é.csv", b"hello".to_vec()).await;
    let events = received(&house).await;
    let record = &events[0]["Records"][0];
    assert_eq!(record["eventVersion"], "2.1");
    assert_eq!(record["eventSource"], "aws:s3");
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["userIdentity"]["principalId"], KEY_ID);
    assert_eq!(record["requestParameters"]["sourceIPAddress"], "127.0.0.1");
    assert!(record["responseElements"]["x-amz-request-id"].is_string());
    assert_eq!(
        record["eventTime"].as_str().unwrap().len(),
        "2026-01-01T00:00:00.000Z".len()
    );
    let s3 = &record["s3"];
    assert_eq!(s3["s3SchemaVersion"], "1.0");
    assert_eq!(s3["configurationId"], "uploads");
    assert_eq!(s3["bucket"]["name"], BUCKET);
    assert_eq!(s3["bucket"]["arn"], format!("arn:aws:s3:::{BUCKET}"));
    assert_eq!(s3["object"]["key"], "raw/a+b%2Bc/%C3%A9.csv");
    assert_eq!(s3["object"]["size"], 5);
    assert_eq!(s3["object"]["eTag"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(s3["object"].get("userMetadata"), None);
}

#[tokio::test]
async fn an_event_names_the_metadata_of_the_object_it_is_about() {
    let house = House::start().await;
    subscribe(&house, &["s3:ObjectCreated:*"], Vec::new()).await;
    for spec in ["one", "two"] {
        let put = house
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("raw/a")
            .metadata("flits-spec", spec);
        put.body(b"the same".to_vec().into()).send().await.unwrap();
    }
    let events = received(&house).await;
    let specs = events
        .iter()
        .map(|event| event["Records"][0]["s3"]["object"]["userMetadata"]["X-Amz-Meta-flits-spec"].clone());
    assert_eq!(specs.collect::<Vec<_>>(), ["one", "two"]);
}

#[tokio::test]
async fn filters_choose_by_event_prefix_and_suffix() {
    let house = House::start().await;
    let rules = vec![
        rule(FilterRuleName::Prefix, "raw/"),
        rule(FilterRuleName::Suffix, ".csv"),
    ];
    subscribe(&house, &["s3:ObjectCreated:Put"], rules).await;
    for key in ["raw/a.csv", "raw/a.txt", "other/a.csv", "raw/.csv"] {
        house.put(key, Vec::new()).await;
    }
    let copy = house
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("raw/b.csv")
        .copy_source(format!("{BUCKET}/raw/a.csv"));
    copy.send().await.unwrap();
    house
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("raw/a.csv")
        .send()
        .await
        .unwrap();
    let events = received(&house).await;
    let told: Vec<_> = events.iter().map(name_and_key).collect();
    assert_eq!(
        told,
        [("ObjectCreated:Put", "raw/a.csv"), ("ObjectCreated:Put", "raw/.csv")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_the_winner_of_a_race_is_told() {
    let house = House::start().await;
    subscribe(&house, &["s3:ObjectCreated:*"], vec![]).await;
    for round in 0..20 {
        let key = format!("race/{round}");
        let racers = (0..16).map(|racer: u8| {
            house
                .s3
                .put_object()
                .bucket(BUCKET)
                .key(&key)
                .if_none_match("*")
                .body(vec![racer; 100].into())
                .send()
        });
        join_all(racers).await;
    }
    let events = received(&house).await;
    let mut keys: Vec<_> = events.iter().map(|event| name_and_key(event).1.to_owned()).collect();
    keys.sort_unstable();
    let mut expected: Vec<_> = (0..20).map(|round| format!("race/{round}")).collect();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn a_waiting_receiver_is_woken_by_an_upload() {
    let house = House::start().await;
    subscribe(&house, &["s3:ObjectCreated:*"], vec![]).await;
    let sqs = queues(&house);
    let url = sqs
        .get_queue_url()
        .queue_name(QUEUE)
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let started = std::time::Instant::now();
    let receive = sqs.receive_message().queue_url(&url).wait_time_seconds(20).send();
    let (batch, _) = tokio::join!(receive, house.put("k", Vec::new()));
    assert_eq!(batch.unwrap().messages().len(), 1);
    assert!(started.elapsed().as_secs() < 10, "woken, not timed out");
}

#[tokio::test]
async fn a_configuration_is_checked_and_told_back() {
    let house = House::start().await;
    let put = |configuration| {
        let put = house.s3.put_bucket_notification_configuration().bucket(BUCKET);
        put.notification_configuration(configuration).send()
    };
    let no_queue = put(configuration(&house, &["s3:ObjectCreated:*"], vec![])).await;
    assert_eq!(refusal(no_queue), (400, "InvalidArgument".to_owned()));
    let rules = vec![rule(FilterRuleName::Prefix, "raw/")];
    subscribe(&house, &["s3:ObjectCreated:*"], rules.clone()).await;
    let bad = put(configuration(&house, &["s3:ObjectTagging:*"], rules)).await;
    assert_eq!(refusal(bad), (400, "InvalidArgument".to_owned()));
    let told = house
        .s3
        .get_bucket_notification_configuration()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let queue = &told.queue_configurations()[0];
    assert_eq!(queue.queue_arn(), house.emulator.queues().arn(QUEUE));
    assert_eq!(queue.id(), Some("uploads"));
    let filter = queue.filter().unwrap().key().unwrap();
    assert_eq!(filter.filter_rules()[0].value(), Some("raw/"));
    put(NotificationConfiguration::builder().build()).await.unwrap();
    house.put("raw/k", Vec::new()).await;
    assert!(received(&house).await.is_empty());
}
