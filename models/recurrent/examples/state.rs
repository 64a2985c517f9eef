//! Exchanges weights with PyTorch through files, for `tests/recipes/torch_state.sh`.
//!
//! `state write DIR` fits a small net of each cell and leaves `CELL.safetensors`, an artifact, and `CELL.json`: its sizes,
//! some windows and the forecasts of them. `state read DIR` takes `CELL_torch.safetensors`, a state dictionary as PyTorch
//! wrote it, and leaves the forecasts of the same windows as `CELL_torch.json`.
#![expect(clippy::disallowed_methods, reason = "an example reads and writes files")]

use std::{fs, path::Path};

use forecast::{Artifact, Fit, Fitted, Forecast, RecurrentSpec, Tensor, Tensors};
use recurrent::{Cell, Net, Recurrent};
use safetensors::{Dtype, SafeTensors};
use serde_json::json;

mod waves;

const ROWS: usize = 200;
const CONTEXT: usize = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, folder] = arguments.as_slice() else {
        panic!("usage: state write|read DIR");
    };
    for cell in [Cell::Gru, Cell::Lstm] {
        let file = |name: &str| Path::new(folder).join(format!("{cell}{name}"));
        match mode.as_str() {
            "write" => {
                let artifact = fit(cell);
                fs::write(file(".safetensors"), artifact.to_bytes().expect("finite")).expect("written");
                let left = json!({"hidden": 24, "layers": 2, "windows": windows(), "forecasts": forecasts(&artifact)});
                fs::write(file(".json"), left.to_string()).expect("written");
            }
            "read" => {
                let bytes = fs::read(file(".safetensors")).expect("`state write` left it");
                let mut artifact = Artifact::parse(&bytes).expect("an artifact");
                artifact.tensors = state(&fs::read(file("_torch.safetensors")).expect("PyTorch left it"));
                fs::write(file("_torch.json"), json!(forecasts(&artifact)).to_string()).expect("written");
            }
            other => panic!("`{other}` is neither write nor read"),
        }
    }
}

fn fit(cell: Cell) -> Artifact {
    let spec = RecurrentSpec {
        hidden: 24,
        epochs: 3,
        lr: 0.01,
        ..RecurrentSpec::default()
    };
    let model = Recurrent::new(cell, &spec);
    match waves::Waves::new(ROWS).with_training(1, |training| model.run(training, None, &|| false, &mut |_, _| ())) {
        Ok(Fitted::Finished(artifact)) => artifact,
        other => panic!("{other:?}"),
    }
}

/// Returns the windows in single precision.
fn windows() -> Vec<Vec<Vec<f64>>> {
    let values = waves::Waves::new(ROWS).scaled.values;
    let window = |origin: usize| (origin - CONTEXT..origin).map(|row| values.row(row).to_vec()).collect();
    (CONTEXT..ROWS).map(window).collect()
}

fn forecasts(artifact: &Artifact) -> Vec<Vec<f64>> {
    let net = Net::read(artifact).expect("all tensors are there");
    let mut forecasts = Vec::new();
    let origins: Vec<usize> = (CONTEXT..ROWS).collect();
    let scaled = waves::Waves::new(ROWS).scaled;
    let told = net.forecast_origins(&scaled, &origins, 1, &mut |_, forecast| {
        forecasts.push(forecast.to_vec());
    });
    told.expect("finite forecasts");
    forecasts
}

/// Reads a state dictionary, which has no description of ours.
fn state(bytes: &[u8]) -> Tensors {
    let all = SafeTensors::deserialize(bytes).expect("safetensors");
    let tensors = all.tensors().into_iter().map(|(name, view)| {
        assert_eq!(view.dtype(), Dtype::F32, "{name}");
        let (values, _) = view.data().as_chunks::<4>();
        let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        (name, Tensor::f32(view.shape().to_vec(), values))
    });
    tensors.collect()
}
