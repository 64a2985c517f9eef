//! The font that texts are measured with, and drawn with where the picture is made of pixels. It is a part of the program,
//! because a machine may have no fonts.

use std::sync::LazyLock;

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Latin, Greek and Cyrillic letters of `DejaVu` Sans; `dejavu-sans.txt` says how it was made and its licence.
static BYTES: &[u8] = include_bytes!("../../../assets/dejavu-sans.ttf");

static FACE: LazyLock<Face<'static>> = LazyLock::new(|| Face::parse(BYTES, 0).expect("the font is a constant"));

/// Returns the width of a text in pixels. Characters that the font lacks count as wide as they are high.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| advance(c, size)).sum()
}

/// Returns as much of the start of a text as fits into a width, followed by `…` if there is more.
pub(super) fn fitted(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut left = most - advance('…', size);
    let mut start: String = text
        .chars()
        .take_while(|c| {
            left -= advance(*c, size);
            left >= 0.0
        })
        .collect();
    start.push('…');
    start
}

/// Calls `draw` with the outline of each character that has one, and with its distance from the start. Outlines are in
/// pixels, upright, with the baseline at 0.
#[expect(clippy::cast_possible_truncation, reason = "a size in pixels")]
pub(super) fn outlines(text: &str, size: f64, mut draw: impl FnMut(Path, f64)) {
    let mut at = 0.0;
    for c in text.chars() {
        let mut outline = Outline {
            path: PathBuilder::new(),
            scale: (size / units()) as f32,
        };
        FACE.outline_glyph(glyph(c), &mut outline);
        if let Some(path) = outline.path.finish() {
            draw(path, at);
        }
        at += advance(c, size);
    }
}

fn advance(c: char, size: f64) -> f64 {
    match (FACE.glyph_index(c), FACE.glyph_hor_advance(glyph(c))) {
        (Some(_), Some(advance)) => f64::from(advance) / units() * size,
        _ => size,
    }
}

fn units() -> f64 {
    f64::from(FACE.units_per_em())
}

/// Returns the shape of a character, or the empty box.
fn glyph(c: char) -> GlyphId {
    FACE.glyph_index(c).unwrap_or(GlyphId(0))
}

struct Outline {
    path: PathBuilder,
    scale: f32,
}

/// Fonts count upwards, pictures downwards.
impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(x * self.scale, -y * self.scale);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(x * self.scale, -y * self.scale);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let s = self.scale;
        self.path.quad_to(x1 * s, -y1 * s, x * s, -y * s);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let s = self.scale;
        self.path.cubic_to(x1 * s, -y1 * s, x2 * s, -y2 * s, x * s, -y * s);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_its_space_ends() {
        assert_eq!(fitted("down", 12.0, 200.0), "down");
        let cut = fitted(&"wide".repeat(100), 12.0, 200.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 200.0, "{cut}");
        assert_eq!(fitted("down", 12.0, 0.0), "…");
    }

    #[test]
    fn letters_of_three_scripts_have_outlines() {
        for (text, count) in [("mW1", 3), ("é ß", 2), ("Ωж", 2), ("売", 1), ("", 0)] {
            let mut drawn = 0;
            outlines(text, 12.0, |_, _| drawn += 1);
            assert_eq!(drawn, count, "{text}");
        }
    }
}
