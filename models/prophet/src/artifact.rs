//! Writes models as tensors and reads them.

use std::sync::Arc;

use forecast::{ArtifactError, Data, ProphetSpec, Tensor, Tensors, tensors};
use series::Problem;

use crate::{
    Parameters, Prophet,
    design::TermKind,
    model::{Scale, Shape},
    seasons::design,
};

/// The numbers of a model: rate, offset, noise, floor and size of the scale, start and length of the history, negative
/// logarithm of the posterior.
const NUMBERS: usize = 8;

fn name(target: usize, part: &str) -> String {
    format!("{target}.{part}")
}

impl Prophet {
    /// Writes the model as the tensors of one target.
    ///
    /// # Units
    /// `changepoints` and the history's start are UTC seconds; the other numbers are those of [`Parameters`].
    #[expect(clippy::cast_precision_loss, reason = "times and orders lie far below 2^52")]
    pub(crate) fn write(&self, target: usize, tensors: &mut Tensors) {
        let (shape, parameters) = (&self.shape, &self.parameters);
        let numbers = vec![
            parameters.rate,
            parameters.offset,
            parameters.noise,
            self.scale.floor,
            self.scale.size,
            shape.start as f64,
            shape.length,
            self.negative_log,
        ];
        let standard = shape.design.terms.iter().filter_map(|term| match term.kind {
            TermKind::Column { mean, deviation, .. } => Some([mean, deviation]),
            _ => None,
        });
        for (part, numbers) in [
            ("numbers", numbers),
            ("orders", shape.orders.map(|order| order as f64).to_vec()),
            (
                "changepoints",
                shape.changepoints.iter().map(|&time| time as f64).collect(),
            ),
            ("deltas", parameters.deltas.clone()),
            ("columns", parameters.columns.clone()),
            ("standard", standard.flatten().collect()),
        ] {
            tensors.insert(name(target, part), Tensor::f64(vec![numbers.len()], numbers));
        }
    }

    /// Reads the model of one target.
    ///
    /// # Errors
    /// Where a tensor is missing, of another shape than the others require, or has a number that no fit writes.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    pub(crate) fn read(tensors: &Tensors, target: usize, spec: &ProphetSpec) -> Result<Self, ArtifactError> {
        let of = |part: &str, len: usize| tensors::f64s(tensors, &name(target, part), &[len]);
        let numbers = of("numbers", NUMBERS)?;
        let whole = |part: &str, values: &[f64], most: f64| {
            let bad = values
                .iter()
                .find(|value| value.abs() > most || libm::rint(**value).to_bits() != value.to_bits());
            bad.map_or(Ok(()), |bad| Err(wrong(target, part, *bad, "a whole number")))
        };
        let positive = |part: &str, value: f64| {
            if value > 0.0 {
                Ok(value)
            } else {
                Err(wrong(target, part, value, "above 0"))
            }
        };
        let orders = of("orders", 3)?;
        let most = ProphetSpec::MAX_COLUMNS;
        let mut waves = [0; 3];
        for (wave, &order) in waves.iter_mut().zip(orders) {
            let found = (0..=most).find(|&count| libm::rint(order).to_bits() == f64_of(count).to_bits());
            *wave = found.ok_or_else(|| wrong(target, "orders", order, "a number of waves"))?;
        }
        let mut design = design(spec, waves);
        let changepoints = of("changepoints", len(tensors, target, "changepoints")?)?;
        whole("changepoints", changepoints, 1e15)?;
        whole("start", &numbers[5..6], 1e15)?;
        let regressors = design.terms.iter_mut().filter_map(|term| match &mut term.kind {
            TermKind::Column { mean, deviation, .. } => Some((mean, deviation)),
            _ => None,
        });
        let regressors: Vec<_> = regressors.collect();
        let standard = of("standard", 2 * regressors.len())?;
        for ((mean, deviation), standard) in regressors.into_iter().zip(standard.chunks_exact(2)) {
            (*mean, *deviation) = (standard[0], positive("standard", standard[1])?);
        }
        let parameters = Parameters {
            rate: numbers[0],
            offset: numbers[1],
            deltas: of("deltas", changepoints.len())?.to_vec(),
            columns: of("columns", design.columns)?.to_vec(),
            noise: positive("noise", numbers[2])?,
        };
        let scale = Scale {
            floor: numbers[3],
            size: positive("size", numbers[4])?,
        };
        let shape = Shape {
            spec: spec.clone(),
            orders: waves,
            design,
            start: numbers[5] as i64,
            length: positive("length", numbers[6])?,
            changepoints: changepoints.iter().map(|&time| time as i64).collect(),
        };
        Ok(Self {
            shape: Arc::new(shape),
            scale,
            parameters,
            negative_log: numbers[7],
            notices: Vec::new(),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts lie far below 2^52")]
fn f64_of(count: usize) -> f64 {
    count as f64
}

/// Returns the length of a tensor that may have any length.
fn len(tensors: &Tensors, target: usize, part: &str) -> Result<usize, ArtifactError> {
    let tensor = name(target, part);
    match tensors.get(&tensor) {
        Some(found) => Ok(match &found.data {
            Data::F32(data) => data.len(),
            Data::F64(data) => data.len(),
        }),
        None => Err(ArtifactError::Missing { tensor }),
    }
}

fn wrong(target: usize, part: &str, value: f64, range: &str) -> ArtifactError {
    ArtifactError::Settings(Problem::new(name(target, part), value, range))
}
