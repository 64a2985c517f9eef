//! Which arithmetic fits a net is a setting: a build without it says so before any work.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use families::Backends;
use forecast::{
    Backend, Checkpoint, EpochLoss, Fit, FitError, Fitted, ModelSpec, Progress, SearchSpec, SeriesData, Training,
};
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

fn fit(model: &ModelSpec) -> Option<Box<dyn Fit>> {
    families::fit(model, Backends::default())
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

#[test]
fn without_libtorch_a_net_that_asks_for_it_fails_before_any_work() {
    for kind in ["gru", "lstm"] {
        let model = net(kind, Backend::Tch);
        for fit in [fit(&model).unwrap(), search(&model)] {
            let error = run(&*fit, None, &|| false, &mut |_, _| panic!("it worked")).unwrap_err();
            assert!(matches!(error, FitError::NoLibtorch), "{kind}: {error}");
            assert!(error.to_string().contains("`--features tch`"), "{error}");
        }
        let ours = fit(&net(kind, Backend::Rust)).unwrap();
        assert!(matches!(
            run(&*ours, None, &|| false, &mut |_, _| ()),
            Ok(Fitted::Finished(_))
        ));
    }
}
