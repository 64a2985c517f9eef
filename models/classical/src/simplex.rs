//! Minimises a function of a few numbers between 0 and 1 without derivatives.

/// The search was asked to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stopped;

/// A point and the value of the function there.
pub(crate) type Best = (Vec<f64>, f64);

/// The corners of the simplex count as equal where their values differ by less than this share.
const ALIKE: f64 = 1e-9;
/// How far the first corners lie apart.
const STEP: f64 = 0.15;

/// Searches from a point; NaN counts as larger than any other value.
///
/// # Source
/// Nelder and Mead 1965, "A simplex method for function minimization", with the usual coefficients 1, 2, 1/2, 1/2.
pub(crate) fn minimise(
    start: &[f64],
    evaluations: usize,
    of: &mut dyn FnMut(&[f64]) -> Result<f64, Stopped>,
) -> Result<Best, Stopped> {
    let mut value = |mut point: Vec<f64>| -> Result<Best, Stopped> {
        for number in &mut point {
            *number = number.clamp(0.0, 1.0);
        }
        let value = of(&point)?;
        Ok((point, if value.is_nan() { f64::INFINITY } else { value }))
    };
    let mut corners = vec![value(start.to_vec())?];
    for axis in 0..start.len() {
        let mut corner = start.to_vec();
        corner[axis] += if corner[axis] + STEP <= 1.0 { STEP } else { -STEP };
        corners.push(value(corner)?);
    }
    let mut used = corners.len();
    while used < evaluations {
        // Stable, so that equal values keep their order on every machine.
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, worst) = (corners[0].1, corners[corners.len() - 1].1);
        if worst - best <= ALIKE * best.abs() {
            break;
        }
        used += step(&mut corners, &mut value)?;
    }
    corners.sort_by(|a, b| a.1.total_cmp(&b.1));
    Ok(corners.swap_remove(0))
}

/// Replaces the last of some sorted corners, or moves all towards the first; returns how often the function was called.
fn step(corners: &mut [Best], value: &mut dyn FnMut(Vec<f64>) -> Result<Best, Stopped>) -> Result<usize, Stopped> {
    let last = corners.len() - 1;
    let centre = centre(&corners[..last]);
    let away = |by: f64, from: &[f64]| centre.iter().zip(from).map(|(c, x)| c + by * (c - x)).collect();
    let reflected = value(away(1.0, &corners[last].0))?;
    if reflected.1 < corners[0].1 {
        let expanded = value(away(2.0, &corners[last].0))?;
        corners[last] = if expanded.1 < reflected.1 { expanded } else { reflected };
        return Ok(2);
    }
    if reflected.1 < corners[last - 1].1 {
        corners[last] = reflected;
        return Ok(1);
    }
    let contracted = if reflected.1 < corners[last].1 {
        value(away(0.5, &corners[last].0))?
    } else {
        value(away(-0.5, &corners[last].0))?
    };
    if contracted.1 < reflected.1.min(corners[last].1) {
        corners[last] = contracted;
        return Ok(2);
    }
    let best = corners[0].0.clone();
    for corner in &mut corners[1..] {
        *corner = value(best.iter().zip(&corner.0).map(|(b, x)| b + 0.5 * (x - b)).collect())?;
    }
    Ok(2 + last)
}

#[expect(clippy::cast_precision_loss, reason = "a handful of corners")]
fn centre(corners: &[Best]) -> Vec<f64> {
    let sum = |axis: usize| corners.iter().map(|corner| corner.0[axis]).sum::<f64>();
    (0..corners[0].0.len())
        .map(|axis| sum(axis) / corners.len() as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_valley_is_found_inside_and_at_the_edge() {
        for bottom in [[0.3, 0.7], [1.4, 0.2], [-3.0, 2.0]] {
            let mut valley = |x: &[f64]| {
                let (a, b) = (x[0] - bottom[0], x[1] - bottom[1]);
                Ok(1.0 + a * a + 10.0 * b * b)
            };
            let (point, value) = minimise(&[0.5, 0.5], 400, &mut valley).unwrap();
            for (have, want) in point.iter().zip(bottom) {
                assert!((have - want.clamp(0.0, 1.0)).abs() < 1e-3, "{point:?} with {value}");
            }
        }
    }

    #[test]
    fn a_search_ends_where_there_is_no_number_or_it_is_asked_to_stop() {
        let (_, value) = minimise(&[0.5], 50, &mut |_| Ok(f64::NAN)).unwrap();
        assert!(value.is_infinite());
        assert_eq!(minimise(&[0.5], 50, &mut |_| Err(Stopped)), Err(Stopped));
    }
}
