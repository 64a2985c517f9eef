//! Small series to fit on.

use classical::{Classical, Smoother};
use forecast::{
    ArimaSpec, Artifact, Checkpoint, CrostonSpec, Demand, EtsSpec, Fit, FitError, Fitted, Forecast, ForecastError,
    History, MstlSpec, SeriesData, ThetaSpec, Training, known_future,
};
use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

pub(crate) const HOUR: u64 = 3_600;

/// One series with its cut.
#[derive(Clone)]
pub(crate) struct Series {
    pub(crate) scaled: Scaled,
    pub(crate) cut: Cut,
    pub(crate) season: usize,
    /// All seasons; empty where only the main one is known.
    pub(crate) seasons: Vec<usize>,
    names: Vec<String>,
}

impl Series {
    /// Uses the first rows for training; NaN is a row that was not observed and becomes 0.
    pub(crate) fn new(targets: &[Vec<f64>], training: usize, season: usize) -> Self {
        let rows = targets[0].len();
        let number = |y: f64| if y.is_nan() { 0.0 } else { y };
        let window = WindowShape {
            context: 1,
            horizon: 1,
            stride: 1,
        };
        Self {
            scaled: Scaled {
                values: Matrix {
                    rows,
                    cols: targets.len(),
                    data: (0..rows)
                        .flat_map(|row| targets.iter().map(move |y| number(y[row])))
                        .collect(),
                },
                axis: TimeAxis::new(0, Frequency::Seconds(HOUR), rows),
                observed: targets
                    .iter()
                    .map(|y| y.iter().map(|y| !y.is_nan()).collect())
                    .collect(),
                targets: (0..targets.len()).collect(),
                past: Vec::new(),
                calendar: Vec::new(),
                lags: Vec::new(),
                complete: vec![true; rows],
                drops_incomplete: false,
                units: Vec::new(),
            },
            cut: Cut {
                training: 0..training,
                select: training..training,
                calibrate: training..training,
                holdout: training..rows,
                refits: Vec::new(),
                windows: training - 1,
                window,
                sampled_rows: training,
            },
            season,
            seasons: Vec::new(),
            names: (0..targets.len()).map(|index| format!("y{index}")).collect(),
        }
    }

    pub(crate) fn run(
        &self,
        fit: &Classical,
        threads: usize,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Fitted, FitError> {
        let data = Training {
            series: &[SeriesData {
                scaled: &self.scaled,
                cut: &self.cut,
            }],
            window: self.cut.window,
            season: self.season,
            seasons: &self.seasons,
            contexts: &[],
            threads,
            cut: "c0ffee",
            target_names: &self.names,
            input_names: &self.names,
        };
        fit.run(&data, resume, stop, &mut |_, _| ())
    }

    pub(crate) fn artifact(&self, fit: &Classical) -> Artifact {
        finished(self.run(fit, 1, None, &|| false).unwrap())
    }

    /// Fits and reads the model back from its bytes.
    pub(crate) fn model(&self, fit: &Classical) -> Smoother {
        let bytes = self.artifact(fit).to_bytes().unwrap();
        Smoother::read(&Artifact::parse(&bytes).unwrap()).unwrap()
    }

    pub(crate) fn forecast(&self, model: &Smoother, origin: usize, steps: usize) -> Result<Matrix, ForecastError> {
        let future = known_future(&self.scaled, origin, steps);
        model.forecast(
            &History {
                scaled: &self.scaled,
                origin,
                future: &future,
            },
            steps,
        )
    }

    /// Returns the forecasts of one row ahead.
    pub(crate) fn one_step(&self, model: &Smoother, origins: &[usize]) -> Vec<f64> {
        let mut expected = Vec::new();
        model
            .forecast_origins(&self.scaled, origins, 1, &mut |_, values| expected.push(values[0]))
            .unwrap();
        expected
    }
}

pub(crate) fn finished(fitted: Fitted) -> Artifact {
    match fitted {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(_) => panic!("nobody asked it to stop"),
    }
}

/// One fit of each kind.
pub(crate) fn kinds() -> [Classical; 4] {
    [
        Classical::ets(&EtsSpec::default()),
        Classical::theta(&ThetaSpec::default()),
        Classical::mstl(&MstlSpec::default()),
        Classical::arima(&ArimaSpec::default()),
    ]
}

/// The fit of demand that is mostly 0, which goes on with neither season nor slope.
pub(crate) fn demand(method: Demand) -> Classical {
    Classical::croston(&CrostonSpec {
        method,
        ..CrostonSpec::default()
    })
}

/// Numbers from -0.5 to 0.5, the same on every machine.
pub(crate) fn noise(row: u64) -> f64 {
    let mut x = (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((x ^ (x >> 31)) >> 32).unwrap()) / f64::from(u32::MAX) - 0.5
}

/// A wave on a slope with some noise.
pub(crate) fn wave(rows: u64, season: u32, slope: f64, noisy: f64) -> Vec<f64> {
    let turn = std::f64::consts::TAU / f64::from(season);
    let row = |row: u64| {
        let t = f64::from(u32::try_from(row).unwrap());
        libm::sin(t * turn) + slope * t + noisy * noise(row)
    };
    (0..rows).map(row).collect()
}
