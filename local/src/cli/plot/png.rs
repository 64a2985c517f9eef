//! Paints a picture as PNG: the same shapes as the SVG, with the font of the program.

use std::io::Write as _;

use anyhow::Context as _;
use flate2::{Compression, Crc, write::ZlibEncoder};
use tiny_skia::{Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

use super::{
    font,
    scene::{Anchor, Ink, Point, Scene, Shape},
};

/// How many pixels of the file are one of the picture, so that it is sharp on screens with small pixels.
pub(super) const SCALE: u8 = 2;
/// 96 pixels of the picture per inch, in pixels of the file per metre.
const PER_METRE: u32 = 7_559;

/// Returns the picture as the bytes of a PNG file.
///
/// # Errors
/// When the picture is too large for memory.
pub(super) fn write(scene: &Scene) -> anyhow::Result<Vec<u8>> {
    let scale = u32::from(SCALE);
    let mut sheet = Pixmap::new(scene.width * scale, scene.height * scale).context("the picture is too large")?;
    sheet.fill(Color::WHITE);
    for shape in &scene.shapes {
        draw(&mut sheet, shape);
    }
    encode(&sheet)
}

fn draw(sheet: &mut Pixmap, shape: &Shape) {
    let whole = Transform::from_scale(f32::from(SCALE), f32::from(SCALE));
    match shape {
        Shape::Line {
            points,
            ink,
            width,
            dashed,
        } => {
            let stroke = Stroke {
                width: single(*width),
                line_join: LineJoin::Round,
                dash: dashed.then(|| StrokeDash::new(vec![4.0, 3.0], 0.0)).flatten(),
                ..Stroke::default()
            };
            if let Some(path) = through(points, false) {
                sheet.stroke_path(&path, &paint(*ink), &stroke, whole, None);
            }
        }
        Shape::Area { points, ink } => {
            if let Some(path) = through(points, true) {
                sheet.fill_path(&path, &paint(*ink), FillRule::Winding, whole, None);
            }
        }
        Shape::Dot {
            centre: (x, y),
            radius,
            ink,
        } => {
            if let Some(path) = PathBuilder::from_circle(single(*x), single(*y), single(*radius)) {
                sheet.fill_path(&path, &paint(*ink), FillRule::Winding, whole, None);
            }
        }
        Shape::Text {
            at: (x, y),
            text,
            size,
            anchor,
            ink,
        } => {
            let start = match anchor {
                Anchor::Start => *x,
                Anchor::Middle => x - font::width(text, *size) / 2.0,
                Anchor::End => x - font::width(text, *size),
            };
            font::outlines(text, *size, |path, distance| {
                let place = whole.pre_translate(single(start + distance), single(*y));
                sheet.fill_path(&path, &paint(*ink), FillRule::Winding, place, None);
            });
        }
    }
}

fn through(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, (x, y)) in points.iter().enumerate() {
        if index == 0 {
            path.move_to(single(*x), single(*y));
        } else {
            path.line_to(single(*x), single(*y));
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn paint(ink: Ink) -> Paint<'static> {
    let [red, green, blue] = ink.rgb;
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, 255);
    if let tiny_skia::Shader::SolidColor(colour) = &mut paint.shader {
        colour.set_alpha(single(ink.opacity));
    }
    paint
}

#[expect(clippy::cast_possible_truncation, reason = "pixels of a picture")]
fn single(value: f64) -> f32 {
    value as f32
}

/// Writes the chunks of a PNG file: its header, the size of a pixel, the pixels without filters, and the end.
fn encode(sheet: &Pixmap) -> anyhow::Result<Vec<u8>> {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    let row = sheet.width() as usize * 4;
    for pixels in sheet.data().chunks_exact(row) {
        rows.write_all(&[0])?;
        // Every pixel covers what is below it, so its fourth byte says nothing.
        let colours: Vec<u8> = pixels.chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect();
        rows.write_all(&colours)?;
    }
    let mut header = [sheet.width().to_be_bytes(), sheet.height().to_be_bytes()].concat();
    // Eight bits for each of red, green and blue; the usual compression and filters, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    let mut density = [PER_METRE.to_be_bytes(), PER_METRE.to_be_bytes()].concat();
    density.push(1);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [
        (b"IHDR", header),
        (b"pHYs", density),
        (b"IDAT", rows.finish()?),
        (b"IEND", Vec::new()),
    ] {
        let length = u32::try_from(data.len()).context("the picture is too large")?;
        let mut sum = Crc::new();
        sum.update(name);
        sum.update(&data);
        png.extend(length.to_be_bytes());
        png.extend(name);
        png.extend(data);
        png.extend(sum.sum().to_be_bytes());
    }
    Ok(png)
}
