//! How often rows are differenced, and which orders are near each other.

use super::likelihood::Orders;
use crate::season;

/// The share of the variation without trend that a season must have to be differenced.
///
/// # Source
/// Wang, Smith and Hyndman 2006; the bound of `nsdiffs` of R's package forecast.
const STRONG: f64 = 0.64;
/// The statistic above which a level is not stationary: 5 %.
///
/// # Source
/// Kwiatkowski, Phillips, Schmidt and Shin 1992, table 1.
const NOT_STATIONARY: f64 = 0.463;
/// The largest orders without and with a season.
const ORDER: usize = 3;
const SEASONAL_ORDER: usize = 1;

/// Returns orders that have differences alone.
pub(super) fn differences(rows: &[f64], season: usize) -> Orders {
    let is_strong = || {
        let parts = stlrs::Mstl::fit(rows, &[season]).ok()?;
        parts.seasonal_strength().first().map(|strength| *strength > STRONG)
    };
    let sd = usize::from(season > 0 && is_strong().unwrap_or(false));
    let apart = |rows: &[f64], lag: usize| {
        rows.iter()
            .zip(&rows[lag.min(rows.len())..])
            .map(|(a, b)| b - a)
            .collect()
    };
    let mut rest: Vec<f64> = if sd > 0 { apart(rows, season) } else { rows.to_vec() };
    let mut d = 0;
    while d + sd < 2 && kpss(&rest) > NOT_STATIONARY {
        rest = apart(&rest, 1);
        d += 1;
    }
    Orders {
        d,
        sd,
        season,
        ..Orders::default()
    }
}

/// Returns the statistic of the test for a stationary level; 0 for too few rows or a constant.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "row counts lie far below 2^52"
)]
fn kpss(rows: &[f64]) -> f64 {
    let n = rows.len() as f64;
    if rows.len() < 5 {
        return 0.0;
    }
    let mean = season::mean(rows);
    let centred: Vec<f64> = rows.iter().map(|y| y - mean).collect();
    let product = |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>() / n;
    let lags = (3.0 * n.sqrt() / 13.0) as usize;
    let mut variance = product(0);
    for lag in 1..=lags {
        variance += 2.0 * (1.0 - lag as f64 / (lags + 1) as f64) * product(lag);
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for y in &centred {
        sum += y;
        squares += sum * sum;
    }
    if variance > 1e-12 {
        squares / (n * n * variance)
    } else {
        0.0
    }
}

/// Returns the orders that differ by one step, in a fixed order.
pub(super) fn next_to(from: Orders) -> Vec<Orders> {
    // Changes of p, q and of the seasonal ones.
    const STEPS: [[i8; 4]; 16] = [
        [0, 0, -1, 0],
        [0, 0, 0, -1],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, -1, -1],
        [0, 0, 1, 1],
        [0, 0, -1, 1],
        [0, 0, 1, -1],
        [-1, 0, 0, 0],
        [0, -1, 0, 0],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [-1, -1, 0, 0],
        [1, 1, 0, 0],
        [-1, 1, 0, 0],
        [1, -1, 0, 0],
    ];
    let mut near = Vec::new();
    for [p, q, sp, sq] in STEPS {
        let moved =
            |order: usize, by: i8, most: usize| order.checked_add_signed(by.into()).filter(|&order| order <= most);
        let seasonal = if from.season > 0 { SEASONAL_ORDER } else { 0 };
        if let (Some(p), Some(q), Some(sp), Some(sq)) = (
            moved(from.p, p, ORDER),
            moved(from.q, q, ORDER),
            moved(from.sp, sp, seasonal),
            moved(from.sq, sq, seasonal),
        ) {
            near.push(Orders { p, q, sp, sq, ..from });
        }
    }
    if from.d + from.sd == 0 {
        near.push(Orders {
            constant: !from.constant,
            ..from
        });
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_and_seasons_are_differenced_and_levels_are_not() {
        let level: Vec<f64> = (0..96_u32).map(|t| f64::from(t * 7_919 % 13)).collect();
        assert_eq!((differences(&level, 12).d, differences(&level, 12).sd), (0, 0));
        let mut sum = 0.0;
        let walk: Vec<f64> = level
            .iter()
            .map(|y| {
                sum += y;
                sum
            })
            .collect();
        assert_eq!(differences(&walk, 0).d, 1);
        let wave: Vec<f64> = level
            .iter()
            .zip(0_u32..)
            .map(|(y, t)| y + 50.0 * f64::from(t % 12))
            .collect();
        assert_eq!(differences(&wave, 12).sd, 1);
    }
}
