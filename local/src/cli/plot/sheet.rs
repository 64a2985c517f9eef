//! Puts panels below each other on one sheet, under a title and one legend for all.

use contract::text;

use super::{
    Panel, font,
    panel::{ACTUAL, BAND, FUTURE, HOLDOUT, Prepared},
    scene::{Anchor, Ink, Scene},
};

/// The width of every picture, in pixels.
pub(super) const WIDTH: u32 = 1_100;
/// The most panels of one sheet.
pub(super) const MAX_PANELS: usize = 6;
const MARGIN: f64 = 16.0;
const TITLE: f64 = 18.0;
const NOTE: f64 = 12.0;
const TEXT: Ink = Ink::solid(0x22, 0x22, 0x22);
const QUIET: Ink = Ink::solid(0x5f, 0x5f, 0x5f);
/// The height of the title's row, and of the legend's.
const ROW: u32 = 34;

/// Returns the heights of panels, in pixels: few panels are larger.
fn height(panels: usize) -> u32 {
    match panels {
        0 | 1 => 400,
        2 => 310,
        _ => 250,
    }
}

/// Draws panels below a title, a note at its right, and the legend.
pub(super) fn sheet(title: &str, note: &str, panels: &[Panel]) -> Scene {
    let each = height(panels.len());
    let mut scene = Scene::new(WIDTH, 2 * ROW + each * count(panels) + 8);
    let right = f64::from(WIDTH) - MARGIN;
    let space = right - MARGIN - font::width(note, NOTE) - 16.0;
    let title = font::fitted(&text::plain(title), TITLE, space);
    scene.text((MARGIN, 26.0), title, TITLE, Anchor::Start, TEXT);
    scene.text((right, 26.0), note, NOTE, Anchor::End, QUIET);
    legend(&mut scene, panels, f64::from(ROW) + 16.0);
    let prepared: Vec<_> = panels.iter().map(Prepared::new).collect();
    stack(&mut scene, &prepared, 2 * ROW, each);
    scene
}

/// Draws one panel without title and legend.
pub(super) fn single(panel: &Panel) -> Scene {
    let mut scene = Scene::new(WIDTH, 300);
    stack(&mut scene, &[Prepared::new(panel)], 0, 300);
    scene
}

/// Draws the legend alone.
pub(super) fn legend_of(panels: &[Panel]) -> Scene {
    let mut scene = Scene::new(WIDTH, 30);
    legend(&mut scene, panels, 20.0);
    scene
}

fn stack(scene: &mut Scene, panels: &[Prepared<'_>], mut top: u32, each: u32) {
    let labels = panels.iter().map(Prepared::label_width).fold(0.0, f64::max);
    let left = (labels + 16.0 + 8.0).max(56.0);
    for panel in panels {
        panel.draw(scene, left, f64::from(top), f64::from(top + each));
        top += each;
    }
}

/// Draws signs and names of what the panels have, in one row.
fn legend(scene: &mut Scene, panels: &[Panel], baseline: f64) {
    let mut x = MARGIN;
    let y = baseline - 4.0;
    let has = |what: fn(&Panel) -> bool| panels.iter().any(what);
    let lines = [
        ("actual", ACTUAL, 1.5, has(|panel| !panel.actual.is_empty())),
        (
            "holdout forecast",
            HOLDOUT,
            2.0,
            has(|panel| panel.holdout.iter().any(|piece| !piece.is_empty())),
        ),
        ("forecast", FUTURE, 2.0, has(|panel| !panel.future.is_empty())),
    ];
    for (name, ink, width, _) in lines.into_iter().filter(|(.., there)| *there) {
        scene.line(vec![(x, y), (x + 24.0, y)], ink, width);
        x = named(scene, name, x + 30.0, baseline);
    }
    let mut bands: Vec<_> = panels
        .iter()
        .flat_map(|panel| &panel.bands)
        .map(|band| band.percent)
        .collect();
    bands.sort_unstable_by(|a, b| b.cmp(a));
    bands.dedup();
    for (index, percent) in bands.into_iter().enumerate() {
        let corners = [(x, y - 6.0), (x + 24.0, y - 6.0), (x + 24.0, y + 6.0), (x, y + 6.0)];
        // An inner band lies on the outer ones.
        for _ in 0..=index {
            scene.area(corners.to_vec(), BAND);
        }
        x = named(scene, &format!("{percent} % interval"), x + 30.0, baseline);
    }
}

/// Writes a name and returns where the next sign begins.
fn named(scene: &mut Scene, name: &str, x: f64, baseline: f64) -> f64 {
    scene.text((x, baseline), name, NOTE, Anchor::Start, TEXT);
    x + font::width(name, NOTE) + 22.0
}

fn count(panels: &[Panel]) -> u32 {
    u32::try_from(panels.len().max(1)).unwrap_or(u32::MAX)
}
