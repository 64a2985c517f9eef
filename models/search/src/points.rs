//! The settings that are tried, in their order.

use std::collections::BTreeMap;

use forecast::{Between, Candidates, ModelSpec, SearchSpec, Spread, Strategy};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::Value;

/// How many draws per trial are made before a space counts as exhausted.
const DRAWS: usize = 20;

/// Returns the settings of all trials, without duplicates.
pub(crate) fn of(model: &ModelSpec, spec: &SearchSpec) -> Vec<ModelSpec> {
    let mut trials: Vec<ModelSpec> = Vec::new();
    let mut add = |settings: &BTreeMap<String, Value>| {
        if let Some(settings) = model.with(settings).ok().filter(|settings| !trials.contains(settings)) {
            trials.push(settings);
        }
        trials.len() >= spec.trials
    };
    match spec.strategy {
        Strategy::Grid => {
            for settings in grid(spec) {
                if add(&settings) {
                    break;
                }
            }
        }
        Strategy::Random => {
            let mut random = ChaCha8Rng::seed_from_u64(spec.seed);
            for _ in 0..spec.trials.saturating_mul(DRAWS) {
                if add(&drawn(model, spec, &mut random)) {
                    break;
                }
            }
        }
    }
    trials
}

/// Returns every combination of the listed values, the last setting changing first.
fn grid(spec: &SearchSpec) -> impl Iterator<Item = BTreeMap<String, Value>> {
    let listed: Vec<(&String, &[Value])> = spec
        .space
        .iter()
        .map(|(setting, candidates)| match candidates {
            Candidates::Listed(values) => (setting, values.as_slice()),
            Candidates::Between(_) => (setting, &[][..]),
        })
        .collect();
    let count = listed
        .iter()
        .map(|(_, values)| values.len())
        .fold(1, usize::saturating_mul);
    (0..count).map(move |mut number| {
        let mut settings = BTreeMap::new();
        for (setting, values) in listed.iter().rev() {
            settings.insert((*setting).clone(), values[number % values.len()].clone());
            number /= values.len();
        }
        settings
    })
}

/// Draws one value of each setting, in the order of their names.
fn drawn(model: &ModelSpec, spec: &SearchSpec, random: &mut ChaCha8Rng) -> BTreeMap<String, Value> {
    let mut settings = BTreeMap::new();
    for (setting, candidates) in &spec.space {
        let fraction = fraction(random);
        let value = match candidates {
            Candidates::Listed(values) => values.get(place(fraction, values.len())).cloned().unwrap_or_default(),
            Candidates::Between(between) => between.value(model, setting, number(*between, fraction)),
        };
        settings.insert(setting.clone(), value);
    }
    settings
}

fn number(Between { min, max, scale }: Between, fraction: f64) -> f64 {
    let number = match scale {
        Spread::Linear => min + fraction * (max - min),
        Spread::Log => libm::exp(libm::log(min) + fraction * (libm::log(max) - libm::log(min))),
    };
    number.clamp(min, max)
}

/// Returns a number from 0 to below 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact in f64")]
fn fraction(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a list is short and the result lies in it"
)]
fn place(fraction: f64, count: usize) -> usize {
    (fraction * count as f64) as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tried(search: Value) -> Vec<Value> {
        let model = ModelSpec::of_kind("gru").unwrap();
        let spec: SearchSpec = serde_json::from_value(search).unwrap();
        assert_eq!(spec.problems("search", &model), []);
        let pair = |trial: &ModelSpec| {
            let trial = serde_json::to_value(trial).unwrap();
            json!([trial["hidden"], trial["lr"]])
        };
        of(&model, &spec).iter().map(pair).collect()
    }

    #[test]
    fn a_grid_is_every_combination_in_order() {
        let grid = tried(json!({"space": {"lr": [0.1, 0.01], "hidden": [8, 16, 8]}}));
        assert_eq!(
            grid,
            [json!([8, 0.1]), json!([8, 0.01]), json!([16, 0.1]), json!([16, 0.01])]
        );
    }

    #[test]
    fn random_settings_follow_the_seed_and_stay_in_their_ranges() {
        let search = |seed: u64| {
            let lr = json!({"min": 1e-4, "max": 1e-2, "scale": "log"});
            let hidden = json!({"min": 8, "max": 64});
            tried(json!({"strategy": "random", "trials": 200, "seed": seed, "space": {"lr": lr, "hidden": hidden}}))
        };
        assert_eq!(search(3), search(3));
        assert_ne!(search(3), search(4));
        assert_eq!(search(3).len(), 200);
        let mut low = 0;
        for trial in search(3) {
            let (hidden, lr) = (trial[0].as_u64().unwrap(), trial[1].as_f64().unwrap());
            assert!((8..=64).contains(&hidden) && (1e-4..=1e-2).contains(&lr), "{trial}");
            low += usize::from(lr < 1e-3);
        }
        // Half of all logarithms lie in the lower decade.
        assert!((70..130).contains(&low), "{low} of 200");
    }

    #[test]
    fn a_space_with_few_settings_is_tried_once() {
        let few = tried(json!({"strategy": "random", "trials": 50, "space": {"hidden": [8, 16]}}));
        assert_eq!(few.len(), 2);
    }
}
