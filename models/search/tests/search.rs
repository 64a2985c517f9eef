//! What a search promises, whatever the family.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use forecast::{
    Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, ModelSpec, Progress, SearchSpec,
    SeriesData, Training,
};
use linear::Ridge;
use proptest::prelude::*;
use search::{Elapsed, MakeFit, Search};
use serde_json::{Value, json};
use series::{
    Clean, Column, Cut, Frequency, Holdout, Role, Sampling, Scaled, Split, Table, TimeAxis, Transform, Validation,
    WindowShape,
};

const WINDOW: WindowShape = WindowShape {
    context: 8,
    horizon: 2,
    stride: 1,
};

struct Data {
    scaled: Scaled,
    cut: Cut,
}

/// A wave with noise, whose best lambda is neither the strongest nor the weakest.
fn data(validation: Validation) -> Data {
    let mut state = 7_u32;
    let mut value = |row: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        libm::sin(f64::from(row) / 3.0) + f64::from(state >> 8) / f64::from(1 << 24)
    };
    let column = |name: &str, values: Vec<f64>| Column {
        name: name.into(),
        role: Role::Target,
        values,
    };
    let columns = vec![
        column("a", (0..500).map(&mut value).collect()),
        column("b", (0..500).map(&mut value).collect()),
    ];
    let axis = TimeAxis {
        start: 0,
        frequency: Frequency::Seconds(60),
        len: 500,
    };
    let table = Table::new(String::new(), axis, columns, None).unwrap();
    let split = Split {
        holdout: Holdout::Rows(50),
        validation,
    };
    let cut = Cut::new(&table, split, &Sampling::default(), WINDOW, 1).unwrap();
    let transform = Transform::fit(&table, cut.training.clone(), &Clean::default()).unwrap();
    let scaled = transform.apply(&table, cut.training.clone()).unwrap();
    Data { scaled, cut }
}

fn selected() -> Data {
    data(Validation::Fraction(0.3))
}

fn run(
    fit: &dyn Fit,
    on: &Data,
    resume: Option<&Checkpoint>,
    stop: &dyn Fn() -> bool,
    observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
) -> Result<Fitted, FitError> {
    let names = ["a".to_owned(), "b".to_owned()];
    let training = Training {
        series: &[SeriesData {
            scaled: &on.scaled,
            cut: &on.cut,
        }],
        window: WINDOW,
        season: 1,
        seasons: &[],
        contexts: &[],
        threads: 1,
        cut: "c0ffee",
        target_names: &names,
        input_names: &names,
    };
    fit.run(&training, resume, stop, observe)
}

fn finished(fit: &dyn Fit, on: &Data) -> Artifact {
    match run(fit, on, None, &|| false, &mut |_, _| ()).unwrap() {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(_) => panic!("nobody asked it to stop"),
    }
}

fn linear_fit(model: &ModelSpec) -> Option<Box<dyn Fit>> {
    match model {
        ModelSpec::Linear(spec) => Some(Box::new(Ridge::fit(spec))),
        _ => None,
    }
}

fn linear_forecaster(artifact: &Artifact) -> Result<Box<dyn Forecast>, ArtifactError> {
    Ok(Box::new(Ridge::read(artifact)?))
}

fn base() -> ModelSpec {
    let linear = ModelSpec::of_kind("linear").unwrap();
    linear.with(&[("channels".to_owned(), json!("own"))].into()).unwrap()
}

fn no_clock() -> Elapsed {
    Arc::new(|| panic!("a search without a limit in seconds asks no clock"))
}

fn search_with(spec: Value, fit: MakeFit, elapsed: Elapsed) -> Search {
    let spec: SearchSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(spec.problems("search", &base()), []);
    Search::new(&base(), &spec, fit, linear_forecaster, elapsed)
}

fn lambdas() -> Search {
    let space = json!({"lambda": [1e-6, 0.1, 1.0, 1e4], "channels": ["own", "all"]});
    search_with(json!({"space": space}), linear_fit, no_clock())
}

#[test]
fn the_settings_with_the_least_error_on_the_rows_that_select_are_kept() {
    let on = selected();
    let artifact = finished(&lambdas(), &on);
    let trials = &artifact.about.trials;
    assert_eq!(trials.len(), 8);
    let best = trials
        .iter()
        .min_by(|a, b| a.select_mse.unwrap().total_cmp(&b.select_mse.unwrap()))
        .unwrap();
    assert_eq!(artifact.about.settings, best.settings);
    let mut alone = finished(&*linear_fit(&best.settings).unwrap(), &on);
    alone.about.trials.clone_from(trials);
    assert_eq!(
        artifact, alone,
        "the model is the one that the settings give by themselves"
    );
    assert_eq!(
        Artifact::parse(&artifact.to_bytes().unwrap()).unwrap(),
        artifact,
        "the trials stand in the artifact"
    );
}

#[test]
fn a_search_that_was_stopped_goes_on_to_the_same_bytes() {
    let on = selected();
    let search = lambdas();
    let whole = finished(&search, &on).to_bytes().unwrap();
    for patience in [1_u32, 2, 3, 5, 11] {
        let (mut resume, mut hops, mut seen): (Option<Checkpoint>, _, Vec<Progress>) = (None, 0, Vec::new());
        let artifact = loop {
            let asked = Cell::new(0);
            let stop = || asked.replace(asked.get() + 1) >= patience;
            match run(&search, &on, resume.as_ref(), &stop, &mut |progress, _| {
                seen.push(progress);
            })
            .unwrap()
            {
                Fitted::Finished(artifact) => break artifact,
                Fitted::Stopped(checkpoint) => {
                    hops += 1;
                    assert!(
                        hops < 100,
                        "a search that is stopped every {patience} batches goes on for ever"
                    );
                    assert!(seen.last().is_none_or(|last| *last <= checkpoint.progress));
                    resume = Some(checkpoint);
                }
            }
        };
        assert!(hops > 0, "nothing was stopped");
        assert!(
            seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]),
            "progress grows: {seen:?}"
        );
        assert_eq!(artifact.to_bytes().unwrap(), whole, "stopped every {patience} batches");
    }
}

#[test]
fn a_cut_without_rows_that_select_is_refused() {
    let error = run(&lambdas(), &data(Validation::None), None, &|| false, &mut |_, _| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a search needs rows that select, the cut has 0 windows of them"
    );
}

/// A family in which some settings always fail.
fn refuses_strong(model: &ModelSpec) -> Option<Box<dyn Fit>> {
    let strong = matches!(model, ModelSpec::Linear(spec) if spec.lambda == forecast::Lambda::Given(1e4));
    if strong {
        Some(Box::new(Refuses))
    } else {
        linear_fit(model)
    }
}

fn refuses_all(model: &ModelSpec) -> Option<Box<dyn Fit>> {
    linear_fit(model).map(|_| Box::new(Refuses) as Box<dyn Fit>)
}

struct Refuses;

impl Fit for Refuses {
    fn run(
        &self,
        _: &Training<'_>,
        _: Option<&Checkpoint>,
        _: &dyn Fn() -> bool,
        _: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        Err(FitError::TooFewWindows { have: 1, need: 2 })
    }
}

#[test]
fn a_trial_that_fails_is_remembered_and_the_others_go_on() {
    let on = selected();
    let spec = json!({"space": {"lambda": [1e4, 0.1]}});
    let artifact = finished(&search_with(spec.clone(), refuses_strong, no_clock()), &on);
    let trials = artifact.about.trials;
    assert_eq!(trials[0].failed.as_deref(), Some("1 training windows, the fit needs 2"));
    assert!(trials[1].select_mse.is_some() && trials[1].failed.is_none());
    let none = search_with(spec, refuses_all, no_clock());
    let error = run(&none, &on, None, &|| false, &mut |_, _| ())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "none of 2 trials gave a model, the last one because: 1 training windows, the fit needs 2"
    );
}

#[test]
fn no_trial_begins_after_the_seconds_and_the_first_is_always_made() {
    // Each call of the clock is two seconds later.
    let clock = || -> Elapsed {
        let seconds = AtomicU64::new(0);
        Arc::new(move || Duration::from_secs(2 * seconds.fetch_add(1, Ordering::Relaxed)))
    };
    for (seconds, trials) in [(0.5, 1), (3.0, 2), (5.0, 3), (1e3, 4)] {
        let spec = json!({"seconds": seconds, "space": {"lambda": [0.1, 1.0, 10.0, 100.0]}});
        let artifact = finished(&search_with(spec, linear_fit, clock()), &selected());
        assert_eq!(artifact.about.trials.len(), trials, "{seconds} seconds");
    }
}

#[test]
fn seconds_count_over_all_runs_of_a_search() {
    let on = selected();
    let spec = json!({"seconds": 10.0, "space": {"lambda": [0.1, 1.0, 10.0, 100.0]}});
    let late: Elapsed = Arc::new(|| Duration::from_secs(9));
    let search = search_with(spec, linear_fit, late);
    // Each trial has two batches per target, so the stop is inside the second trial.
    let asked = Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) >= 4;
    let Fitted::Stopped(checkpoint) = run(&search, &on, None, &stop, &mut |_, _| ()).unwrap() else {
        panic!("it was asked to stop")
    };
    let Fitted::Finished(artifact) = run(&search, &on, Some(&checkpoint), &|| false, &mut |_, _| ()).unwrap() else {
        panic!("nobody asked it to stop")
    };
    assert_eq!(
        artifact.about.trials.len(),
        2,
        "the running trial ends, no other begins"
    );
}

#[test]
fn a_checkpoint_of_another_search_is_refused() {
    let on = selected();
    let Fitted::Stopped(checkpoint) = run(&lambdas(), &on, None, &|| true, &mut |_, _| ()).unwrap() else {
        panic!("it was asked to stop")
    };
    let other = search_with(json!({"space": {"lambda": [0.5]}}), linear_fit, no_clock());
    for (search, bytes) in [(&other, checkpoint.bytes.clone()), (&lambdas(), b"nothing".to_vec())] {
        let broken = Checkpoint { bytes, ..checkpoint };
        let error = run(search, &on, Some(&broken), &|| false, &mut |_, _| ()).unwrap_err();
        assert!(matches!(error, FitError::Checkpoint(_)), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn rows_that_calibrate_or_score_never_move_a_search(poison in -1e9_f64..1e9) {
        let (on, mut poisoned) = (selected(), selected());
        prop_assert!(!on.cut.calibrate.is_empty());
        for row in on.cut.calibrate.start..on.scaled.rows() {
            poisoned.scaled.values.row_mut(row).fill(poison);
        }
        let bytes = |on: &Data| finished(&lambdas(), on).to_bytes().unwrap();
        prop_assert_eq!(bytes(&on), bytes(&poisoned));
    }
}
