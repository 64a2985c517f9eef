//! The picture at the end of `flits run`: recent actuals, the champion's forecast of the holdout, and the future.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use plotters::prelude::*;

/// How many panels one picture holds; more targets than that are left out and counted in the title.
const MAX_PANELS: usize = 6;
const WIDTH: u32 = 1_100;
const PANEL_HEIGHT: u32 = 260;
const ACTUAL: RGBColor = RGBColor(70, 70, 70);
const HOLDOUT: RGBColor = RGBColor(214, 118, 22);
const FUTURE: RGBColor = RGBColor(20, 105, 180);

/// One target's lines. Times are UTC seconds, values are in original units; gaps break a line.
#[derive(Debug, Clone)]
pub struct Panel {
    /// The target column.
    pub target: String,
    /// What was observed.
    pub actual: Vec<(i64, Option<f64>)>,
    /// What the champion forecast for the holdout, one step ahead.
    pub holdout: Vec<(i64, f64)>,
    /// What the champion forecasts now.
    pub future: Vec<(i64, f64)>,
    /// The lower and the upper end of its 80 % interval; empty where it has none.
    pub interval: [Vec<(i64, f64)>; 2],
}

/// Draws the panels below each other into an SVG file.
///
/// # Errors
/// When there is nothing to draw or the file cannot be written.
pub fn draw(path: &Path, title: &str, panels: &[Panel]) -> anyhow::Result<()> {
    let shown = &panels[..panels.len().min(MAX_PANELS)];
    let height = 40 + PANEL_HEIGHT * u32::try_from(shown.len().max(1)).context("too many panels")?;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE).map_err(cannot_draw)?;
        let more = panels.len() - shown.len();
        let title = if more > 0 {
            format!("{title} ({more} more targets not shown)")
        } else {
            title.to_owned()
        };
        let body = root.titled(&title, ("sans-serif", 20)).map_err(cannot_draw)?;
        for (area, panel) in body.split_evenly((shown.len().max(1), 1)).iter().zip(shown) {
            draw_panel(area, panel)?;
        }
        root.present().map_err(cannot_draw)?;
    }
    std::fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))
}

fn draw_panel(area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, panel: &Panel) -> anyhow::Result<()> {
    let values = || {
        let observed = panel.actual.iter().filter_map(|(t, v)| v.map(|v| (*t, v)));
        observed
            .chain(panel.holdout.iter().copied())
            .chain(panel.future.iter().copied())
            .chain(panel.interval.iter().flatten().copied())
    };
    let (first, last) = bounds(values().map(|(t, _)| seconds(t))).context("no values to plot")?;
    let (low, high) = bounds(values().map(|(_, v)| v)).context("no values to plot")?;
    let pad = ((high - low) * 0.06).max(high.abs() * 1e-6).max(f64::MIN_POSITIVE);
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption(&panel.target, ("sans-serif", 15))
        .x_label_area_size(26)
        .y_label_area_size(78)
        .build_cartesian_2d(first..last.max(first + 1.0), (low - pad)..(high + pad))
        .map_err(cannot_draw)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(6)
        .x_label_formatter(&|t| label(*t))
        .y_labels(5)
        .y_label_formatter(&|v| short(*v))
        .draw()
        .map_err(cannot_draw)?;
    let [lower, upper] = &panel.interval;
    if !lower.is_empty() {
        let band = lower.iter().chain(upper.iter().rev()).map(|(t, v)| (seconds(*t), *v));
        chart
            .draw_series([Polygon::new(band.collect::<Vec<_>>(), FUTURE.mix(0.18))])
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
        let points: Vec<_> = line.iter().map(|(t, v)| (seconds(*t), *v)).collect();
        // A single point is no line, so it is marked.
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
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .draw()
        .map_err(cannot_draw)
}

/// Splits a line where values are missing.
fn runs(line: &[(i64, Option<f64>)]) -> Vec<Vec<(f64, f64)>> {
    line.split(|(_, value)| value.is_none())
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().filter_map(|(t, v)| v.map(|v| (seconds(*t), v))).collect())
        .collect()
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |bounds, v| match bounds {
        None => Some((v, v)),
        Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
    })
}

/// Places a time on the axis.
#[expect(clippy::cast_precision_loss, reason = "times in seconds lie far below 2^52")]
fn seconds(time: i64) -> f64 {
    time as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "labels stand between times that were integers"
)]
fn label(time: f64) -> String {
    let text = series::rfc3339(time as i64);
    text.get(..16).map_or(text.clone(), |minute| minute.replace('T', " "))
}

/// Writes a number in few characters: 1.2M, 35.0k, 0.0021.
fn short(value: f64) -> String {
    let size = value.abs();
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
    use super::*;

    #[test]
    fn the_plot_names_its_lines_and_breaks_at_gaps() {
        let panel = Panel {
            target: "down <b>".into(),
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
