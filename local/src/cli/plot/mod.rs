//! The picture at the end of `flits run`: recent actuals, forecasts of the holdout, and the forecast.
//!
//! Promises: any values and names give a picture in a time that depends only on their number; no text lies on another or on
//! the lines; a machine without fonts draws the same PNG. Start reading at [`draw`], then `sheet` and `panel`.

mod calendar;
mod font;
mod page;
mod panel;
mod png;
mod scene;
mod sheet;
mod svg;
#[cfg(test)]
mod tests;
mod times;
mod values;
mod view;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use contract::text;
use series::Frequency;

use self::panel::Prepared;
pub(super) use self::view::history_rows;

/// The most characters of a column's name that are shown above its panel.
const MAX_CAPTION: usize = 100;

/// One target's lines. Times are UTC seconds, or numbers of steps without a calendar, and ascend; values are in original
/// units, and those that are not finite are not drawn.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    /// The name of the target column.
    pub target: String,
    /// The distance of two times.
    pub frequency: Frequency,
    /// How many steps a season has; 1 where there is none.
    pub season: usize,
    /// How many steps a forecast has.
    pub horizon: usize,
    /// The observed values; `None` where one is missing. [`history_rows`] says how many of the last are drawn.
    pub actual: Vec<(i64, Option<f64>)>,
    /// Forecasts of the holdout, each from one origin, the newest last. Where all have one step they become one line.
    pub holdout: Vec<Vec<(i64, f64)>>,
    /// The newest forecast; empty where there is none.
    pub future: Vec<(i64, f64)>,
    /// Its intervals, the widest first; empty where it has none.
    pub bands: Vec<Band>,
    /// The member that forecast, for the table of the page.
    pub member: Option<String>,
    /// Names and values of its scores, for the table of the page.
    pub scores: Vec<(String, f64)>,
}

/// An interval around a forecast.
#[derive(Debug, Clone)]
pub(super) struct Band {
    /// How many percent of values should be within it.
    pub percent: u8,
    /// Its lower end.
    pub lower: Vec<(i64, f64)>,
    /// Its upper end.
    pub upper: Vec<(i64, f64)>,
}

/// What a picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines that stay sharp, up to six targets.
    Svg,
    /// Pixels, up to six targets.
    Png,
    /// A page with all targets.
    Html,
}

impl Format {
    /// Returns the format that a file's extension names.
    ///
    /// # Errors
    /// When it names none of the three.
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            Some("html") => Ok(Self::Html),
            _ => bail!(
                "a picture's file must end with .svg, .png or .html, `{}` does not",
                text::plain(&path.display().to_string())
            ),
        }
    }
}

/// Draws the panels into a file, whose extension chooses the format, and returns the files that were written. An SVG or PNG
/// has the first six targets; where there are more, a page with all of them is written beside it.
///
/// # Errors
/// When there is nothing to draw, the extension is not known or a file cannot be written.
pub(super) fn draw(path: &Path, title: &str, panels: &[Panel]) -> anyhow::Result<Vec<PathBuf>> {
    let format = Format::of(path)?;
    if !panels.iter().any(|panel| Prepared::new(panel).has_values()) {
        bail!("no values to plot");
    }
    if format == Format::Html {
        write(path, page::write(title, panels).as_bytes())?;
        return Ok(vec![path.to_owned()]);
    }
    let shown = &panels[..panels.len().min(sheet::MAX_PANELS)];
    let beside = path.with_extension("html");
    let note = match panels.len() - shown.len() {
        0 => String::new(),
        more => {
            let name = beside.file_name().unwrap_or_default().to_string_lossy();
            format!(
                "{} in {}",
                text::counted(more, "more target"),
                text::shortened(&name, 60)
            )
        }
    };
    let scene = sheet::sheet(title, &note, shown);
    let picture = match format {
        Format::Png => png::write(&scene)?,
        Format::Svg | Format::Html => {
            let words: Vec<_> = shown.iter().map(page::words).collect();
            svg::write(&scene, &words.join("; ")).into_bytes()
        }
    };
    write(path, &picture)?;
    let mut written = vec![path.to_owned()];
    if shown.len() < panels.len() {
        write(&beside, page::write(title, panels).as_bytes())?;
        written.push(beside);
    }
    Ok(written)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
