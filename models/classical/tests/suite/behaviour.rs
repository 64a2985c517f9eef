//! What forecasts depend on.

use classical::{Classical, Smoother};
use forecast::{Artifact, Demand, EtsSpec, Forecast, MstlSpec, Periods, Seasonal};
use proptest::prelude::*;
use series::{Frequency, TimeAxis, Unit};

use crate::data::{HOUR, Series, demand, kinds, noise, wave};

fn largest_error(series: &Series, fit: &Classical, origin: usize, steps: usize) -> f64 {
    let forecast = series.forecast(&series.model(fit), origin, steps).unwrap().data;
    let actual = &series.scaled.target(0)[origin..];
    forecast
        .iter()
        .zip(actual)
        .map(|(f, y)| (f - y).abs())
        .fold(0.0, f64::max)
}

#[test]
fn every_kind_goes_on_with_season_and_slope() {
    let series = Series::new(&[wave(528, 24, 0.01, 0.1)], 480, 24);
    for fit in kinds() {
        let error = largest_error(&series, &fit, 480, 48);
        assert!(error < 0.35, "{fit:?} is off by {error}, of values from 3.8 to 6.2");
        // From a later origin the state has advanced.
        let error = largest_error(&series, &fit, 504, 24);
        assert!(error < 0.35, "{fit:?} is off by {error} from a later origin");
    }
}

#[test]
fn a_long_season_is_carried_by_every_kind() {
    let series = Series::new(&[wave(3_600, 720, 0.0, 0.1)], 2_880, 720);
    // With automatic choice, smoothing rejects 720 parameters for 2,880 rows.
    let ets = Classical::ets(&EtsSpec {
        seasonal: Seasonal::Additive,
        ..EtsSpec::default()
    });
    let [_, theta, mstl, _] = kinds();
    for fit in [ets, theta, mstl] {
        let error = largest_error(&series, &fit, 2_880, 720);
        assert!(error < 0.35, "{fit:?} is off by {error}");
    }
}

#[test]
fn a_day_and_a_week_are_taken_apart() {
    let week: Vec<f64> = wave(2_184, 24, 0.0, 0.1)
        .iter()
        .zip(wave(2_184, 168, 0.0, 0.0))
        .map(|(d, w)| d + 2.0 * w)
        .collect();
    let mut series = Series::new(&[week], 2_016, 24);
    series.seasons = vec![24, 168];
    let auto = largest_error(&series, &Classical::mstl(&MstlSpec::default()), 2_016, 168);
    let day = Classical::mstl(&MstlSpec {
        periods: Periods::Given(vec![24]),
        ..MstlSpec::default()
    });
    let day = largest_error(&series, &day, 2_016, 168);
    assert!(auto < 0.4 && day > 1.5, "with the week off by {auto}, without by {day}");
}

#[test]
fn levels_follow_what_comes_after_training() {
    let (mut level, mut walk) = (0.0, Vec::new());
    for row in 0..200 {
        level += 0.1 * noise(row) + if row == 150 { 5.0 } else { 0.0 };
        walk.push(level);
    }
    let series = Series::new(&[walk], 100, 1);
    for fit in kinds() {
        let model = series.model(&fit);
        for origin in [100, 150, 152, 200] {
            let last = series.scaled.values.at(origin - 1, 0);
            let next = series.forecast(&model, origin, 1).unwrap().data[0];
            assert!(
                (next - last).abs() < 0.5,
                "{fit:?} expects {next} after {last} at {origin}"
            );
        }
    }
}

#[test]
fn many_origins_in_any_order_are_like_one_by_one() {
    let series = Series::new(&[wave(200, 12, 0.01, 0.5), wave(200, 12, 0.0, 0.1)], 120, 12);
    let origins = [120, 121, 150, 200, 60, 61, 0, 119, 130];
    for fit in kinds() {
        let model = series.model(&fit);
        let mut seen = Vec::new();
        let mut compare = |index: usize, values: &[f64]| {
            let alone = series.forecast(&model, origins[index], 5).unwrap();
            assert_eq!(values, alone.data, "{fit:?} at {}", origins[index]);
            seen.push(index);
        };
        model
            .forecast_origins(&series.scaled, &origins, 5, &mut compare)
            .unwrap();
        assert_eq!(seen, (0..origins.len()).collect::<Vec<_>>());
    }
}

#[test]
fn a_history_that_starts_after_training_goes_on_from_the_stored_state() {
    let all = Series::new(&[wave(200, 12, 0.01, 0.5)], 120, 12);
    let mut later = Series::new(&[all.scaled.target(0)[120..].to_vec()], 2, 12);
    later.scaled.axis = TimeAxis::new(i64::try_from(120 * HOUR).unwrap(), Frequency::Seconds(HOUR), 80);
    for fit in kinds() {
        let model = all.model(&fit);
        let (whole, part) = (
            all.forecast(&model, 180, 24).unwrap(),
            later.forecast(&model, 60, 24).unwrap(),
        );
        assert_eq!(whole, part, "{fit:?}");
        assert!(model.history_rows() >= 1 && model.history_rows() <= 120);
    }
    let model = all.model(&kinds()[0]);
    later.scaled.axis.start += 1;
    assert!(later.forecast(&model, 60, 24).is_err(), "off the grid");
}

#[test]
fn rows_that_were_not_observed_teach_nothing() {
    let mut rows = wave(160, 12, 0.01, 0.2);
    rows[130..140].fill(f64::NAN);
    let gap = Series::new(&[rows.clone()], 120, 12);
    rows[130..140].fill(1e6);
    let mut wild = Series::new(&[rows], 120, 12);
    wild.scaled.observed = gap.scaled.observed.clone();
    for fit in kinds() {
        let model = gap.model(&fit);
        assert_eq!(
            gap.forecast(&model, 160, 12).unwrap(),
            wild.forecast(&model, 160, 12).unwrap()
        );
    }
}

#[test]
fn every_number_of_threads_gives_the_same_bytes() {
    let targets: Vec<Vec<f64>> = (0..5).map(|k| wave(150, 12, 0.01 * f64::from(k), 0.3)).collect();
    let series = Series::new(&targets, 120, 12);
    for fit in kinds() {
        let bytes = |threads| {
            let fitted = series.run(&fit, threads, None, &|| false).unwrap();
            crate::data::finished(fitted).to_bytes().unwrap()
        };
        let one = bytes(1);
        assert_eq!(one, bytes(2));
        assert_eq!(one, bytes(7));
    }
}

#[test]
fn an_artifact_that_is_broken_or_of_another_kind_is_refused() {
    let series = Series::new(&[wave(150, 12, 0.0, 0.3)], 120, 12);
    let artifact = series.artifact(&kinds()[2]);
    for name in ["anchor", "0.0.rule", "0.0.size", "0.0.start", "0.0.end"] {
        let mut broken = artifact.clone();
        broken.tensors.remove(name);
        assert!(Smoother::read(&broken).unwrap_err().to_string().contains(name));
    }
    let mut wild = artifact.clone();
    wild.tensors.insert(
        "0.0.rule".into(),
        forecast::Tensor::f64(vec![5], vec![2.0, 0.0, 0.0, 0.0, 0.0]),
    );
    assert!(Smoother::read(&wild).is_err(), "a Theta line that is never smoothed");
    let mut other: Artifact = artifact;
    other.about.settings = forecast::ModelSpec::of_kind("naive").unwrap();
    assert!(Smoother::read(&other).is_err());
}

#[test]
fn no_scaling_changes_a_forecast_in_original_units() {
    let rows: Vec<f64> = wave(160, 12, 0.02, 0.4)
        .iter()
        .map(|y| 40.0 * libm::exp(0.3 * y))
        .collect();
    let plain = Series::new(std::slice::from_ref(&rows), 150, 12);
    for (offset, scale) in [(12.0, 250.0), (-1e4, 0.01)] {
        let unit = Unit { offset, scale };
        let scaled: Vec<f64> = rows.iter().map(|y| unit.scaled(*y)).collect();
        let mut other = Series::new(&[scaled], 150, 12);
        other.scaled.units = vec![unit];
        for fit in kinds().into_iter().chain([demand(Demand::Sba), demand(Demand::Tsb)]) {
            let of = |series: &Series| series.forecast(&series.model(&fit), 155, 12).unwrap().data;
            for (plain, other) in of(&plain).iter().zip(of(&other)) {
                let other = unit.original(other);
                // Roundings are the 1e-10th part at this offset; the search makes a little more of them.
                assert!((plain / other - 1.0).abs() < 1e-5, "{fit:?}: {plain} became {other}");
            }
        }
    }
}

#[test]
fn a_growing_season_is_multiplied_and_forecasts_stay_above_zero() {
    let level = |t: f64| 100.0 + t;
    let rows: Vec<f64> = (0..144_u32)
        .map(|t| level(f64::from(t)) * (1.0 + 0.5 * libm::sin(f64::from(t) * std::f64::consts::TAU / 12.0)))
        .zip(0..)
        .map(|(y, row)| y * (1.0 + 0.02 * noise(row)))
        .collect();
    let series = Series::new(&[rows], 120, 12);
    for fit in kinds() {
        let forecast = series.forecast(&series.model(&fit), 120, 24).unwrap().data;
        for (forecast, actual) in forecast.iter().zip(&series.scaled.target(0)[120..]) {
            assert!(
                (forecast / actual - 1.0).abs() < 0.12,
                "{fit:?}: {forecast}, not {actual}"
            );
        }
    }
    // A fall to 0 in later rows breaks nothing.
    let mut fallen = series.clone();
    for row in 120..144 {
        *fallen.scaled.values.at_mut(row, 0) = 0.0;
    }
    for fit in kinds() {
        let forecast = fallen.forecast(&fallen.model(&fit), 144, 24).unwrap().data;
        assert!(
            forecast.iter().all(|value| value.abs() < 400.0),
            "{fit:?}: {forecast:?}"
        );
    }
}

#[test]
fn demand_that_is_mostly_zero_is_forecast_by_its_mean() {
    let rows: Vec<f64> = (0..200).map(|row| if row % 5 == 0 { 10.0 } else { 0.0 }).collect();
    let mut series = Series::new(&[rows], 200, 1);
    let sba = series
        .forecast(&series.model(&demand(Demand::Sba)), 200, 3)
        .unwrap()
        .data;
    assert!(sba.iter().all(|value| (value - 2.0).abs() < 0.5), "{sba:?}");
    // Without demand the probability falls.
    for row in 100..200 {
        *series.scaled.values.at_mut(row, 0) = 0.0;
    }
    let tsb = series
        .forecast(&series.model(&demand(Demand::Tsb)), 200, 3)
        .unwrap()
        .data;
    assert!(tsb.iter().all(|value| (0.0..1.0).contains(value)), "{tsb:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn nothing_after_the_training_rows_changes_the_fit_and_nothing_after_an_origin_a_forecast(
        seed in 0_u64..1_000, origin in 60_usize..100, wild in -1e3_f64..1e3,
    ) {
        let rows: Vec<f64> = (0..100).map(|row| noise(seed * 1_000 + row) + f64::from(u32::try_from(row).unwrap() % 6)).collect();
        let calm = Series::new(std::slice::from_ref(&rows), 60, 6);
        let mut poisoned = rows;
        poisoned[origin..].fill(wild);
        let poisoned = Series::new(&[poisoned], 60, 6);
        for fit in kinds() {
            let (a, b) = (calm.artifact(&fit), poisoned.artifact(&fit));
            prop_assert_eq!(a.to_bytes().unwrap(), b.to_bytes().unwrap());
            let model = calm.model(&fit);
            prop_assert_eq!(calm.forecast(&model, origin, 9).unwrap(), poisoned.forecast(&model, origin, 9).unwrap());
        }
    }
}
