//! One model fitted several times, while the training rows of a short series expand.
//!
//! Promises that a forecast from an origin comes from the last fit that ends before it, so that no fit has seen the rows it
//! is compared with; and that settings chosen by the first fit stay, because later fits learn from the rows that chose them.

use forecast::{
    Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, ForecastError, History, Lambda,
    Later, LinearSpec, ModelSpec, Progress, SeriesData, Training, tensors,
};
use linear::Ridge;
use series::{Cut, Matrix, Problem, Scaled, WindowShape};

use crate::{
    read_one,
    several::{self, Several},
};

/// Makes the fit of some settings; `None` for a model that is made of others.
pub type MakeFit = fn(&ModelSpec) -> Option<Box<dyn Fit>>;

/// Fits a model on the first training rows of a cut, then again at each of its refits.
///
/// A later fit that fails, for example because the model needs rows that vary, is left out and noted: the fit before it goes
/// on to forecast.
pub struct Rolling {
    first: Box<dyn Fit>,
    again: MakeFit,
}

impl Rolling {
    /// Returns the fit that begins with one and goes on with those that `again` makes of the first one's choices.
    #[must_use]
    pub fn new(first: Box<dyn Fit>, again: MakeFit) -> Self {
        Self { first, again }
    }
}

impl Fit for Rolling {
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        let cut = data.series[0].cut;
        let mut next =
            |before: &[Result<Artifact, String>], resume: Option<&Checkpoint>, heard: &mut several::Observe<'_>| {
                let Some(Ok(first)) = before.first() else {
                    return self.first.run(data, resume, stop, heard);
                };
                let end = cut.refits[before.len() - 1];
                again(first, self.again, end, data, |fit, data| {
                    fit.run(data, resume, stop, heard)
                })
            };
        let fits = cut.refits.len() + 1;
        Ok(match several::run(fits, data, resume, observe, &mut next)? {
            Several::Finished(fits) => Fitted::Finished(one(fits, data)?),
            Several::Stopped(checkpoint) => Fitted::Stopped(checkpoint),
        })
    }
}

/// Returns one artifact of all fits.
fn one(fits: Vec<Result<Artifact, String>>, data: &Training<'_>) -> Result<Artifact, FitError> {
    let SeriesData { scaled, cut } = data.series[0];
    let mut fits = fits.into_iter();
    let first = fits.next().and_then(Result::ok);
    let mut all = first.ok_or_else(|| FitError::Refused {
        why: "the first fit is missing".to_owned(),
    })?;
    for (&end, fit) in cut.refits.iter().zip(fits) {
        match fit {
            Ok(Artifact { about, tensors }) => {
                tensors::nest(&mut all.tensors, &later(all.about.later.len()), tensors);
                let from = scaled.axis.at(end);
                all.about.later.push(Later { from, about });
            }
            Err(why) => {
                let time = scaled.axis.label(end);
                all.about
                    .notices
                    .push(format!("not fitted again on the rows before {time}: {why}"));
            }
        }
    }
    Ok(all)
}

fn later(place: usize) -> String {
    format!("later.{place}/")
}

/// Runs a fit on all rows before an end, with the choices that an earlier fit made.
pub(crate) fn again(
    earlier: &Artifact,
    make: MakeFit,
    end: usize,
    data: &Training<'_>,
    run: impl FnOnce(&dyn Fit, &Training<'_>) -> Result<Fitted, FitError>,
) -> Result<Fitted, FitError> {
    let settings = chosen(earlier);
    let fit = make(&settings).ok_or_else(|| FitError::Refused {
        why: format!("{} is not fitted by itself", settings.kind()),
    })?;
    let cuts: Vec<Cut> = data.series.iter().map(|series| series.cut.up_to(end)).collect();
    let series: Vec<SeriesData<'_>> = data
        .series
        .iter()
        .zip(&cuts)
        .map(|(series, cut)| SeriesData { cut, ..*series })
        .collect();
    let data = Training {
        series: &series,
        window: WindowShape {
            context: earlier.about.context,
            ..data.window
        },
        contexts: &[],
        ..*data
    };
    run(&*fit, &data)
}

/// Returns the settings of a fit with its choices made.
fn chosen(fitted: &Artifact) -> ModelSpec {
    match (&fitted.about.settings, Ridge::read(fitted)) {
        (ModelSpec::Linear(spec), Ok(ridge)) => ModelSpec::Linear(LinearSpec {
            lambda: Lambda::Given(ridge.lambda()),
            channels: ridge.channels(),
            ..spec.clone()
        }),
        (other, _) => other.clone(),
    }
}

/// A model that was fitted several times.
pub(crate) struct Rolled {
    /// The fits and from which time on each forecasts, in order; the first one forecasts from any origin before the others.
    fits: Vec<(i64, Box<dyn Forecast>)>,
}

impl Rolled {
    /// Reads all fits of an artifact.
    ///
    /// # Errors
    /// Where the tensors of a fit are not those of its kind, or the fits are not in order of time.
    pub(crate) fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let mut fits = vec![(i64::MIN, read_one(artifact)?)];
        for (place, Later { from, about }) in artifact.about.later.iter().enumerate() {
            if fits.last().is_some_and(|(before, _)| before >= from) {
                let path = format!("later[{place}].from");
                return Err(ArtifactError::Settings(Problem::new(
                    path,
                    from,
                    "after the fit before it",
                )));
            }
            let fit = Artifact {
                about: about.clone(),
                tensors: tensors::nested(&artifact.tensors, &later(place)),
            };
            fits.push((*from, read_one(&fit)?));
        }
        Ok(Self { fits })
    }

    /// Returns the place of the last fit that ends before an origin.
    fn place(&self, scaled: &Scaled, origin: usize) -> usize {
        let time = scaled.axis.at(origin);
        self.fits.partition_point(|(from, _)| *from <= time).saturating_sub(1)
    }
}

impl Forecast for Rolled {
    /// Returns the rows that the first fit needs. A later one forecasts from origins that have all rows it learned from before
    /// them, and needs no more.
    fn history_rows(&self) -> usize {
        self.fits.first().map_or(0, |(_, fit)| fit.history_rows())
    }

    fn trained_horizon(&self) -> Option<usize> {
        self.fits.iter().filter_map(|(_, fit)| fit.trained_horizon()).min()
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        let place = self.place(history.scaled, history.origin);
        self.fits[place].1.forecast(history, steps)
    }

    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        let mut first = 0;
        for run in origins.chunk_by(|a, b| self.place(scaled, *a) == self.place(scaled, *b)) {
            let fit = &self.fits[self.place(scaled, run[0])].1;
            fit.forecast_origins(scaled, run, steps, &mut |index, forecast| out(first + index, forecast))?;
            first += run.len();
        }
        Ok(())
    }
}
