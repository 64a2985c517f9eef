//! Values that are as bad as values can be.

use proptest::prelude::*;

use super::{
    super::{Band, Panel, draw, panel::Prepared, sheet},
    assert_readable, panel,
};

/// Values that made the ticks of the plot, or its ranges, overflow or stand still.
fn odd() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => any::<f64>(),
        1 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 1.7e308, -1.7e308, 1e300, 5e-324, 0.0, -0.0,
        ]),
        1 => prop::sample::select(vec![1.0, 1.0 + f64::EPSILON, 1e16, 1e16 + 2.0]),
        1 => -10.0..10.0,
    ]
}

fn line() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let constant = (odd(), 0_usize..30).prop_map(|(value, n)| vec![value; n]);
    let ulp = odd().prop_map(|value| vec![value, value.next_up(), value]);
    let values = prop_oneof![prop::collection::vec(odd(), 0..30), constant, ulp];
    let times = prop_oneof![
        Just(0_i64),
        Just(1_700_000_000),
        Just(-62_135_596_800),
        Just(253_402_300_000),
        Just(i64::MAX),
    ];
    let step = prop_oneof![Just(0_i64), Just(1), Just(3_600), Just(2_678_400), Just(i64::MAX / 2)];
    (values, times, step).prop_map(|(values, start, step)| {
        let time = |row: usize| start.saturating_add(step.saturating_mul(i64::try_from(row).unwrap()));
        values
            .into_iter()
            .enumerate()
            .map(|(row, value)| (time(row), value))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn drawing_ends_whatever_the_values_are(
        actual in line(), holdout in prop::collection::vec(line(), 0..4), future in line(), lower in line(), upper in line(),
        season in any::<usize>(), horizon in any::<usize>(),
        frequency in prop::sample::select(vec!["1m", "1d", "1mo-end", "1y", "1 step", "1 business day"]),
    ) {
        let (done, drawn) = std::sync::mpsc::channel();
        let panel = Panel {
            frequency: frequency.parse().unwrap(),
            season,
            horizon,
            actual: actual.into_iter().map(|(t, v)| (t, Some(v))).collect(),
            holdout,
            future,
            bands: vec![Band { percent: 80, lower, upper }],
            ..panel("down")
        };
        let shown = format!("{panel:?}");
        // On a thread of its own, so that a picture that is never done fails the test.
        std::thread::spawn(move || {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("plot.svg");
            let has_values = Prepared::new(&panel).has_values();
            let drawn = draw(&path, "cell", std::slice::from_ref(&panel)).map(|_| std::fs::read_to_string(&path).unwrap());
            let scene = sheet::sheet("cell", "", &[panel]);
            done.send((drawn, has_values, scene))
        });
        let Ok((drawn, has_values, scene)) = drawn.recv_timeout(std::time::Duration::from_secs(20)) else {
            return Err(TestCaseError::fail(format!("not drawn after 20 s: {shown}")));
        };
        match drawn {
            Ok(svg) => prop_assert!(has_values && !svg.contains("NaN") && !svg.contains("inf"), "{svg}"),
            Err(error) => prop_assert!(!has_values && error.to_string() == "no values to plot", "{error}"),
        }
        assert_readable(&scene);
    }
}
