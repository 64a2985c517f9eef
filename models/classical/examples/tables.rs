//! Fits every classical member on every series of a table and writes their forecasts, to compare with published figures.
//!
//! `cargo run --release -p classical --example tables -- TABLE.csv HORIZON SEASONS OUT.csv [DROP [MEMBERS]]`
//!
//! The table has the columns `unique_id,ds,y`, rows of one series in order of time. `SEASONS` are steps, as `24,168`; the first is the
//! main one. The last `DROP` rows of each series are left out, to compare members on rows before the test; `MEMBERS` are names, as
//! `ets,theta`. `OUT.csv` gets the columns `unique_id,step,member,value`; a line a member tells the mean time of a fit on standard
//! output.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a tool reads files, arguments and a clock"
)]

use std::{
    env,
    fmt::Write,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use classical::{Classical, Smoother};
use forecast::{
    ArimaSpec, CrostonSpec, EtsSpec, Fit, Fitted, Forecast, History, MstlSpec, Selection, SeriesData, ThetaSpec,
    Training, Transformation, known_future,
};
use series::{Clean, Column, Cut, Frequency, Role, Table, TimeAxis, Transform, WindowShape};

struct One {
    id: String,
    values: Vec<f64>,
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [table, horizon, seasons, out, rest @ ..] = &args[..] else {
        panic!("TABLE.csv HORIZON SEASONS OUT.csv [DROP [MEMBERS]]");
    };
    let whole = |text: &str| text.parse::<usize>().expect("a whole number");
    let (horizon, drop) = (whole(horizon), rest.first().map_or(0, |text| whole(text)));
    let seasons: Vec<usize> = seasons.split(',').map(whole).collect();
    let all = read(&fs::read_to_string(table).expect("a table"), drop);
    let mut members = members();
    if let Some(names) = rest.get(1) {
        members.retain(|(name, _)| names.split(',').any(|kept| kept == *name));
    }
    let (next, threads) = (
        AtomicUsize::new(0),
        thread::available_parallelism().map_or(1, usize::from),
    );
    let work = || {
        let (mut lines, mut times) = (String::new(), vec![Duration::ZERO; members.len()]);
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            for ((name, fit), time) in members.iter().zip(&mut times) {
                let (values, took) = forecast(one, fit, horizon, &seasons);
                *time += took;
                for (step, value) in values.iter().enumerate() {
                    writeln!(lines, "{},{},{name},{value}", one.id, step + 1).expect("memory");
                }
            }
        }
        (lines, times)
    };
    let (mut text, mut times) = (
        "unique_id,step,member,value\n".to_owned(),
        vec![Duration::ZERO; members.len()],
    );
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (lines, took) = worker.join().expect("a worker");
            text.push_str(&lines);
            for (sum, took) in times.iter_mut().zip(took) {
                *sum += took;
            }
        }
    });
    fs::write(out, text).expect("a place to write");
    let count = u32::try_from(all.len().max(1)).expect("a table of series");
    for ((name, _), time) in members.iter().zip(times) {
        println!("{name}: {:.3} ms a fit", (time / count).as_secs_f64() * 1e3);
    }
}

fn members() -> Vec<(&'static str, Classical)> {
    let ets = EtsSpec::default();
    vec![
        ("ets", Classical::ets(&ets)),
        (
            "ets-best",
            Classical::ets(&EtsSpec {
                select: Selection::Best,
                ..ets.clone()
            }),
        ),
        (
            "ets-plain",
            Classical::ets(&EtsSpec {
                transform: Transformation::None,
                ..ets
            }),
        ),
        ("theta", Classical::theta(&ThetaSpec::default())),
        ("mstl", Classical::mstl(&MstlSpec::default())),
        ("arima", Classical::arima(&ArimaSpec::default())),
        ("croston", Classical::croston(&CrostonSpec::default())),
    ]
}

fn read(text: &str, drop: usize) -> Vec<One> {
    let mut all: Vec<One> = Vec::new();
    for line in text.lines().skip(1) {
        let mut cells = line.split(',');
        let id = cells.next().expect("a name");
        let value = cells.nth(1).and_then(|cell| cell.parse().ok()).expect("a value");
        match all.last_mut() {
            Some(one) if one.id == id => one.values.push(value),
            _ => all.push(One {
                id: id.to_owned(),
                values: vec![value],
            }),
        }
    }
    for one in &mut all {
        one.values.truncate(one.values.len().saturating_sub(drop));
    }
    all.retain(|one| one.values.len() >= 2);
    all
}

fn forecast(one: &One, fit: &Classical, horizon: usize, seasons: &[usize]) -> (Vec<f64>, Duration) {
    let rows = one.values.len();
    let names = ["y".to_owned()];
    let column = Column {
        name: names[0].clone(),
        role: Role::Target,
        values: one.values.clone(),
    };
    let axis = TimeAxis::new(0, Frequency::Seconds(3_600), rows);
    let table = Table::new(String::new(), axis, vec![column], None).expect("a table of one column");
    let transform = Transform::fit(&table, 0..rows, &Clean::default()).expect("values");
    let scaled = transform.apply(&table, 0..rows).expect("values");
    let window = WindowShape {
        context: 1,
        horizon: 1,
        stride: 1,
    };
    let cut = Cut {
        training: 0..rows,
        select: rows..rows,
        calibrate: rows..rows,
        holdout: rows..rows,
        refits: Vec::new(),
        windows: rows - 1,
        window,
        sampled_rows: rows,
    };
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window,
        season: seasons[0],
        seasons,
        contexts: &[],
        threads: 1,
        cut: "tables",
        target_names: &names,
        input_names: &names,
    };
    let begun = Instant::now();
    let fitted = fit.run(&data, None, &|| false, &mut |_, _| ()).expect("a fit");
    let took = begun.elapsed();
    let Fitted::Finished(artifact) = fitted else {
        panic!("nobody stops it");
    };
    let model = Smoother::read(&artifact).expect("the artifact was just made");
    let future = &known_future(&scaled, rows, horizon);
    let history = History {
        scaled: &scaled,
        origin: rows,
        future,
    };
    let values = model.forecast(&history, horizon).expect("a forecast").data;
    (
        values.into_iter().map(|value| transform.unscale(0, value)).collect(),
        took,
    )
}
