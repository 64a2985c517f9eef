//! Agreement with PyTorch on the committed numbers of `tests/parity`, which `make.py` there made.

use std::collections::BTreeMap;

use forecast::{Forecast, Optimizer, RecurrentSpec, Tensor, Tensors};
use recurrent::{Cell, Net};
use serde_json::Value;

use crate::data::{Series, assert_close, finished, losses, numbers, origins, stopped, window, with_parameters};

/// 24-bit mantissa, four steps and two layers in another order of summation.
const F32_PARITY: f64 = 1e-5;

struct Fixture {
    cell: Cell,
    made: Value,
    series: Series,
    spec: RecurrentSpec,
}

fn fixtures() -> [Fixture; 2] {
    [
        (Cell::Gru, include_str!("../parity/gru.json")),
        (Cell::Lstm, include_str!("../parity/lstm.json")),
    ]
    .map(|(cell, text)| {
        let made: Value = serde_json::from_str(text).unwrap();
        let size = |name: &str| usize::try_from(made[name].as_u64().unwrap()).unwrap();
        let rows: Vec<Vec<f64>> = serde_json::from_value(made["rows"].clone()).unwrap();
        let targets: Vec<usize> = serde_json::from_value(made["targets"].clone()).unwrap();
        let series = Series::new(&rows, &targets, window(size("context"), size("horizon")), 0);
        let spec = RecurrentSpec {
            hidden: size("hidden"),
            layers: size("layers"),
            lr: made["lr"].as_f64().unwrap(),
            clip: made["clip"].as_f64().unwrap(),
            epochs: 3,
            ..RecurrentSpec::default()
        };
        Fixture {
            cell,
            made,
            series,
            spec,
        }
    })
}

impl Fixture {
    fn tensors(&self, name: &str) -> Tensors {
        let tensors: BTreeMap<String, Value> = serde_json::from_value(self.made[name].clone()).unwrap();
        let read = |tensor: Value| {
            Tensor::f32(
                serde_json::from_value(tensor["shape"].clone()).unwrap(),
                serde_json::from_value(tensor["values"].clone()).unwrap(),
            )
        };
        tensors.into_iter().map(|(name, tensor)| (name, read(tensor))).collect()
    }
}

fn assert_tensors(what: &str, ours: &Tensors, theirs: &Tensors) {
    assert!(ours.keys().eq(theirs.keys()), "tensors have PyTorch's names");
    for (name, tensor) in theirs {
        assert_eq!(ours[name].shape, tensor.shape, "{name}");
    }
    for (name, theirs) in numbers(theirs) {
        assert_close(&format!("{what} {name}"), &numbers(ours)[&name], &theirs, F32_PARITY);
    }
}

#[test]
fn a_net_with_pytorchs_weights_gives_pytorchs_outputs() {
    for fixture in fixtures() {
        let mut artifact = fixture.series.fit(fixture.cell, &fixture.spec);
        artifact.tensors = fixture.tensors("parameters");
        let net = Net::read(&artifact).unwrap();
        let theirs: Vec<Vec<f64>> = serde_json::from_value(fixture.made["outputs"].clone()).unwrap();
        let origins: Vec<_> = origins(&fixture.series).collect();
        let mut seen = 0;
        net.forecast_origins(&fixture.series.scaled, &origins, 2, &mut |index, ours| {
            assert_close(
                &format!("{} outputs {index}", fixture.cell),
                ours,
                &theirs[index],
                F32_PARITY,
            );
            seen += 1;
        })
        .unwrap();
        assert_eq!(seen, theirs.len());
    }
}

#[test]
fn loss_and_gradients_are_those_of_pytorch() {
    for fixture in fixtures() {
        let parameters = fixture.tensors("parameters");
        let (loss, ours) = fixture.series.gradients(fixture.cell, &fixture.spec, Some(&parameters));
        assert_close(
            "loss",
            &[loss],
            &[fixture.made["losses"][0].as_f64().unwrap()],
            F32_PARITY,
        );
        assert_tensors("gradient of", &ours, &fixture.tensors("gradients"));
    }
}

#[test]
fn three_clipped_adam_steps_end_where_pytorch_ends() {
    for fixture in fixtures() {
        let Fixture { cell, series, spec, .. } = &fixture;
        let start = stopped(series.run(*cell, spec, 1, None, 0).unwrap());
        let start = with_parameters(&start, &fixture.tensors("parameters"));
        let artifact = finished(series.run(*cell, spec, 1, Some(&start), usize::MAX).unwrap());
        let ours: Vec<f64> = losses(&artifact).iter().map(|epoch| epoch.train_loss).collect();
        let theirs: Vec<f64> = serde_json::from_value(fixture.made["losses"].clone()).unwrap();
        assert_close("losses", &ours, &theirs, F32_PARITY);
        assert_tensors("after three steps", &artifact.tensors, &fixture.tensors("after"));
    }
}

#[test]
fn weight_decay_of_both_optimizers_is_that_of_pytorch() {
    for fixture in fixtures() {
        let Fixture { cell, made, series, .. } = &fixture;
        for (name, optimizer) in [("adam_decay", Optimizer::Adam), ("adamw", Optimizer::Adamw)] {
            let spec = RecurrentSpec {
                optimizer,
                weight_decay: made["weight_decay"].as_f64().unwrap(),
                ..fixture.spec.clone()
            };
            let start = stopped(series.run(*cell, &spec, 1, None, 0).unwrap());
            let start = with_parameters(&start, &fixture.tensors("parameters"));
            let artifact = finished(series.run(*cell, &spec, 1, Some(&start), usize::MAX).unwrap());
            assert_tensors(name, &artifact.tensors, &fixture.tensors(name));
        }
    }
}
