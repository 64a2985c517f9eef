//! The settings of recurrent networks.

use serde::{Deserialize, Serialize};
use series::Problem;

use super::Scope;

/// Settings of a recurrent network.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecurrentSpec {
    /// How many units each layer has.
    pub hidden: usize,
    /// How many layers there are.
    pub layers: usize,
    /// The fraction of a layer's outputs that the layer above does not see in training, drawn anew for each step.
    pub dropout: f64,
    /// The most passes over the training windows.
    pub epochs: u32,
    /// How many windows each update learns from.
    pub batch: usize,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The learning rate.
    pub lr: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// How strongly parameters are pulled towards 0.
    pub weight_decay: f64,
    /// The norm to which gradients are clipped.
    pub clip: f64,
    /// After how many epochs in a row without improvement training stops.
    pub patience: u32,
    /// Whether training stops early and keeps the best epoch, where rows validate.
    pub early_stopping: bool,
    /// The seed of first weights, order of windows and dropout.
    pub seed: u64,
    /// Which series one model covers.
    pub scope: Scope,
    /// Which arithmetic fits the net. Forecasts are always made by our own.
    pub backend: Backend,
    /// The precision of the factors of products, in a fit and in its forecasts.
    pub precision: Precision,
}

/// The precision of the factors of products.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Factors rounded to bf16, sums and parameters in single precision. Fast on CPUs with bf16 products and slow on others,
    /// with the same result on all.
    Bf16,
}

/// The optimizer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Adam, with weight decay added to the gradients.
    #[default]
    Adam,
    /// `AdamW`: Adam with weight decay apart from the gradients.
    Adamw,
}

/// Which arithmetic fits a net.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Our own, with the same bits on every machine.
    #[default]
    Rust,
    /// That of libtorch, in builds with the feature `tch`: the same artifact up to rounding.
    Tch,
}

/// How the learning rate changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays the same.
    #[default]
    Constant,
    /// It falls from `lr` to 0 over all updates, along half a cosine.
    Cosine,
    /// It is halved after two epochs in a row without a lower validation loss. Needs rows that validate.
    Plateau,
}

impl Default for RecurrentSpec {
    fn default() -> Self {
        Self {
            hidden: 128,
            layers: 2,
            dropout: 0.0,
            epochs: 10,
            batch: 64,
            optimizer: Optimizer::Adam,
            lr: 1e-4,
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            clip: 1.0,
            patience: 5,
            early_stopping: true,
            seed: 0,
            scope: Scope::Part,
            backend: Backend::Rust,
            precision: Precision::F32,
        }
    }
}

impl RecurrentSpec {
    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, value, most) in [
            ("hidden", self.hidden, 4_096),
            ("layers", self.layers, 16),
            ("epochs", self.epochs as usize, 100_000),
            ("batch", self.batch, 65_536),
            ("patience", self.patience as usize, 100_000),
        ] {
            let range = format!("from 1 to {most}");
            let inside = (1..=most).contains(&value);
            Problem::unless(inside, format!("{path}.{name}"), value, &range, &mut problems);
        }
        for (name, value, most) in [("lr", self.lr, 1e30), ("clip", self.clip, 1e9)] {
            let range = format!("above 0 and at most {most}");
            let inside = value > 0.0 && value <= most;
            Problem::unless(inside, format!("{path}.{name}"), value, &range, &mut problems);
        }
        // With one layer there are no outputs between layers to drop.
        let (most, range) = match self.layers {
            1 => (0.0, "0 with one layer"),
            _ => (0.9, "from 0 to 0.9"),
        };
        for (name, value, most, range) in [
            ("dropout", self.dropout, most, range),
            ("weight_decay", self.weight_decay, 10.0, "from 0 to 10"),
        ] {
            let inside = (0.0..=most).contains(&value);
            Problem::unless(inside, format!("{path}.{name}"), value, range, &mut problems);
        }
        let inside = self.backend == Backend::Rust || self.precision == Precision::F32;
        let range = "f32 with the backend tch";
        Problem::unless(inside, format!("{path}.precision"), "bf16", range, &mut problems);
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_have_the_names_and_words_that_users_write() {
        let spec: RecurrentSpec = serde_json::from_value(json!({
            "dropout": 0.2, "optimizer": "adamw", "weight_decay": 0.01, "schedule": "cosine",
            "precision": "bf16",
        }))
        .unwrap();
        let expected = RecurrentSpec {
            dropout: 0.2,
            optimizer: Optimizer::Adamw,
            weight_decay: 0.01,
            schedule: Schedule::Cosine,
            precision: Precision::Bf16,
            ..RecurrentSpec::default()
        };
        assert_eq!(spec, expected);
        assert_eq!(spec.problems("m"), []);
        let tch = serde_json::from_value::<RecurrentSpec>(json!({"backend": "tch"})).unwrap();
        assert_eq!((tch.backend, tch.problems("m")), (Backend::Tch, Vec::new()));
        for word in ["sgd", "Adam"] {
            assert!(serde_json::from_value::<RecurrentSpec>(json!({"optimizer": word})).is_err());
        }
    }

    #[test]
    fn libtorch_fits_in_single_precision_only() {
        let spec = RecurrentSpec {
            backend: Backend::Tch,
            precision: Precision::Bf16,
            ..RecurrentSpec::default()
        };
        let texts: Vec<_> = spec.problems("m").iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["`m.precision` is bf16, must be f32 with the backend tch"]);
    }

    #[test]
    fn dropout_and_decay_out_of_range_are_named() {
        let spec = RecurrentSpec {
            dropout: 1.0,
            weight_decay: f64::NAN,
            ..RecurrentSpec::default()
        };
        let one = RecurrentSpec {
            layers: 1,
            dropout: 0.1,
            ..RecurrentSpec::default()
        };
        let texts: Vec<_> = [spec.problems("m"), one.problems("m")]
            .concat()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "`m.dropout` is 1, must be from 0 to 0.9",
                "`m.weight_decay` is NaN, must be from 0 to 10",
                "`m.dropout` is 0.1, must be 0 with one layer",
            ]
        );
    }
}
