//! Forecasts of all series of a competition's table, each by the stages that an upload passes, with defaults only.
//!
//! `accuracy TRAIN.csv TEST.csv FREQUENCY HORIZON SEASON [SPEC.toml [EVERY]]` prints a line of JSON for each series and one for
//! all: sMAPE and MASE as the competition measures them, how often the 80 % interval held the truth, who was promoted, and
//! the time. Training rows are all that the stages see; the test rows only score. With `EVERY`, each so many-th series is taken.

#![expect(clippy::unwrap_used, reason = "an example that panics has failed")]
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use contract::{
    Digest, Entry, ForecastDocument, Latest, Message, PartId, SampleTask, Spec, Stage, Task, canonical, keys,
};
use platform::{Delivery, ErasedWork, Outbox as _, Outcome, Platform, Queue, Stop, Store, documents::read, driver};
use serde::Serialize;
use series::{Column, Frequency, Role, Table, TimeAxis, calendar};
use testing::{
    memory::World,
    stage::{dataset, platform, put_clean, spec},
};

/// One series of a table.
struct Series {
    name: String,
    first: i64,
    values: Vec<f64>,
    truth: Vec<f64>,
}

/// What came of one series.
#[derive(Serialize)]
struct Scored {
    series: String,
    /// Who was promoted.
    member: String,
    smape: f64,
    mase: Option<f64>,
    /// How many of the `steps` the 80 % interval held.
    inside: usize,
    steps: usize,
    /// The scores that decided, by member.
    scores: BTreeMap<String, f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, frequency, horizon, season, rest @ ..] = &arguments[..] else {
        eprintln!("accuracy TRAIN.csv TEST.csv FREQUENCY HORIZON SEASON [SPEC.toml [EVERY]]");
        std::process::exit(2);
    };
    let (frequency, horizon, season): (Frequency, usize, usize) = (
        frequency.parse().unwrap(),
        horizon.parse().unwrap(),
        season.parse().unwrap(),
    );
    let own = rest
        .first()
        .map_or(String::new(), |path| std::fs::read_to_string(path).unwrap());
    let spec = spec(&format!("forecast.horizon = {horizon}\n{own}"));
    let every = rest.get(1).map_or(1, |every| every.parse().unwrap());
    let all = series(train, test, every);
    let (next, done, began) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Instant::now());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scored = forecast(one, frequency, season, &spec);
                    done.lock().unwrap().push(scored);
                }
            });
        }
    });
    report(&done.into_inner().unwrap(), began.elapsed());
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand series")]
fn report(done: &[Scored], took: Duration) {
    for scored in done {
        println!("{}", serde_json::to_string(scored).unwrap());
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let sum = |of: fn(&Scored) -> usize| done.iter().map(of).sum::<usize>();
    let mut champions = BTreeMap::<&str, usize>::new();
    for scored in done {
        *champions.entry(&scored.member).or_default() += 1;
    }
    let all = serde_json::json!({
        "series": done.len(),
        "smape": mean(done.iter().map(|scored| scored.smape).collect()),
        "mase": mean(done.iter().filter_map(|scored| scored.mase).collect()),
        "coverage": sum(|scored| scored.inside) as f64 / sum(|scored| scored.steps).max(1) as f64,
        "seconds": took.as_secs_f64(),
        "champions": champions,
    });
    println!("{all}");
}

/// Walks one series from its clean part to its forecast, and scores that.
fn forecast(series: &Series, frequency: Frequency, season: usize, spec: &Spec) -> Scored {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new();
        let mut platform = platform(&world);
        platform.host.threads = 1;
        let key = keys::resolved(&dataset(), spec.digest());
        world.store.put(&key, canonical(spec).unwrap().into()).await.unwrap();
        let clean = put_clean(&table(series, frequency), &*world.store).await;
        start(clean, spec, &world).await;
        while pump(&world, &platform).await > 0 {}
        outcome(series, season, &world).await
    })
}

fn table(series: &Series, frequency: Frequency) -> Table {
    let axis = TimeAxis::new(series.first, frequency, series.values.len());
    let mut columns = vec![Column {
        name: "y".to_owned(),
        role: Role::Target,
        values: series.values.clone(),
    }];
    for (name, values) in calendar(&axis, 0..axis.len) {
        columns.push(Column {
            name: name.to_owned(),
            role: Role::Calendar,
            values,
        });
    }
    Table::new(String::new(), axis, columns, None).unwrap()
}

async fn start(clean: Digest, spec: &Spec, world: &World) {
    let task = Task::Sample(SampleTask {
        dataset: dataset(),
        part: PartId::WHOLE,
        spec: spec.digest(),
        salt: String::new(),
        clean,
    });
    let message = Message::new(task, spec, "accuracy").to_json();
    world.queue.send(Stage::Sample, &[message]).await.unwrap();
}

/// Receives the messages of every stage and runs them, as a host does. Returns their number.
async fn pump(world: &World, platform: &Platform) -> usize {
    let functions: [Box<dyn ErasedWork>; 4] = [
        Box::new(sample::Sample),
        Box::new(train::Train),
        Box::new(eval::Eval),
        Box::new(infer::Infer),
    ];
    let mut seen = 0;
    for function in &functions {
        let stage = function.stage();
        for delivered in world.queue.receive(stage, 10, Duration::ZERO).await.unwrap() {
            seen += 1;
            let delivery = Delivery {
                handle: Some(delivered.handle.clone()),
                receive_count: delivered.receive_count,
                stop: Stop::never(),
            };
            let message = Message::parse(delivered.body.as_bytes()).unwrap();
            let outcome = driver::run(&**function, message, &delivery, platform).await;
            assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
            platform.queue.delete(stage, &delivered.handle).await.unwrap();
        }
    }
    seen
}

#[expect(clippy::cast_precision_loss, reason = "a few dozen steps")]
async fn outcome(series: &Series, season: usize, world: &World) -> Scored {
    let key = keys::latest(&dataset(), PartId::WHOLE);
    let latest = read::<Latest>(&*world.store, &key).await.unwrap();
    let (latest, _) = latest.unwrap_or_else(|| panic!("{}: no forecast", series.name));
    let (forecast, _) = read::<ForecastDocument>(&*world.store, &latest.key)
        .await
        .unwrap()
        .unwrap();
    let key = keys::champion_entry(&dataset(), PartId::WHOLE, latest.generation);
    let (entry, _) = read::<Entry>(&*world.store, &key).await.unwrap().unwrap();
    let pairs = || series.truth.iter().zip(&forecast.mean[0]);
    let n = series.truth.len() as f64;
    let smape = pairs().map(|(y, f)| percent(*y, *f)).sum::<f64>() / n;
    let mae = pairs().map(|(y, f)| (y - f).abs()).sum::<f64>() / n;
    let lagged = series.values.iter().zip(series.values.iter().skip(season));
    let scale = lagged.clone().map(|(a, b)| (b - a).abs()).sum::<f64>() / lagged.count().max(1) as f64;
    let bound = |level: &str| forecast.quantiles.get(level).map(|rows| &rows[0]);
    let inside = match (bound("0.1"), bound("0.9")) {
        (Some(low), Some(high)) => {
            let steps = series.truth.iter().zip(low.iter().zip(high));
            steps.filter(|(y, (low, high))| (*low..=*high).contains(y)).count()
        }
        _ => 0,
    };
    let scaled = (scale > 0.0).then_some(mae / scale);
    let scores = entry.outcomes.iter();
    let scores = scores.filter_map(|one| Some((one.member.to_string(), one.score?)));
    Scored {
        series: series.name.clone(),
        member: entry.member.to_string(),
        smape,
        mase: scaled,
        inside,
        steps: series.truth.len(),
        scores: scores.collect(),
    }
}

fn percent(actual: f64, forecast: f64) -> f64 {
    let size = actual.abs() + forecast.abs();
    if size == 0.0 {
        0.0
    } else {
        200.0 * (actual - forecast).abs() / size
    }
}

/// Reads the series of a table of `unique_id,ds,y`, and the rows that come after them.
fn series(train: &str, test: &str, every: usize) -> Vec<Series> {
    let mut truths = BTreeMap::<String, Vec<f64>>::new();
    for (name, _, value) in rows(test) {
        truths.entry(name).or_default().push(value);
    }
    let mut all: Vec<Series> = Vec::new();
    for (name, time, value) in rows(train) {
        if all.last().is_none_or(|series| series.name != name) {
            all.push(Series {
                truth: truths.remove(&name).unwrap(),
                name,
                first: seconds(&time),
                values: Vec::new(),
            });
        }
        all.last_mut().unwrap().values.push(value);
    }
    all.into_iter().step_by(every).collect()
}

fn rows(path: &str) -> Vec<(String, String, f64)> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let row = |line: &str| {
        let mut cells = line.split(',');
        let mut cell = || cells.next().unwrap();
        (cell().to_owned(), cell().to_owned(), cell().parse().unwrap())
    };
    text.lines().skip(1).map(row).collect()
}

fn seconds(time: &str) -> i64 {
    let day: jiff::civil::DateTime = time.parse().unwrap();
    day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()
}
