//! The same nets in double precision, as the equations are written and without regard for speed.

use std::collections::BTreeMap;

use recurrent::Cell;

/// Parameters by name, row-major.
pub(crate) type Parameters = BTreeMap<String, Vec<f64>>;

/// Returns the outputs for one window of rows.
pub(crate) fn outputs(cell: Cell, parameters: &Parameters, layers: usize, window: &[Vec<f64>]) -> Vec<f64> {
    let mut rows = window.to_vec();
    for layer in 0..layers {
        rows = run_layer(cell, parameters, layer, &rows);
    }
    affine(
        &parameters["head.weight"],
        &parameters["head.bias"],
        rows.last().unwrap(),
    )
}

/// Returns the mean squared error over windows and outputs.
pub(crate) fn loss(cell: Cell, parameters: &Parameters, layers: usize, windows: &[(Vec<Vec<f64>>, Vec<f64>)]) -> f64 {
    let mut sum = 0.0;
    for (window, targets) in windows {
        let outputs = outputs(cell, parameters, layers, window);
        sum += outputs
            .iter()
            .zip(targets)
            .map(|(output, target)| (output - target) * (output - target))
            .sum::<f64>();
    }
    sum / (windows.len() * windows[0].1.len()) as f64
}

fn run_layer(cell: Cell, parameters: &Parameters, layer: usize, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let get = |part: &str| &parameters[&format!("rnn.{part}_l{layer}")];
    let hidden = get("bias_hh").len() / cell.gates();
    let (mut state, mut cells) = (vec![0.0; hidden], vec![0.0; hidden]);
    let mut states = Vec::new();
    for row in rows {
        let inputs = affine(get("weight_ih"), get("bias_ih"), row);
        let recurrent = affine(get("weight_hh"), get("bias_hh"), &state);
        for unit in 0..hidden {
            let gate = |k: usize| (inputs[k * hidden + unit], recurrent[k * hidden + unit]);
            let both = |k: usize| gate(k).0 + gate(k).1;
            match cell {
                Cell::Gru => {
                    let new = libm::tanh(gate(2).0 + sigmoid(both(0)) * gate(2).1);
                    let update = sigmoid(both(1));
                    state[unit] = (1.0 - update) * new + update * state[unit];
                }
                Cell::Lstm => {
                    cells[unit] = sigmoid(both(1)) * cells[unit] + sigmoid(both(0)) * libm::tanh(both(2));
                    state[unit] = sigmoid(both(3)) * libm::tanh(cells[unit]);
                }
            }
        }
        states.push(state.clone());
    }
    states
}

fn affine(weight: &[f64], bias: &[f64], x: &[f64]) -> Vec<f64> {
    let rows = weight.chunks_exact(x.len()).zip(bias);
    rows.map(|(row, bias)| bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>())
        .collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}
