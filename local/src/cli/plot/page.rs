//! A page with all targets: one HTML file that loads nothing and runs nothing.

use std::fmt::Write as _;

use contract::text;

use super::{MAX_CAPTION, Panel, calendar::moment, sheet, svg};

const STYLE: &str = "\
:root { color-scheme: light; }
body { margin: 24px auto; max-width: 1100px; padding: 0 16px; background: #ffffff; color: #222222;
  font: 14px/1.45 Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif; }
h1 { font-size: 20px; font-weight: 600; margin: 0 0 12px; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 0 0 16px; font-size: 13px; }
th, td { padding: 3px 14px 3px 0; text-align: left; border-bottom: 1px solid #e4e4e4; overflow-wrap: anywhere; }
th { color: #5f5f5f; font-weight: 400; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
a { color: #1469b4; }
.legend { position: sticky; top: 0; background: #ffffff; border-bottom: 1px solid #e4e4e4; }
.wide { overflow-x: auto; scroll-margin-top: 40px; }
svg { display: block; }
";

/// Returns the page of a title and its panels.
pub(super) fn write(title: &str, panels: &[Panel]) -> String {
    let title = svg::escaped(&text::plain(title));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    page.push_str(&table(panels));
    let legend = svg::write(&sheet::legend_of(panels), "legend");
    add(&mut page, format_args!("<div class=\"wide legend\">\n{legend}</div>\n"));
    for (index, panel) in panels.iter().enumerate() {
        let drawn = svg::write(&sheet::single(panel), &words(panel));
        add(
            &mut page,
            format_args!("<div class=\"wide\" id=\"target-{index}\">\n{drawn}</div>\n"),
        );
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// Returns what a panel shows, in words.
pub(super) fn words(panel: &Panel) -> String {
    let name = text::shortened(&panel.target, MAX_CAPTION);
    match span(panel) {
        Some([first, last]) => format!("{name}: actuals and the forecast from {first} to {last}"),
        None => format!("{name}: actuals"),
    }
}

fn span(panel: &Panel) -> Option<[String; 2]> {
    let times = || panel.future.iter().map(|(time, _)| *time);
    Some([times().min()?, times().max()?].map(|time| moment(panel.frequency, time)))
}

/// Returns the table of the targets: which member forecast what, and its scores.
fn table(panels: &[Panel]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in panels.iter().flat_map(|panel| &panel.scores) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let members = panels.iter().any(|panel| panel.member.is_some());
    let mut table = "<div class=\"wide\">\n<table>\n<tr><th>target</th>".to_owned();
    if members {
        table.push_str("<th>member</th>");
    }
    table.push_str("<th>forecast</th>");
    for name in &names {
        add(
            &mut table,
            format_args!("<th class=\"number\">{}</th>", svg::escaped(&text::plain(name))),
        );
    }
    table.push_str("</tr>\n");
    for (index, panel) in panels.iter().enumerate() {
        let name = svg::escaped(&text::shortened(&panel.target, MAX_CAPTION));
        add(
            &mut table,
            format_args!("<tr><td><a href=\"#target-{index}\">{name}</a></td>"),
        );
        if members {
            let member = panel.member.as_deref().unwrap_or("-");
            add(
                &mut table,
                format_args!("<td>{}</td>", svg::escaped(&text::plain(member))),
            );
        }
        let span = span(panel).map_or_else(|| "-".to_owned(), |[first, last]| format!("{first} to {last}"));
        add(&mut table, format_args!("<td>{span}</td>"));
        for name in &names {
            let score = panel.scores.iter().find(|(known, _)| known == name);
            let score = score.map_or_else(|| "-".to_owned(), |(_, score)| number(*score));
            add(&mut table, format_args!("<td class=\"number\">{score}</td>"));
        }
        table.push_str("</tr>\n");
    }
    table.push_str("</table>\n</div>\n");
    table
}

/// Writes a score with four decimals, or with an exponent where these say little.
fn number(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        format!("{value:.4e}")
    } else {
        format!("{value:.4}")
    }
}

fn add(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("text can be appended");
}
