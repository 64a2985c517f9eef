//! From how many rows each kind of model makes sense.

use super::ModelSpec;

/// What is known of a series before any model is fitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ground {
    /// The rows before the holdout.
    pub rows: usize,
    /// The steps of a forecast.
    pub horizon: usize,
    /// The longest season that the training rows show, in steps; 1 without one.
    pub season: usize,
}

/// The rows below which a net learns noise: it has some ten thousand weights, and thousands of windows to learn them from
/// are the least with which it has ever beaten simpler models here.
const NET_ROWS: usize = 2_000;
/// The rows below which a regression on windows has more coefficients than independent windows.
const RIDGE_ROWS: usize = 60;
/// The rows below which trend, changepoints and seasons cannot be told apart.
const PROPHET_ROWS: usize = 50;
/// The fewest rows from which a level and a slope are estimated with an error.
const SMOOTHER_ROWS: usize = 4;

impl ModelSpec {
    /// Returns why a model makes no sense for a series, with value and bound; `None` where it does.
    #[must_use]
    pub fn doubt(&self, ground: &Ground) -> Option<String> {
        let Ground { rows, horizon, season } = *ground;
        let least = match self {
            Self::Naive(_) | Self::Ensemble(_) => 1,
            Self::SeasonalNaive(_) | Self::Drift(_) => 2,
            Self::Ets(_) | Self::Theta(_) | Self::Arima(_) | Self::Croston(_) => SMOOTHER_ROWS,
            Self::Mstl(_) if season < 2 => {
                return Some("the training rows show no season to take out".to_owned());
            }
            Self::Mstl(_) => 2 * season + 1,
            Self::Linear(_) => RIDGE_ROWS.max(3 * horizon),
            Self::Prophet(_) => PROPHET_ROWS.max(2 * season),
            Self::Gru(_) | Self::Lstm(_) => NET_ROWS.max(10 * horizon),
        };
        (rows < least).then(|| format!("it makes sense from {least} rows before the holdout, there are {rows}"))
    }

    /// Returns whether a fit costs so little that it is made again whenever there are more rows.
    #[must_use]
    pub fn is_cheap(&self) -> bool {
        !matches!(self, Self::Gru(_) | Self::Lstm(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_net_on_a_short_series_is_left_out_with_value_and_bound() {
        let ground = Ground {
            rows: 293,
            horizon: 12,
            season: 12,
        };
        let doubt = |kind: &str, ground: &Ground| ModelSpec::of_kind(kind).unwrap().doubt(ground);
        assert_eq!(
            doubt("gru", &ground).unwrap(),
            "it makes sense from 2000 rows before the holdout, there are 293"
        );
        assert_eq!(doubt("ets", &ground), None);
        let flat = Ground { season: 1, ..ground };
        assert!(doubt("mstl", &flat).is_some() && doubt("mstl", &ground).is_none());
        let one = Ground { rows: 1, ..flat };
        assert_eq!(doubt("naive", &one), None);
    }
}
