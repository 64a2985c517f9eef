//! Rows with little information for any model.

use classical::Classical;
use forecast::{Demand, EtsSpec, FitError, MstlSpec, Periods, Seasonal, Trend};
use proptest::prelude::*;

use crate::data::{Series, demand, kinds, wave};

fn last_forecast(series: &Series, fit: &Classical) -> Vec<f64> {
    let model = series.model(fit);
    series.forecast(&model, series.scaled.rows(), 30).unwrap().data
}

#[test]
fn a_constant_goes_on() {
    for fit in kinds() {
        for forecast in last_forecast(&Series::new(&[vec![7.25; 100]], 90, 12), &fit) {
            assert!((forecast - 7.25).abs() < 1e-9, "{fit:?} gives {forecast}");
        }
    }
}

#[test]
fn fewer_rows_than_two_seasons_give_a_model_without_season() {
    let short = Series::new(&[wave(30, 24, 0.0, 0.0)], 30, 24);
    for fit in kinds() {
        assert!(last_forecast(&short, &fit).iter().all(|f| f.abs() < 30.0), "{fit:?}");
    }
    let asked = Classical::ets(&EtsSpec {
        seasonal: Seasonal::Additive,
        trend: Trend::None,
        ..EtsSpec::default()
    });
    let forecast = last_forecast(&short, &asked);
    assert!(
        forecast.iter().all(|f| (f - forecast[0]).abs() < 1e-12),
        "a level alone"
    );
}

#[test]
fn two_rows_keep_the_last_one_and_one_is_refused() {
    let two = Series::new(&[vec![1.0, 3.0]], 2, 1);
    for forecast in last_forecast(&two, &kinds()[0]) {
        assert!((forecast - 3.0).abs() < 1e-12, "{forecast}");
    }
    for fit in kinds() {
        assert!(last_forecast(&two, &fit).iter().all(|f| f.is_finite()));
        let one = Series::new(&[vec![1.0, f64::NAN, f64::NAN]], 3, 1);
        let error = one.run(&fit, 1, None, &|| false).unwrap_err();
        assert_eq!(error.to_string(), "1 observed training rows of a target, must be 2");
        let none = Series::new(&[vec![1.0; 9], vec![f64::NAN; 9]], 9, 1);
        let error = none.run(&fit, 2, None, &|| false).unwrap_err();
        assert_eq!(error.to_string(), "0 observed training rows of a target, must be 2");
    }
}

#[test]
fn infinities_count_as_gaps_and_huge_values_stay_finite() {
    let mut rows = wave(100, 12, 0.0, 0.1);
    let calm = Series::new(&[rows.clone()], 90, 12);
    let (mut gap, mut infinite) = (calm.clone(), calm.clone());
    for row in [20, 21, 95] {
        gap.scaled.observed[0][row] = false;
        *gap.scaled.values.at_mut(row, 0) = f64::NAN;
        *infinite.scaled.values.at_mut(row, 0) = f64::INFINITY;
    }
    for fit in kinds() {
        assert_eq!(last_forecast(&gap, &fit), last_forecast(&infinite, &fit));
    }
    for y in &mut rows {
        *y *= 1e300;
    }
    let huge = Series::new(&[rows], 90, 12);
    for fit in kinds() {
        for (huge, calm) in last_forecast(&huge, &fit).iter().zip(last_forecast(&calm, &fit)) {
            assert!((huge / 1e300 - calm).abs() < 1e-3, "{fit:?}: {huge}, not {calm}");
        }
    }
}

#[test]
fn zeros_and_large_numbers_close_together_go_on() {
    let zeros = Series::new(&[vec![0.0; 40]], 36, 12);
    let large: Vec<f64> = wave(60, 12, 0.0, 0.1)
        .iter()
        .map(|y| 1e15 + 8.0 * (10.0 * y).round())
        .collect();
    let large = Series::new(&[large], 60, 12);
    for fit in kinds().into_iter().chain([demand(Demand::Sba), demand(Demand::Tsb)]) {
        assert!(last_forecast(&zeros, &fit).iter().all(|f| f.abs() < 1e-9), "{fit:?}");
        let forecasts = last_forecast(&large, &fit);
        assert!(
            forecasts.iter().all(|f| (f - 1e15).abs() < 5e14),
            "{fit:?}: {forecasts:?}"
        );
    }
    for fit in kinds() {
        let near = |f: &f64| (f - 1e15).abs() < 200.0;
        assert!(last_forecast(&large, &fit).iter().all(near), "{fit:?}");
    }
}

#[test]
fn a_season_that_does_not_fit_twice_is_refused_with_the_bound() {
    let series = Series::new(&[wave(100, 12, 0.0, 0.1)], 90, 12);
    let fit = Classical::mstl(&MstlSpec {
        periods: Periods::Given(vec![12, 46]),
        ..MstlSpec::default()
    });
    let error = series.run(&fit, 1, None, &|| false).unwrap_err();
    assert!(
        matches!(error, FitError::Mismatch { have: 90, need: 92, .. }),
        "{error}"
    );
}

#[test]
fn several_series_are_refused() {
    let series = Series::new(&[wave(50, 12, 0.0, 0.1)], 40, 12);
    let names = ["y0".to_owned()];
    let one = forecast::SeriesData {
        scaled: &series.scaled,
        cut: &series.cut,
    };
    let data = forecast::Training {
        series: &[one, one],
        window: series.cut.window,
        season: 12,
        seasons: &[12],
        contexts: &[],
        threads: 1,
        cut: "c0ffee",
        target_names: &names,
        input_names: &names,
    };
    let error = forecast::Fit::run(&kinds()[0], &data, None, &|| false, &mut |_, _| ()).unwrap_err();
    assert_eq!(error.to_string(), "2 series, must be 1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_rows_give_finite_forecasts_or_a_typed_error(
        rows in proptest::collection::vec(prop_oneof![
            -10.0_f64..10.0, Just(0.0), Just(f64::NAN), Just(1e200), Just(-1e-200), Just(f64::MAX),
        ], 1..60),
        season in 0_usize..40,
    ) {
        let training = rows.len();
        let series = Series::new(&[rows], training, season);
        for fit in kinds() {
            match series.run(&fit, 1, None, &|| false) {
                Ok(fitted) => {
                    let bytes = crate::data::finished(fitted).to_bytes().unwrap();
                    let model = classical::Smoother::read(&forecast::Artifact::parse(&bytes).unwrap()).unwrap();
                    match series.forecast(&model, training, 50) {
                        Ok(forecast) => prop_assert!(forecast.data.iter().all(|value| value.is_finite())),
                        Err(error) => prop_assert!(matches!(error, forecast::ForecastError::NotFinite { .. }), "{}", error),
                    }
                }
                Err(FitError::Mismatch { have, .. }) => prop_assert!(have < 2),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }
}
