//! One target's part of a picture: its name, two axes, the lines and the start of the forecast.

use contract::text;

use super::{
    MAX_CAPTION, Panel,
    calendar::moment,
    font,
    scene::{Anchor, Ink, Point, Scene},
    times::{self, TimeAxis},
    values::{self, ValueAxis},
    view::{Value, View},
};

const NAME: f64 = 14.0;
const NOTE: f64 = 12.0;
const TEXT: Ink = Ink::solid(0x22, 0x22, 0x22);
const QUIET: Ink = Ink::solid(0x5f, 0x5f, 0x5f);
const GRID: Ink = Ink::solid(0xe4, 0xe4, 0xe4);
const ZERO: Ink = Ink::solid(0x9a, 0x9a, 0x9a);
/// The colour of observed values.
pub(super) const ACTUAL: Ink = Ink::solid(70, 70, 70);
/// The colour of forecasts of the holdout.
pub(super) const HOLDOUT: Ink = Ink::solid(214, 118, 22);
/// The colour of the forecast.
pub(super) const FUTURE: Ink = Ink::solid(20, 105, 180);
/// The colour of an interval; one within another covers it too.
pub(super) const BAND: Ink = FUTURE.mixed(0.18);

/// The height of the name and of the mark of the forecast's start, above the lines.
const ABOVE: f64 = 40.0;
/// The height of the labels of the times, below the lines.
const BELOW: f64 = 40.0;
/// The width of the value at the forecast's end, right of the lines.
const RIGHT: f64 = 76.0;
/// The distance of the lines from the sides of their frame.
const INSET: f64 = 8.0;
/// The distance of two rows from which on each actual has a dot.
const DOTS: f64 = 14.0;

/// A panel with its axis of values.
pub(super) struct Prepared<'a> {
    panel: &'a Panel,
    shown: Option<(View, ValueAxis)>,
}

impl<'a> Prepared<'a> {
    /// Chooses what a panel shows.
    pub(super) fn new(panel: &'a Panel) -> Self {
        let shown = View::of(panel).map(|view| {
            let (low, high) = view.range;
            (view, ValueAxis::new(low, high))
        });
        Self { panel, shown }
    }

    /// Returns whether there is a value to draw.
    pub(super) fn has_values(&self) -> bool {
        self.shown.is_some()
    }

    /// Returns the width of the widest label of its values, in pixels.
    pub(super) fn label_width(&self) -> f64 {
        let ticks = self.shown.iter().flat_map(|(_, values)| values.ticks());
        ticks
            .map(|(_, label)| font::width(&label, times::LABEL))
            .fold(0.0, f64::max)
    }

    /// Draws the panel between two heights. Panels with the same `left` have their lines below each other.
    pub(super) fn draw(&self, scene: &mut Scene, left: f64, top: f64, bottom: f64) {
        let right = f64::from(scene.width) - RIGHT;
        let name = text::shortened(&self.panel.target, MAX_CAPTION);
        let Some((view, axis)) = &self.shown else {
            let name = font::fitted(&name, NAME, right - left);
            scene.text((left, top + 16.0), name, NAME, Anchor::Start, TEXT);
            let middle = (f64::midpoint(left, right), f64::midpoint(top, bottom));
            scene.text(middle, "no values to plot", NOTE, Anchor::Middle, QUIET);
            return;
        };
        let width = right - left - 2.0 * INSET;
        let frame = Frame {
            left,
            right,
            top: top + ABOVE,
            bottom: bottom - BELOW,
            times: TimeAxis::new(self.panel.frequency, &view.times, width),
            values: axis,
        };
        let cut = view.cut.map(|(low, high)| {
            let [low, high] = [low, high].map(values::short);
            format!("interval cut: it reaches from {low} to {high}")
        });
        let cut_width = cut.as_ref().map_or(0.0, |cut| font::width(cut, NOTE) + 16.0);
        let name = font::fitted(&name, NAME, right - left - cut_width);
        scene.text((left, top + 16.0), name, NAME, Anchor::Start, TEXT);
        if let Some(cut) = cut {
            scene.text((right, top + 16.0), cut, NOTE, Anchor::End, QUIET);
        }
        frame.grid(scene);
        for band in &self.panel.bands {
            frame.band(scene, &band.lower, &band.upper, view);
        }
        frame.start(scene, self.panel, view);
        frame.lines(scene, view);
    }
}

/// The rectangle of the lines, and its axes.
struct Frame<'a> {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    times: TimeAxis,
    values: &'a ValueAxis,
}

impl Frame<'_> {
    fn x(&self, share: f64) -> f64 {
        self.left + INSET + (self.right - self.left - 2.0 * INSET) * share
    }

    fn y(&self, value: f64) -> f64 {
        self.values.pixel(value, self.bottom, self.top)
    }

    fn at(&self, (time, value): Value) -> Point {
        (self.x(self.times.share(time)), self.y(value))
    }

    fn grid(&self, scene: &mut Scene) {
        for (value, label) in self.values.ticks() {
            let y = self.y(value);
            let ink = if value == 0.0 { ZERO } else { GRID };
            scene.line(vec![(self.left, y), (self.right, y)], ink, 1.0);
            scene.text((self.left - 8.0, y + 4.0), label, times::LABEL, Anchor::End, TEXT);
        }
        scene.line(vec![(self.left, self.bottom), (self.right, self.bottom)], ZERO, 1.0);
        for tick in &self.times.ticks {
            let x = self.x(tick.share);
            scene.line(vec![(x, self.bottom), (x, self.bottom + 5.0)], ZERO, 1.0);
            let lines = [(18.0, Some(&tick.label), TEXT), (33.0, tick.context.as_ref(), QUIET)];
            for (below, text, ink) in lines {
                let Some(text) = text else { continue };
                // A long label at an end stays on the sheet.
                let half = font::width(text, times::LABEL) / 2.0 + 2.0;
                let at = (x.max(half).min(f64::from(scene.width) - half), self.bottom + below);
                scene.text(at, text.clone(), times::LABEL, Anchor::Middle, ink);
            }
        }
    }

    /// Fills an interval from the last actual on. Where it goes on beyond the frame, the frame has an edge and an arrow.
    fn band(&self, scene: &mut Scene, lower: &[Value], upper: &[Value], view: &View) {
        let (lower, upper) = (finite(lower), finite(upper));
        if lower.is_empty() || upper.is_empty() {
            return;
        }
        let joint = view.joint.into_iter();
        let there = joint.chain(upper.iter().copied());
        let points = there.chain(lower.iter().rev().copied()).map(|value| self.at(value));
        scene.area(points.collect(), BAND);
        for (line, edge, inwards) in [(upper, self.top, 10.0), (lower, self.bottom, -10.0)] {
            let beyond = line.iter().filter(|(_, value)| !self.values.has(*value));
            let beyond: Vec<_> = beyond.map(|value| self.at(*value).0).collect();
            let (Some(first), Some(last)) = (beyond.first(), beyond.last()) else {
                continue;
            };
            scene.line(vec![(*first, edge), (*last, edge)], FUTURE.mixed(0.5), 2.0);
            let x = f64::midpoint(*first, *last);
            let arrow = vec![(x, edge), (x - 6.0, edge + inwards), (x + 6.0, edge + inwards)];
            scene.area(arrow, FUTURE.mixed(0.5));
        }
    }

    /// Marks where the forecast starts.
    fn start(&self, scene: &mut Scene, panel: &Panel, view: &View) {
        let Some(first) = panel.future.iter().map(|(time, _)| *time).min() else {
            return;
        };
        let x = self.x(self.times.share(view.origin.unwrap_or(first)));
        scene.dashes(vec![(x, self.top - 12.0), (x, self.bottom)], QUIET);
        let label = format!("forecast from {}", moment(panel.frequency, first));
        let y = self.top - 6.0;
        // Beyond the frame stands the last value.
        if x + 6.0 + font::width(&label, NOTE) <= self.right {
            scene.text((x + 6.0, y), label, NOTE, Anchor::Start, FUTURE);
        } else {
            scene.text((x - 6.0, y), label, NOTE, Anchor::End, FUTURE);
        }
    }

    fn lines(&self, scene: &mut Scene, view: &View) {
        for run in runs(&view.actual) {
            let points: Vec<_> = run.into_iter().map(|value| self.at(value)).collect();
            let far = points
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if b.0 - a.0 >= DOTS));
            if far {
                for point in &points {
                    scene.dot(*point, 2.2, ACTUAL);
                }
            }
            scene.line(points, ACTUAL, 1.3);
        }
        for (origin, piece) in &view.holdout {
            self.forecast(scene, *origin, piece, HOLDOUT);
        }
        self.forecast(scene, view.joint, &view.future, FUTURE);
        if let Some(last) = view.future.last() {
            let value = font::fitted(&self.values.precisely(last.1), NOTE, RIGHT - 8.0);
            let beside = (self.right + 6.0, self.y(last.1) + 4.0);
            scene.text(beside, value, NOTE, Anchor::Start, FUTURE);
        }
    }

    /// Draws a forecast, with a thin line from the value it goes on from.
    fn forecast(&self, scene: &mut Scene, origin: Option<Value>, line: &[Value], ink: Ink) {
        let points: Vec<_> = line.iter().map(|value| self.at(*value)).collect();
        if let (Some(origin), Some(first)) = (origin, points.first()) {
            let origin = self.at(origin);
            scene.line(vec![origin, *first], ink, 1.0);
            scene.dot(origin, 2.4, ink);
        }
        // A single point is not a visible line.
        if let [only] = points[..] {
            scene.dot(only, 3.0, ink);
        }
        scene.line(points, ink, 2.0);
    }
}

fn finite(line: &[Value]) -> Vec<Value> {
    line.iter().copied().filter(|(_, value)| value.is_finite()).collect()
}

/// Splits a line where values are missing.
pub(super) fn runs(line: &[(i64, Option<f64>)]) -> Vec<Vec<Value>> {
    line.split(|(_, value)| value.is_none_or(|value| !value.is_finite()))
        .filter(|run| !run.is_empty())
        .map(|run| {
            run.iter()
                .filter_map(|(time, value)| Some((*time, (*value)?)))
                .collect()
        })
        .collect()
}
