//! Writes a picture as SVG.

use std::fmt::Write as _;

use super::scene::{Anchor, Ink, Point, Scene, Shape};

/// The narrowest of usual fonts first; all of them are narrower than the one that texts are measured with.
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/// Returns the picture as an `svg` element that says in words what it shows.
pub(super) fn write(scene: &Scene, words: &str) -> String {
    let (width, height) = (scene.width, scene.height);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{}\" font-family=\"{FONTS}\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        escaped(words)
    );
    for shape in &scene.shapes {
        svg.push_str(&element(shape));
        svg.push('\n');
    }
    svg.push_str("</svg>\n");
    svg
}

/// Returns a text with the characters that mean something in XML and HTML written out, and without those that both forbid.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

fn element(shape: &Shape) -> String {
    match shape {
        Shape::Line {
            points,
            ink,
            width,
            dashed,
        } => {
            let dashes = if *dashed { " stroke-dasharray=\"4 3\"" } else { "" };
            format!(
                "<polyline points=\"{}\" fill=\"none\" {} stroke-width=\"{width}\" stroke-linejoin=\"round\"{dashes}/>",
                list(points),
                paint("stroke", *ink)
            )
        }
        Shape::Area { points, ink } => format!("<polygon points=\"{}\" {}/>", list(points), paint("fill", *ink)),
        Shape::Dot {
            centre: (x, y),
            radius,
            ink,
        } => format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" {}/>",
            paint("fill", *ink)
        ),
        Shape::Text {
            at: (x, y),
            text,
            size,
            anchor,
            ink,
        } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {}>{}</text>",
                paint("fill", *ink),
                escaped(text)
            )
        }
    }
}

fn list(points: &[Point]) -> String {
    let mut list = String::with_capacity(points.len() * 12);
    for (x, y) in points {
        let gap = if list.is_empty() { "" } else { " " };
        write!(list, "{gap}{x:.1},{y:.1}").expect("text can be appended");
    }
    list
}

fn paint(what: &str, ink: Ink) -> String {
    let [red, green, blue] = ink.rgb;
    let colour = format!("{what}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if ink.opacity < 1.0 {
        format!("{colour} {what}-opacity=\"{}\"", ink.opacity)
    } else {
        colour
    }
}
