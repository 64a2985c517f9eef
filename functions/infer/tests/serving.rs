//! Forecasts on request: what is answered, what is refused in which words, and what happens when a champion cannot be
//! read.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use contract::{Entry, PartId, keys};
use platform::{Platform, Store as _, documents, http::HttpConfig};
use serde_json::{Value, json};
use series::Role;
use testing::{
    memory::{Fault, Faults, How, When, World},
    stage::{dataset, platform, table},
};
use tower::ServiceExt as _;

use support::{drain, waiting};

/// A world with a champion, and the face that serves it.
struct Served {
    world: World,
    platform: Platform,
    router: Router,
}

impl Served {
    async fn new() -> Self {
        let world = waiting().await;
        let platform = platform(&world);
        drain(&world, &platform).await;
        Self::of(world, platform)
    }

    fn of(world: World, platform: Platform) -> Self {
        let router = infer::face(&platform).guarded(&HttpConfig::default(), &platform);
        Self {
            world,
            platform,
            router,
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
        let value = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
        (status, value)
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.post_text(path, &body.to_string()).await
    }

    async fn post_text(&self, path: &str, body: &str) -> (StatusCode, Value) {
        self.send(Request::post(path).body(Body::from(body.to_owned())).unwrap())
            .await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn forecast(&self, body: &Value) -> Value {
        let (status, answer) = self.post("/v1/timeseries/forecast", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// The refusal of a forecast: its status, and the error.
    async fn refused(&self, body: &Value) -> (u16, Value) {
        let (status, answer) = self.post("/v1/timeseries/forecast", body).await;
        (status.as_u16(), answer["error"].clone())
    }

    async fn entry(&self, generation: u64) -> Entry {
        let key = keys::champion_entry(&dataset(), PartId::WHOLE, generation);
        documents::read(&*self.world.store, &key).await.unwrap().unwrap().0
    }

    /// Appends an entry to the champion log.
    async fn append(&self, change: impl FnOnce(&mut Entry)) -> Entry {
        let mut generation = 1;
        while documents::is_there(
            &*self.world.store,
            &keys::champion_entry(&dataset(), PartId::WHOLE, generation + 1),
        )
        .await
        .unwrap()
        {
            generation += 1;
        }
        let mut entry = self.entry(generation).await;
        entry.generation += 1;
        change(&mut entry);
        let key = keys::champion_entry(&dataset(), PartId::WHOLE, entry.generation);
        let body = documents::json(&key, &entry).unwrap();
        self.world.store.create(&key, body).await.unwrap();
        entry
    }
}

/// The last rows of the table that the champion was fitted on, as inputs.
fn inputs(rows: usize) -> Value {
    let table = table(100);
    let start = table.axis.label(100 - rows);
    let columns = table.columns.iter().filter(|column| column.role != Role::Calendar);
    let input = |column: &series::Column| {
        json!({"type": "univariate_time_series", "name": column.name, "series": column.values[100 - rows..],
               "frequency": "30m", "start_timestamp": start})
    };
    columns.map(input).collect()
}

fn means(answer: &Value) -> Vec<Value> {
    let content = answer["outputs"][0]["content"].as_array().unwrap();
    content.iter().map(|one| one["mean_forecast"].clone()).collect()
}

#[tokio::test]
async fn a_history_that_is_sent_gives_the_forecast_of_the_stored_rows() {
    let served = Served::new().await;
    let (status, stored) = served.get("/forecasts/cell").await;
    assert_eq!(status, StatusCode::OK);
    let steps = stored["times"].as_array().unwrap().len();
    let sent = served
        .forecast(&json!({"model": "cell", "inputs": inputs(100), "options": {"horizon": steps}}))
        .await;
    assert_eq!(json!(means(&sent)), stored["mean"]);
    assert_eq!(sent["outputs"][0]["content"][0]["start_timestamp"], stored["times"][0]);
    assert_eq!(sent["status"], "completed");

    let known = served
        .forecast(&json!({"model": "cell", "options": {"horizon": steps}}))
        .await;
    assert_eq!(
        means(&known),
        means(&sent),
        "without inputs, from the newest known rows"
    );
}

#[tokio::test]
async fn columns_may_come_as_rows_with_times_or_without() {
    let served = Served::new().await;
    let options = json!({"horizon": 2});
    let expected = means(
        &served
            .forecast(&json!({"model": "cell", "inputs": inputs(100), "options": options}))
            .await,
    );
    let table = table(100);
    let times: Vec<String> = (0..100).map(|row| table.axis.label(row)).collect();
    let column = |name: &str| table.column(name).unwrap().values.clone();
    let rows: Vec<[f64; 2]> = column("down").into_iter().zip(column("up")).map(Into::into).collect();
    let (down, up) = (column("down"), column("up"));
    for (what, inputs) in [
        (
            "rows",
            json!([{"type": "multivariate_time_series", "name": "all", "series": rows, "times": times}]),
        ),
        (
            "named rows",
            json!([{"name": "all", "series": rows, "times": times, "columns": ["down", "up"]}]),
        ),
        (
            "no times",
            json!([{"name": "down", "series": down}, {"name": "up", "values": up}]),
        ),
        (
            "a start",
            json!([{"name": "up", "series": up, "start": times[0]}, {"name": "down", "series": down, "times": times}]),
        ),
    ] {
        let answer = served
            .forecast(&json!({"model": "cell", "inputs": inputs, "options": options}))
            .await;
        assert_eq!(means(&answer), expected, "{what}");
    }
}

#[tokio::test]
async fn quantiles_are_those_that_were_asked_for_and_do_not_cross() {
    let served = Served::new().await;
    let body =
        json!({"model": "cell", "inputs": inputs(100), "options": {"horizon": 3, "quantiles": [0.1, 0.45, 0.5, 0.9]}});
    let answer = served.forecast(&body).await;
    for one in answer["outputs"][0]["content"].as_array().unwrap() {
        let quantiles = one["quantiles"].as_object().unwrap();
        assert_eq!(quantiles.len(), 4);
        let at = |level: &str, step: usize| quantiles[level][step].as_f64().unwrap();
        for step in 0..3 {
            let values = ["0.1", "0.45", "0.5", "0.9"].map(|level| at(level, step));
            assert!(values.is_sorted(), "{values:?}");
        }
    }
}

#[tokio::test]
async fn a_gap_is_filled_and_times_may_have_holes() {
    let served = Served::new().await;
    let mut inputs = inputs(100);
    inputs[0]["series"][97] = Value::Null;
    served
        .forecast(&json!({"model": "cell", "inputs": inputs, "options": {"horizon": 1}}))
        .await;
}

#[expect(clippy::too_many_lines, reason = "a table of requests")]
#[tokio::test]
async fn every_wrong_request_names_field_value_and_bound() {
    let served = Served::new().await;
    let body = |inputs: Value, options: Value| json!({"model": "cell", "inputs": inputs, "options": options});
    let one = |change: &dyn Fn(&mut Value)| {
        let mut inputs = inputs(100);
        change(&mut inputs[0]);
        inputs
    };
    let horizon = json!({"horizon": 2});
    let table = table(100);
    let times: Vec<String> = (0..100).map(|row| table.axis.label(row)).collect();
    let changed = |at: usize, text: &str| {
        let mut times = times.clone();
        times[at] = text.to_owned();
        times
    };
    for (request, param, message) in [
        (body(inputs(100), json!({"horizon": 0})), "options.horizon", "is 0"),
        (
            body(inputs(100), json!({"horizon": 1_000_000})),
            "options.horizon",
            "is 1000000",
        ),
        (
            body(inputs(100), json!({"horizon": 2, "quantiles": [0.1, 0.99]})),
            "options.quantiles[1]",
            "0.99",
        ),
        (
            body(one(&|input| input["name"] = json!("nope")), horizon.clone()),
            "inputs[0].name",
            "no column `nope`",
        ),
        (
            body(one(&|input| input["name"] = json!("up")), horizon.clone()),
            "inputs[1].name",
            "there twice",
        ),
        (
            body(json!([inputs(100)[0]]), horizon.clone()),
            "inputs",
            "needs the columns `up`",
        ),
        (
            body(one(&|input| input["frequency"] = json!("H")), horizon.clone()),
            "inputs[0].frequency",
            "at 30m",
        ),
        (
            body(one(&|input| input["start_timestamp"] = json!("soon")), horizon.clone()),
            "inputs[0].start_timestamp",
            "`soon`",
        ),
        (
            body(one(&|input| input["series"] = json!(["x"])), horizon.clone()),
            "inputs[0].series",
            "invalid type",
        ),
        (
            body(one(&|input| input["series"] = json!([[1, 2, 3]])), horizon.clone()),
            "inputs[0].series[0]",
            "3 values for 2",
        ),
        (
            body(
                one(&|input| {
                    input["start_timestamp"] = Value::Null;
                    input["times"] = json!(["2018-02-01"]);
                }),
                horizon.clone(),
            ),
            "inputs[0].times",
            "1 times for 100",
        ),
        (
            body(
                one(&|input| {
                    input["start_timestamp"] = Value::Null;
                    input["times"] = json!(changed(3, &times[2]));
                }),
                horizon.clone(),
            ),
            "inputs[0].times[3]",
            "there twice",
        ),
        (
            body(
                one(&|input| {
                    input["start_timestamp"] = Value::Null;
                    input["times"] = json!(changed(3, &times[1]));
                }),
                horizon.clone(),
            ),
            "inputs[0].times[3]",
            "is before",
        ),
        (
            body(
                one(&|input| {
                    input["start_timestamp"] = Value::Null;
                    input["times"] = json!(changed(99, "2018-02-05T00:00:01Z"));
                }),
                horizon.clone(),
            ),
            "inputs[0].times[99]",
            "between two rows",
        ),
        (
            body(
                one(&|input| {
                    input["start_timestamp"] = Value::Null;
                    input["times"] = json!(changed(99, "3018-02-05T00:00:00Z"));
                }),
                horizon.clone(),
            ),
            "inputs",
            "too long a history",
        ),
        (
            body(one(&|input| input["series"][3] = json!(1e301)), horizon.clone()),
            "inputs[0].series[3]",
            "1e301",
        ),
        (body(inputs(1), horizon.clone()), "inputs", "the champion needs"),
        (json!({"model": "../x", "inputs": []}), "model", "names no dataset"),
        (json!({"model": "cell@-1", "inputs": []}), "model", "a generation"),
        (json!({"inputs": []}), "body", "missing field `model`"),
        (json!([]), "body", "invalid"),
    ] {
        let (status, error) = served.refused(&request).await;
        assert_eq!(status, 400, "{param}: {error}");
        assert_eq!(error["param"], param, "{error}");
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{message}: {error}"
        );
    }
    for text in [
        "{\"model\":\"cell\",\"inputs\":[{\"name\":\"down\",\"series\":[NaN]}]}",
        "{\"model\":",
        "",
        "\u{0}",
    ] {
        assert_eq!(
            served.post_text("/v1/timeseries/forecast", text).await.0,
            StatusCode::BAD_REQUEST,
            "{text}"
        );
    }
    let huge = r#"{"model":"cell","inputs":[{"name":"down","series":[1e400]}]}"#;
    let (status, answer) = served.post_text("/v1/timeseries/forecast", huge).await;
    assert_eq!(
        (status.as_u16(), answer["error"]["param"].as_str()),
        (400, Some("inputs[0].series")),
        "{answer}"
    );
}

#[tokio::test]
async fn an_unknown_dataset_is_not_found_and_one_without_a_champion_says_so() {
    let served = Served::new().await;
    for (path, model) in [("/v1/models/nope", "nope"), ("/forecasts/nope", "nope")] {
        let (status, answer) = served.get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(model), "{answer}");
    }
    let (status, error) = served.refused(&json!({"model": "nope"})).await;
    assert_eq!(status, 404, "{error}");
    assert_eq!(error["message"], "dataset `nope` has no champion");
}

#[tokio::test]
async fn a_champion_is_described() {
    let served = Served::new().await;
    let (_, models) = served.get("/v1/models").await;
    assert_eq!(models, json!({"models": ["cell"]}));
    let (status, model) = served.get("/v1/models/cell").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(model["targets"], json!(["down"]));
    assert_eq!(model["columns"], json!(["down", "up"]));
    assert_eq!(model["frequency"], "30m");
    assert_eq!(model["stale"], false);
    let metrics = served.platform.metrics.text(0);
    assert!(
        metrics.contains("flits_champion_age_seconds{dataset=\"cell\"}"),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_predecessors_bodies_are_answered_alike() {
    let served = Served::new().await;
    let table = table(100);
    let column = |name: &str| table.column(name).unwrap().values.clone();
    let (down, up) = (column("down"), column("up"));
    let times: Vec<String> = (0..100).map(|row| table.axis.label(row)).collect();
    let records: Vec<Value> = (0..100)
        .map(|row| json!({"time": times[row], "down": down[row], "up": up[row]}))
        .collect();
    let rows: Vec<Value> = (0..100).map(|row| json!([down[row], up[row]])).collect();
    let (status, expected) = served.post_text("/predict", "").await;
    assert_eq!(status, StatusCode::OK, "{expected}");
    let steps = expected["index"].as_array().unwrap().len();
    assert_eq!(expected["predictions"]["down"].as_array().unwrap().len(), steps);
    for (what, body) in [
        ("an empty object", json!({})),
        (
            "columns",
            json!({"data": {"when": times, "down": down, "up": up}, "index_col": "when"}),
        ),
        (
            "columns with a usual index",
            json!({"data": {"ts": times, "down": down, "up": up, "other": down}}),
        ),
        ("records", json!({"data": records, "inference_length": steps})),
        ("rows", json!({"model": "cell", "data": rows})),
    ] {
        let (status, answer) = served.post("/predict", &body).await;
        assert_eq!(status, StatusCode::OK, "{what}: {answer}");
        assert_eq!(answer, expected, "{what}");
    }
    let (_, short) = served.post("/predict", &json!({"inference_length": 1})).await;
    assert_eq!(short["predictions"]["down"][0], expected["predictions"]["down"][0]);
    for (body, param) in [
        (json!({"data": 1}), "data"),
        (json!({"data": {"down": 1}}), "data.down"),
        (
            json!({"data": {"down": down, "up": up}, "index_col": "when"}),
            "index_col",
        ),
        (json!({"data": {"down": ["x"], "up": [1]}}), "data.down[0]"),
        (json!({"data": [[1]]}), "data[0]"),
        (json!({"data": {"down": down}}), "inputs"),
        (json!({"inference_length": 0}), "inference_length"),
        (json!({"inference_lenght": 1}), "body"),
    ] {
        let (status, answer) = served.post("/predict", &body).await;
        assert_eq!(
            (status.as_u16(), answer["error"]["param"].as_str()),
            (400, Some(param)),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_newer_champion_reigns_within_ten_seconds_and_older_ones_can_be_asked_for() {
    let served = Served::new().await;
    let generation = async || served.get("/v1/models/cell").await.1["generation"].as_u64().unwrap();
    let first = generation().await;
    let added = served.append(|_| {}).await;
    assert_eq!(generation().await, first, "not looked at again yet");
    served.world.clock.advance(Duration::from_secs(5));
    assert_eq!(
        generation().await,
        first,
        "no request of a busy server waits for the look"
    );
    for _ in 0..1_000 {
        if generation().await != first {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(generation().await, added.generation);
    let newest = served.append(|_| {}).await;
    served.world.clock.advance(Duration::from_secs(10));
    assert_eq!(
        generation().await,
        newest.generation,
        "after a pause the next request looks itself"
    );
    let added = newest;
    let (_, older) = served.get(&format!("/v1/models/cell@{first}")).await;
    assert_eq!(older["generation"], first);
    let digest = served.entry(first).await.artifact.hex();
    let (status, _) = served.get(&format!("/v1/models/cell@{}", &digest[..12])).await;
    assert_eq!(status, StatusCode::OK);
    let (status, none) = served.get("/v1/models/cell@99").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(none["error"]["bound"], format!("1 to {}", added.generation));
}

#[tokio::test]
async fn a_corrupt_champion_never_serves_and_the_last_good_one_is_flagged() {
    let served = Served::new().await;
    let before = served
        .forecast(&json!({"model": "cell", "options": {"horizon": 1}}))
        .await;
    let reigning = served.get("/v1/models/cell").await.1["generation"].as_u64().unwrap();
    let entry = served.entry(reigning).await;
    let key = keys::artifact(&dataset(), PartId::WHOLE, entry.artifact);
    let mut bytes = served.world.store.get(&key, 1 << 24).await.unwrap().bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    served.world.store.put(&key, bytes.into()).await.unwrap();
    served.append(|_| {}).await;
    served.world.clock.advance(Duration::from_secs(10));

    let after = served
        .forecast(&json!({"model": "cell", "options": {"horizon": 1}}))
        .await;
    assert_eq!(means(&after), means(&before));
    assert_eq!((&before["stale"], &after["stale"]), (&json!(false), &json!(true)));
    let metrics = served.platform.metrics.text(0);
    assert!(
        metrics.contains("flits_champion_stale{dataset=\"cell\"} 1"),
        "{metrics}"
    );

    // A process that has no good one in memory serves nothing.
    let fresh = Served::of(served.world, served.platform);
    let (status, error) = fresh.refused(&json!({"model": "cell"})).await;
    assert_eq!(status, 503, "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("cannot be served"),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_that_is_gone_for_a_while_leaves_the_last_champion_flagged() {
    let calm = Served::new().await;
    let model = async |served: &Served| served.get("/v1/models/cell").await.1;
    let asked = model(&calm).await;
    // As many operations as the first request makes; the next look at the store is lost.
    let counted = Faults::new(None);
    let around = |faults: &Arc<Faults>| {
        calm.platform
            .clone()
            .on(faults.store(calm.world.store.clone()), calm.world.queue.clone())
    };
    let first = Served::of(World::new(), around(&counted));
    assert_eq!(model(&first).await, asked);
    let faults = Faults::new(Some(Fault {
        at: counted.operations().len(),
        when: When::Before,
        how: How::TimeOut,
    }));
    let served = Served::of(World::new(), around(&faults));
    assert_eq!(model(&served).await, asked);
    calm.world.clock.advance(Duration::from_secs(10));
    let flagged = model(&served).await;
    assert_eq!((&flagged["stale"], &flagged["name"]), (&json!(true), &asked["name"]));
    assert!(
        flagged["stale_because"].as_str().unwrap().contains("did not answer"),
        "{flagged}"
    );
    calm.world.clock.advance(Duration::from_secs(10));
    assert_eq!(
        model(&served).await,
        asked,
        "it is compared again once the store answers"
    );
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let served = Served::new().await;
    let (status, document) = served.get("/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    for path in [
        "/v1/timeseries/forecast",
        "/v1/timeseries/models",
        "/v1/models",
        "/v1/models/{dataset}",
        "/predict",
        "/forecasts/{dataset}",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    assert!(
        document["components"]["schemas"]["ForecastRequest"]["properties"]["model"].is_object(),
        "{document}"
    );
}
