//! Prints how long forecasts take, one JSON line for each cell and precision: one window of 10 rows and 17 inputs, 11 targets one step
//! ahead, 2 layers of 128 units, and 3,972 windows on one thread and on two, each the median, the best and the worst of many.
//!
//! `cargo run --release -p recurrent --example latency`
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement looks at a clock"
)]

use std::time::Instant;

use forecast::{Fit, Fitted, Forecast, History, Precision, RecurrentSpec, Threaded};
use recurrent::{Cell, Net, Recurrent};
use series::Matrix;

mod waves;

const WINDOWS: usize = 3_972;

fn main() {
    let precisions = [(Precision::F32, "f32"), (Precision::Bf16, "bf16")];
    for (cell, (precision, name)) in [Cell::Gru, Cell::Lstm]
        .into_iter()
        .flat_map(|cell| precisions.map(|one| (cell, one)))
    {
        let data = waves::Waves::new(WINDOWS + 10);
        let spec = RecurrentSpec {
            epochs: 1,
            batch: WINDOWS,
            precision,
            ..RecurrentSpec::default()
        };
        let model = Recurrent::new(cell, &spec);
        let fitted = data.with_training(1, |training| model.run(training, None, &|| false, &mut |_, _| ()));
        let Ok(Fitted::Finished(artifact)) = fitted else {
            panic!("a fit of one update ends");
        };
        let net = Net::read(&artifact).expect("the artifact was just made");
        let future = Matrix::zeros(0, waves::INPUTS);
        let history = History {
            scaled: &data.scaled,
            origin: 10,
            future: &future,
        };
        let one = times(2000, || {
            net.forecast(&history, 1).expect("the history is long enough");
        });
        let origins: Vec<usize> = (10..10 + WINDOWS).collect();
        let [all, on_two] = [1, 2].map(|threads| {
            times(21, || {
                let net = Threaded::new(&net, threads);
                let forecasts = net.forecast_origins(&data.scaled, &origins, 1, &mut |_, _| ());
                forecasts.expect("the history is long enough");
            })
        });
        println!(
            "{{\"cell\": \"{cell}\", \"precision\": \"{name}\", \"one_window_us\": {}, \"windows\": {WINDOWS}, \
             \"batch_ms\": {}, \"batch_2_threads_ms\": {}}}",
            one.json(1e6),
            all.json(1e3),
            on_two.json(1e3)
        );
    }
}

struct Times(Vec<f64>);

impl Times {
    fn json(&self, scale: f64) -> String {
        let at = |place: usize| self.0[place] * scale;
        let (median, worst) = (at(self.0.len() / 2), at(self.0.len() - 1));
        format!(
            "{{\"median\": {median:.1}, \"min\": {:.1}, \"max\": {worst:.1}}}",
            at(0)
        )
    }
}

fn times(runs: usize, mut run: impl FnMut()) -> Times {
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    Times(seconds)
}
