//! The plot at the end of `flits run`: recent actuals, the champion's forecast of the holdout, and the future.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use contract::text;
use plotters::prelude::*;
use series::Frequency;

use super::axis::Axis;

/// The most panels of one plot; further targets are left out and counted in the title.
const MAX_PANELS: usize = 6;
/// The most characters of a column's name that are shown above its panel.
const MAX_CAPTION: usize = 100;
const WIDTH: u32 = 1_100;
const PANEL_HEIGHT: u32 = 260;
const ACTUAL: RGBColor = RGBColor(70, 70, 70);
const HOLDOUT: RGBColor = RGBColor(214, 118, 22);
const FUTURE: RGBColor = RGBColor(20, 105, 180);

/// One target's lines. Times are UTC seconds, values are in original units; gaps and values that are not finite break a
/// line.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    /// The name of the target column.
    pub target: String,
    /// The distance of two times.
    pub frequency: Frequency,
    /// The observed values; `None` where one is missing.
    pub actual: Vec<(i64, Option<f64>)>,
    /// The champion's forecast of the holdout, one step ahead.
    pub holdout: Vec<(i64, f64)>,
    /// The champion's newest forecast.
    pub future: Vec<(i64, f64)>,
    /// The lower and the upper end of its 80 % interval; empty where it has none.
    pub interval: [Vec<(i64, f64)>; 2],
}

/// Draws the panels below each other into an SVG file. The time it takes depends only on the number of points.
///
/// # Errors
/// When there is nothing to draw or the file cannot be written.
pub(super) fn draw(path: &Path, title: &str, panels: &[Panel]) -> anyhow::Result<()> {
    let mut svg = String::new();
    paint(&mut svg, title, panels)?;
    std::fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))
}

fn paint(svg: &mut String, title: &str, panels: &[Panel]) -> anyhow::Result<()> {
    let shown = &panels[..panels.len().min(MAX_PANELS)];
    let height = 40 + PANEL_HEIGHT * u32::try_from(shown.len().max(1)).context("too many panels")?;
    {
        let root = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE).map_err(cannot_draw)?;
        let more = panels.len() - shown.len();
        let title = if more > 0 {
            format!("{} ({more} more targets not shown)", text::plain(title))
        } else {
            text::plain(title).into_owned()
        };
        let body = root.titled(&title, ("sans-serif", 20)).map_err(cannot_draw)?;
        for (area, panel) in body.split_evenly((shown.len().max(1), 1)).iter().zip(shown) {
            draw_panel(area, panel)?;
        }
        root.present().map_err(cannot_draw)?;
    }
    Ok(())
}

fn draw_panel(area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, panel: &Panel) -> anyhow::Result<()> {
    let values = || {
        let observed = panel.actual.iter().filter_map(|(t, v)| v.map(|v| (*t, v)));
        observed
            .chain(panel.holdout.iter().copied())
            .chain(panel.future.iter().copied())
            .chain(panel.interval.iter().flatten().copied())
    };
    let finite = || values().filter(|(_, v)| v.is_finite());
    let times = Axis::of_times(finite().map(|(t, _)| seconds(t))).context("no values to plot")?;
    let sizes = Axis::of_values(finite().map(|(_, v)| v)).context("no values to plot")?;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption(text::shortened(&panel.target, MAX_CAPTION), ("sans-serif", 15))
        .x_label_area_size(26)
        .y_label_area_size(78)
        .build_cartesian_2d(times, sizes)
        .map_err(cannot_draw)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(6)
        .x_label_formatter(&|t| label(panel.frequency, *t))
        .y_labels(5)
        .y_label_formatter(&|v| short(*v))
        .draw()
        .map_err(cannot_draw)?;
    let [lower, upper] = &panel.interval;
    let band = lower.iter().chain(upper.iter().rev()).filter(|(_, v)| v.is_finite());
    let band: Vec<_> = band.map(|(t, v)| (seconds(*t), *v)).collect();
    if !band.is_empty() {
        chart
            .draw_series([Polygon::new(band, FUTURE.mix(0.18))])
            .map_err(cannot_draw)?
            .label("80 % interval")
            .legend(|(x, y)| Rectangle::new([(x, y - 4), (x + 16, y + 4)], FUTURE.mix(0.18).filled()));
    }
    for (index, run) in runs(&panel.actual).into_iter().enumerate() {
        let line = chart
            .draw_series(LineSeries::new(run, ACTUAL.stroke_width(1)))
            .map_err(cannot_draw)?;
        if index == 0 {
            line.label("actual")
                .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], ACTUAL.stroke_width(2)));
        }
    }
    for (line, name, colour) in [
        (&panel.holdout, "holdout forecast", HOLDOUT),
        (&panel.future, "forecast", FUTURE),
    ] {
        let points = line.iter().filter(|(_, v)| v.is_finite());
        let points: Vec<_> = points.map(|(t, v)| (seconds(*t), *v)).collect();
        // A single point is not a visible line, so it gets a mark.
        if let [(t, v)] = points[..] {
            chart
                .draw_series([Circle::new((t, v), 3, colour.filled())])
                .map_err(cannot_draw)?;
        }
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))
            .map_err(cannot_draw)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        // The forecast is on the right.
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw()
        .map_err(cannot_draw)
}

/// Splits a line where values are missing.
fn runs(line: &[(i64, Option<f64>)]) -> Vec<Vec<(f64, f64)>> {
    line.split(|(_, value)| value.is_none_or(|value| !value.is_finite()))
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().filter_map(|(t, v)| v.map(|v| (seconds(*t), v))).collect())
        .collect()
}

/// Returns a time as a number on the axis.
#[expect(clippy::cast_precision_loss, reason = "times in seconds lie far below 2^52")]
fn seconds(time: i64) -> f64 {
    time as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "labels stand between times that were integers"
)]
fn label(frequency: Frequency, time: f64) -> String {
    let text = frequency.label(time as i64);
    text.get(..16).map_or(text.clone(), |minute| minute.replace('T', " "))
}

/// Writes a number in few characters: 1.2M, 35.0k, 0.0021, 1.7e308.
fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 {
        return format!("{value:.1e}");
    }
    for (unit, name) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")] {
        if size >= unit {
            return format!("{:.1}{name}", value / if name == "k" { 1e3 } else { unit });
        }
    }
    if size >= 100.0 || size == 0.0 {
        format!("{value:.0}")
    } else if size >= 0.01 {
        format!("{value:.3}")
    } else {
        format!("{value:.1e}")
    }
}

fn cannot_draw(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw the plot: {error}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_plot_names_its_lines_and_breaks_at_gaps() {
        let panel = Panel {
            target: "down <b>".into(),
            frequency: Frequency::Seconds(60),
            actual: vec![(0, Some(1.0)), (60, None), (120, Some(2.0)), (180, Some(3.0))],
            holdout: vec![(120, 2.5), (180, 2.0)],
            future: vec![(240, 2.2), (300, 2.3)],
            interval: [vec![(240, 1.2), (300, 1.0)], vec![(240, 3.2), (300, 3.5)]],
        };
        assert_eq!(runs(&panel.actual).len(), 2);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plot.svg");
        draw(&path, "cell", &vec![panel; 8]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in [
            "actual",
            "80 % interval",
            "holdout forecast",
            "2 more targets",
            "down &lt;b&gt;",
        ] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }

    #[test]
    fn a_name_cannot_break_the_picture() {
        let panel = Panel {
            target: "a\u{1b}[31m\nb\0<script>".into(),
            frequency: Frequency::Seconds(60),
            actual: vec![(0, Some(1.0))],
            holdout: Vec::new(),
            future: vec![(60, 2.0)],
            interval: [Vec::new(), Vec::new()],
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plot.svg");
        draw(&path, "t\u{8}itle", &[panel]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(!svg.contains(|c: char| c.is_control() && c != '\n'), "{svg:?}");
        assert!(svg.contains("a\\u{1b}[31m\\nb\\u{0}&lt;script&gt;"), "{svg}");
    }

    /// Values that made the ticks of the plot, or its ranges, overflow or stand still.
    fn odd() -> impl Strategy<Value = f64> {
        prop_oneof![
            2 => any::<f64>(),
            1 => prop::sample::select(vec![
                f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 1.7e308, -1.7e308, 1e300, 5e-324, 0.0, -0.0,
            ]),
            1 => prop::sample::select(vec![1.0, 1.0 + f64::EPSILON, 1e16, 1e16 + 2.0]),
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
            Just(253_402_300_000)
        ];
        let step = prop_oneof![Just(0_i64), Just(1), Just(3_600), Just(2_678_400)];
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
            actual in line(), holdout in line(), future in line(), lower in line(), upper in line(),
        ) {
            let (done, drawn) = std::sync::mpsc::channel();
            let panel = Panel {
                target: "down".into(),
            frequency: Frequency::Seconds(60),
                actual: actual.into_iter().map(|(t, v)| (t, Some(v))).collect(),
                holdout,
                future,
                interval: [lower, upper],
            };
            let shown = format!("{panel:?}");
            // On a thread of its own, so that a picture that is never done fails the test.
            std::thread::spawn(move || {
                let mut svg = String::new();
                done.send(paint(&mut svg, "cell", &[panel]).map(|()| svg))
            });
            let Ok(drawn) = drawn.recv_timeout(std::time::Duration::from_secs(20)) else {
                return Err(TestCaseError::fail(format!("not drawn after 20 s: {shown}")));
            };
            match drawn {
                Ok(svg) => prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}"),
                Err(error) => prop_assert_eq!(error.to_string(), "no values to plot"),
            }
        }
    }

    #[test]
    fn numbers_on_the_axis_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (1_234_567.0, "1.2M"),
            (35_000.0, "35.0k"),
            (0.5, "0.500"),
            (-2.5e-8, "-2.5e-8"),
        ] {
            assert_eq!(short(value), text);
        }
    }
}
