//! What a person sees in a picture, whatever its names are.

use super::{
    scene::{Anchor, Scene, Shape},
    *,
};

mod odd;

fn panel(target: &str) -> Panel {
    let value = |row: i64| f64::from(i32::try_from(row % 12).unwrap()) + 5.0;
    let times = |from: i64, rows: i64, plus: f64| -> Vec<_> {
        let rows = from..from + rows;
        rows.map(|row| (row * 3_600, value(row) + plus)).collect()
    };
    Panel {
        target: target.to_owned(),
        frequency: Frequency::Seconds(3_600),
        season: 12,
        horizon: 12,
        actual: times(0, 100, 0.0)
            .into_iter()
            .map(|(time, value)| (time, Some(value)))
            .collect(),
        holdout: vec![times(76, 12, 0.5), times(88, 12, -0.5)],
        future: times(100, 12, 0.2),
        bands: vec![Band {
            percent: 80,
            lower: times(100, 12, -2.0),
            upper: times(100, 12, 2.0),
        }],
        member: Some("theta".to_owned()),
        scores: vec![("rmsse".to_owned(), 0.81234)],
    }
}

fn drawn(name: &str, panels: &[Panel]) -> (Vec<PathBuf>, Vec<Vec<u8>>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let files = draw(&dir.path().join(name), "cell", panels).unwrap();
    let bytes = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    (files, bytes, dir)
}

fn svg(panels: &[Panel]) -> String {
    let (_, mut files, _dir) = drawn("plot.svg", panels);
    String::from_utf8(files.remove(0)).unwrap()
}

/// The rectangles of all texts: left, top, right, bottom and the text.
fn texts(scene: &Scene) -> Vec<([f64; 4], &str)> {
    let rectangle = |shape| match shape {
        &Shape::Text {
            at: (x, y),
            ref text,
            size,
            anchor,
            ..
        } if !text.is_empty() => {
            let width = font::width(text, size);
            let left = match anchor {
                Anchor::Start => x,
                Anchor::Middle => x - width / 2.0,
                Anchor::End => x - width,
            };
            assert!(size >= 11.0, "{text} is small");
            Some(([left, y - size * 0.8, left + width, y + size * 0.2], text.as_str()))
        }
        _ => None,
    };
    scene.shapes.iter().filter_map(rectangle).collect()
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Panics where a text lies on another, on a line or outside of the sheet. Dashed lines and those of the grid may pass.
fn assert_readable(scene: &Scene) {
    let texts = texts(scene);
    let (width, height) = (f64::from(scene.width), f64::from(scene.height));
    for (index, (a, text)) in texts.iter().enumerate() {
        let [left, top, right, bottom] = *a;
        assert!(
            left >= 0.0 && top >= 0.0 && right <= width && bottom <= height,
            "{text} at {a:?}"
        );
        for (b, other) in &texts[..index] {
            assert!(!overlap(*a, *b), "`{text}` at {a:?} lies on `{other}` at {b:?}");
        }
        for shape in &scene.shapes {
            let points = match shape {
                Shape::Line { points, .. } | Shape::Area { points, .. } => &points[..],
                Shape::Dot { centre, .. } => std::slice::from_ref(centre),
                Shape::Text { .. } => &[],
            };
            let inside = |&(x, y): &(f64, f64)| overlap(*a, [x - 0.1, y - 0.1, x + 0.1, y + 0.1]);
            assert!(!points.iter().any(inside), "`{text}` at {a:?} lies on {shape:?}");
        }
    }
}

#[test]
fn the_plot_names_its_lines_once_and_outside_of_them() {
    let panels = vec![panel("down <b>"), panel("up")];
    let text = svg(&panels);
    for name in ["actual", "80 % interval", "holdout forecast", "forecast"] {
        assert_eq!(text.matches(&format!(">{name}<")).count(), 1, "{name} in {text}");
    }
    assert!(text.contains("down &lt;b&gt;"), "{text}");
    assert!(text.contains("forecast from Jan 5, 1970 04:00"), "{text}");
    let scene = sheet::sheet("cell", "", &panels);
    assert_readable(&scene);
    let lines = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Line { points, .. } if points.len() > 2 => points.iter().map(|(_, y)| *y).reduce(f64::min),
        _ => None,
    });
    let top = lines.reduce(f64::min).unwrap();
    let legend = texts(&scene)
        .into_iter()
        .find(|(_, text)| *text == "80 % interval")
        .unwrap();
    assert!(
        legend.0[3] < top,
        "the legend at {legend:?} lies on lines from {top} on"
    );
}

#[test]
fn the_forecast_has_a_quarter_of_the_width_and_goes_on_from_the_last_actual() {
    let panel = panel("down");
    let view = view::View::of(&panel).unwrap();
    assert_eq!(view.times.len(), 36 + 12);
    assert_eq!(view.joint, Some((99 * 3_600, 8.0)));
    let origins: Vec<_> = view
        .holdout
        .iter()
        .map(|(origin, line)| (origin.map(|o| o.0 / 3_600), line.len()))
        .collect();
    assert_eq!(origins, [(Some(75), 12), (Some(87), 12)]);
}

#[test]
fn forecasts_of_one_step_are_one_line_and_gaps_break_actuals() {
    let mut panel = panel("down");
    panel.holdout = vec![vec![(98 * 3_600, 1.0)], vec![(99 * 3_600, 2.0)]];
    panel.actual[98].1 = None;
    panel.actual[97].1 = Some(f64::NAN);
    let view = view::View::of(&panel).unwrap();
    assert_eq!(view.holdout.len(), 1);
    let runs: Vec<_> = super::panel::runs(&view.actual)
        .into_iter()
        .map(|run| run.len())
        .collect();
    assert_eq!(runs, [33, 1]);
}

#[test]
fn a_band_that_is_cut_says_what_it_reaches() {
    let mut panel = panel("down");
    panel.bands[0].upper.iter_mut().for_each(|(_, value)| *value = 2e6);
    let text = svg(&[panel.clone()]);
    assert!(text.contains("interval cut: it reaches from 3.00 to 2.00M"), "{text}");
    assert_readable(&sheet::sheet("cell", "", &[panel]));
}

#[test]
fn a_page_beside_the_picture_holds_all_targets() {
    let panels: Vec<_> = (0..9).map(|index| panel(&format!("target <{index}>"))).collect();
    let (files, bytes, dir) = drawn("plot.svg", &panels);
    assert_eq!(files, ["plot.svg", "plot.html"].map(|name| dir.path().join(name)));
    let page = String::from_utf8(bytes[1].clone()).unwrap();
    for index in 0..9 {
        assert!(
            page.contains(&format!(">target &lt;{index}&gt;</text>")),
            "{index} in {page}"
        );
    }
    assert_eq!(page.matches("<svg ").count(), 10);
    assert!(
        page.contains("theta") && page.contains("rmsse") && page.contains("0.8123"),
        "{page}"
    );
    for outside in ["<script", "src=", "url(", "href=\"http", "@import"] {
        assert!(!page.contains(outside), "{outside} in {page}");
    }
    let text = svg(&panels);
    assert!(text.contains("3 more targets in plot.html"), "{text}");
    assert!(
        text.contains(">target &lt;5&gt;<") && !text.contains(">target &lt;6&gt;<"),
        "{text}"
    );
    let (files, ..) = drawn("plot.HTML", &panels[..1]);
    assert_eq!(files.len(), 1);
    assert_readable(&sheet::sheet("cell", "3 more targets in plot.html", &panels[..6]));
}

#[test]
fn a_png_has_its_size_and_ink_also_where_texts_are() {
    let (_, bytes, _dir) = drawn("plot.png", &[panel("down")]);
    let png = &bytes[0];
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
    let (width, height) = (number(16), number(20));
    assert_eq!((width, height), (2 * 1_100, 2 * (400 + 76)));
    let start = png.windows(4).position(|name| name == b"IDAT").unwrap();
    let mut rows = Vec::new();
    let mut packed = flate2::read::ZlibDecoder::new(&png[start + 4..start + 4 + number(start - 4)]);
    std::io::Read::read_to_end(&mut packed, &mut rows).unwrap();
    assert_eq!(rows.len(), height * (width * 3 + 1));
    let row = |y: usize| &rows[y * (width * 3 + 1) + 1..(y + 1) * (width * 3 + 1)];
    let dark = |y: usize| row(y).chunks_exact(3).filter(|pixel| pixel[0] < 80).count();
    assert_eq!(dark(2), 0, "the edge is white");
    assert!((2 * 14..2 * 26).map(dark).sum::<usize>() > 200, "the title has no ink");
    let blue = |pixel: &&[u8]| pixel[2] > pixel[0].saturating_add(80);
    assert!(
        (0..height).any(|y| row(y).chunks_exact(3).any(|pixel| blue(&pixel))),
        "no forecast"
    );
}

#[test]
fn another_extension_is_an_error_that_names_the_three() {
    for name in ["plot.pdf", "plot", "png"] {
        let error = draw(Path::new(name), "cell", &[panel("down")]).unwrap_err().to_string();
        assert!(error.contains(".svg, .png or .html") && error.contains(name), "{error}");
    }
}

#[test]
fn a_name_cannot_break_the_picture() {
    let mut panel = panel("a\u{1b}[31m\nb\0<script>\u{ffff}");
    panel.member = Some("<b>\u{7}".to_owned());
    let dir = tempfile::tempdir().unwrap();
    for name in ["plot.svg", "plot.html", "plot.png"] {
        let path = dir.path().join(name);
        draw(&path, "t\u{8}itle", &[panel.clone()]).unwrap();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{ffff}'),
            "{text:?}"
        );
        assert!(text.contains("a\\u{1b}[31m\\nb\\u{0}&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script") && !text.contains("<b>"), "{text}");
    }
    panel.target = "W".repeat(1_000);
    panel.bands[0].upper.iter_mut().for_each(|(_, value)| *value = f64::MAX);
    assert_readable(&sheet::sheet(
        &"W".repeat(1_000),
        "3 more targets in plot.html",
        &[panel],
    ));
}

#[test]
fn a_target_without_values_leaves_the_others() {
    let mut empty = panel("none");
    empty.actual.iter_mut().for_each(|(_, value)| *value = None);
    (empty.holdout, empty.future, empty.bands) = (Vec::new(), Vec::new(), Vec::new());
    assert!(svg(&[panel("down"), empty.clone()]).contains("no values to plot"));
    let dir = tempfile::tempdir().unwrap();
    for panels in [&[empty][..], &[]] {
        let error = draw(&dir.path().join("plot.svg"), "cell", panels).unwrap_err();
        assert_eq!(error.to_string(), "no values to plot");
    }
}
