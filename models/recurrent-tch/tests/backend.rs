//! Which arithmetic fits a net is a setting: a build with libtorch uses it, alone and in a search.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use families::Backends;
use forecast::{
    Artifact, Backend, Checkpoint, Data, EpochLoss, Fit, FitError, Fitted, ModelSpec, Progress, SearchSpec, SeriesData,
    Training,
};
use recurrent_tch::RecurrentTch;
use series::{
    Clean, Column, Cut, Frequency, Holdout, Role, Sampling, Split, Table, TimeAxis, Transform, Validation, WindowShape,
};

const WINDOW: WindowShape = WindowShape {
    context: 6,
    horizon: 2,
    stride: 1,
};

fn net(kind: &str, backend: Backend) -> ModelSpec {
    let mut spec = ModelSpec::of_kind(kind).unwrap();
    if let ModelSpec::Gru(spec) | ModelSpec::Lstm(spec) = &mut spec {
        (spec.hidden, spec.epochs, spec.batch, spec.lr) = (7, 2, 32, 3e-3);
        spec.backend = backend;
    }
    spec
}

const BACKENDS: Backends = Backends {
    tch: Some(|cell, spec| Box::new(RecurrentTch::new(cell, spec))),
};

fn fit(model: &ModelSpec) -> Option<Box<dyn Fit>> {
    families::fit(model, BACKENDS)
}

fn search(model: &ModelSpec) -> Box<dyn Fit> {
    let space = BTreeMap::from([("hidden", vec![3, 5])]);
    let spec: SearchSpec = serde_json::from_value(serde_json::json!({ "space": space })).unwrap();
    assert_eq!(spec.problems("search", model), []);
    Box::new(families::search(model, &spec, fit, Arc::new(|| Duration::ZERO)))
}

fn run(
    fit: &dyn Fit,
    resume: Option<&Checkpoint>,
    stop: &dyn Fn() -> bool,
    observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
) -> Result<Fitted, FitError> {
    let column = Column {
        name: "y".into(),
        role: Role::Target,
        values: (0..300).map(|row| libm::sin(f64::from(row) / 5.0)).collect(),
    };
    let axis = TimeAxis::new(0, Frequency::Seconds(60), 300);
    let table = Table::new(String::new(), axis, vec![column], None).unwrap();
    let split = Split {
        holdout: Holdout::Rows(40),
        validation: Validation::Rows(60),
    };
    let cut = Cut::new(&table, split, &Sampling::default(), WINDOW, 1).unwrap();
    let transform = Transform::fit(&table, cut.training.clone(), &Clean::default()).unwrap();
    let scaled = transform.apply(&table, cut.training.clone()).unwrap();
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window: WINDOW,
        season: 1,
        seasons: &[],
        contexts: &[],
        threads: 1,
        cut: "c0ffee",
        target_names: &transform.target_names(),
        input_names: &transform.input_names(),
    };
    fit.run(&data, resume, stop, observe)
}

/// How far weights may lie apart, as a share of the tensor's largest.
const WEIGHTS: f64 = 1e-4;

fn calm(fit: &dyn Fit) -> Artifact {
    match run(fit, None, &|| false, &mut |_, _| ()).unwrap() {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(_) => panic!("nobody asked it to stop"),
    }
}

/// Stops at every third call of `stop` and continues from the checkpoint's bytes.
fn stopped(fit: &dyn Fit) -> Artifact {
    let mut resume: Option<Checkpoint> = None;
    for _ in 0..100 {
        let asked = Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 3;
        match run(fit, resume.as_ref(), &stop, &mut |_, _| ()).unwrap() {
            Fitted::Finished(artifact) => {
                assert!(resume.is_some(), "it was never stopped");
                return artifact;
            }
            Fitted::Stopped(checkpoint) => {
                let before = resume.map(|checkpoint| checkpoint.progress);
                assert!(before < Some(checkpoint.progress), "no progress");
                resume = Some(checkpoint);
            }
        }
    }
    panic!("it never ends");
}

fn assert_alike(ours: &Artifact, theirs: &Artifact, what: &str) {
    families::forecaster(theirs).unwrap();
    assert!(ours.tensors.keys().eq(theirs.tensors.keys()), "{what}");
    for (name, tensor) in &ours.tensors {
        let (Data::F32(a), Data::F32(b)) = (&tensor.data, &theirs.tensors[name].data) else {
            panic!("{what}: {name} is not in single precision")
        };
        let largest = a.iter().fold(0.0_f64, |most, &value| most.max(f64::from(value).abs()));
        for (&a, &b) in a.iter().zip(b) {
            let apart = (f64::from(a) - f64::from(b)).abs();
            assert!(apart <= WEIGHTS * largest, "{what}: {name} has {a} and {b}");
        }
    }
}

#[test]
fn fits_and_searches_give_our_artifact_also_where_they_are_stopped() {
    for kind in ["gru", "lstm"] {
        let (ours, theirs) = (net(kind, Backend::Rust), net(kind, Backend::Tch));
        for (ours, theirs) in [
            (fit(&ours).unwrap(), fit(&theirs).unwrap()),
            (search(&ours), search(&theirs)),
        ] {
            let ours = calm(&*ours);
            assert_alike(&ours, &calm(&*theirs), kind);
            assert_alike(&ours, &stopped(&*theirs), &format!("{kind}, stopped"));
        }
    }
}

#[test]
fn the_setting_stands_in_the_artifact() {
    let model = net("gru", Backend::Tch);
    assert_eq!(calm(&*fit(&model).unwrap()).about.settings, model);
}
