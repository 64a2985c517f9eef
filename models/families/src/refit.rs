//! The fit of a scored model again, on all rows.

use forecast::{
    Artifact, ArtifactError, Checkpoint, EnsembleSpec, EpochLoss, Fit, FitError, Fitted, ModelSpec, Progress, Training,
};

use crate::{
    ensemble,
    rolling::{self, MakeFit},
    several::{self, Several},
};

/// Fits the model of an artifact again on all rows before an end, with the choices that it made. An ensemble keeps its
/// weights, and each of its members is fitted again.
pub struct Refit<'a> {
    /// The scored artifact.
    pub parent: &'a Artifact,
    /// Makes the fit of some settings.
    pub make: MakeFit,
    /// The first row that is not learned from.
    pub end: usize,
    /// Whether nets are fitted again too; else an ensemble keeps those it has.
    pub nets: bool,
}

impl Fit for Refit<'_> {
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        match &self.parent.about.settings {
            ModelSpec::Ensemble(spec) => self.ensemble(spec, data, resume, stop, observe),
            _ => rolling::again(self.parent, self.make, self.end, data, |fit, data| {
                fit.run(data, resume, stop, observe)
            }),
        }
    }
}

impl Refit<'_> {
    fn ensemble(
        &self,
        spec: &EnsembleSpec,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        let members = ensemble::members(self.parent, spec);
        let mut next =
            |before: &[Result<Artifact, String>], resume: Option<&Checkpoint>, heard: &mut several::Observe<'_>| {
                let member = &members[before.len()].1;
                if member.about.settings.is_cheap() || self.nets {
                    rolling::again(member, self.make, self.end, data, |fit, data| {
                        fit.run(data, resume, stop, heard)
                    })
                } else {
                    Ok(Fitted::Finished(member.clone()))
                }
            };
        let fits = match several::run(members.len(), data, resume, observe, &mut next)? {
            Several::Finished(fits) => fits,
            Several::Stopped(checkpoint) => return Ok(Fitted::Stopped(checkpoint)),
        };
        let mut notices = Vec::new();
        let members = members.iter().zip(fits).map(|((name, scored), fit)| {
            let fit = fit.unwrap_or_else(|why| {
                notices.push(format!("{name} is not fitted again: {why}"));
                scored.clone()
            });
            (name.clone(), fit)
        });
        let members: Vec<(String, Artifact)> = members.collect();
        let mut all = ensemble::mix(self.parent, spec)
            .and_then(|mix| ensemble::combine(&members, &mix))
            .map_err(|error| refused(&error))?;
        all.about.notices = notices;
        Ok(Fitted::Finished(all))
    }
}

fn refused(error: &ArtifactError) -> FitError {
    FitError::Refused { why: error.to_string() }
}
