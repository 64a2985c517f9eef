//! Columns of a file as times.

mod columns;
mod files;
mod laws;
mod texts;
mod zones;

use contract::{
    Layout,
    spec::{DataSection, Layer, resolve},
};
use polars::prelude::{NewChunkedArray, StringChunked};

use super::*;
use crate::raw::{Cells, Lines, RawColumn};

/// Returns the settings of a spec with these lines in `[data]`.
fn data(lines: &str) -> DataSection {
    resolve(&[Layer::toml("test", &format!("[data]\n{lines}"))])
        .unwrap()
        .data
}

/// Returns the cells of one column: numbers if all of them are, as a reader of files finds them.
fn cells(texts: &[String]) -> Cells {
    let number = |text: &String| if text.is_empty() { Ok(f64::NAN) } else { text.parse() };
    match texts.iter().map(number).collect() {
        Ok(numbers) if texts.iter().any(|text| !text.is_empty()) => Cells::Numbers(numbers),
        _ => {
            let texts = texts
                .iter()
                .map(|text| Some(text.as_str()).filter(|text| !text.is_empty()));
            Cells::Text(StringChunked::from_iter_options("".into(), texts))
        }
    }
}

/// Returns a table with a header in line 1.
fn table<T: Into<String>>(columns: Vec<(&str, Vec<T>)>) -> Raw {
    let column = |(name, texts): (&str, Vec<T>)| {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        RawColumn {
            name: name.to_owned(),
            cells: cells(&texts),
        }
    };
    Raw {
        file: "file.csv".to_owned(),
        columns: columns.into_iter().map(column).collect(),
        lines: Lines::From(2),
        empty: Vec::new(),
        layout: Layout::default(),
        notices: Vec::new(),
    }
}

/// Returns a table of one column with a time, and one with measurements.
fn one(name: &str, texts: &[&str]) -> Raw {
    let values: Vec<String> = (0..texts.len()).map(|row| format!("{}.5", row * row % 7)).collect();
    table(vec![
        (name, texts.iter().map(|text| (*text).to_owned()).collect()),
        ("y", values),
    ])
}

/// Returns the times as text, or what is wrong.
fn shown(raw: &Raw, lines: &str) -> Result<Vec<String>, String> {
    let times = read(raw, &data(lines)).map_err(|refusal| refusal.to_string())?;
    let show = |second: &i64| {
        if times.steps {
            second.to_string()
        } else {
            series::rfc3339(*second)
        }
    };
    Ok(times.seconds.iter().map(show).collect())
}
