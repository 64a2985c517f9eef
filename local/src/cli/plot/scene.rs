//! What a picture consists of, before it becomes SVG or PNG: a few shapes in pixels, on white.

/// A colour and how much of it covers what is below, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ink {
    /// Red, green and blue.
    pub rgb: [u8; 3],
    /// From 0, invisible, to 1.
    pub opacity: f64,
}

impl Ink {
    /// Makes a colour that covers what is below.
    pub(super) const fn solid(red: u8, green: u8, blue: u8) -> Self {
        Self {
            rgb: [red, green, blue],
            opacity: 1.0,
        }
    }

    /// Returns the colour with another opacity.
    pub(super) const fn mixed(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }
}

/// Which end of a text is at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The text begins at its point.
    Start,
    /// The text is centred.
    Middle,
    /// The text ends at its point.
    End,
}

/// A point in pixels, from the left and from the top.
pub(super) type Point = (f64, f64);

/// One thing to draw. Later ones cover earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A line through points; a single point is not visible.
    Line {
        points: Vec<Point>,
        ink: Ink,
        width: f64,
        dashed: bool,
    },
    /// A filled area within points.
    Area { points: Vec<Point>, ink: Ink },
    /// A filled circle.
    Dot { centre: Point, radius: f64, ink: Ink },
    /// One line of text; the point is on its baseline.
    Text {
        at: Point,
        text: String,
        size: f64,
        anchor: Anchor,
        ink: Ink,
    },
}

/// Shapes on a white sheet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// From the lowest to the topmost.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// Makes an empty sheet.
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    /// Adds a line.
    pub(super) fn line(&mut self, points: Vec<Point>, ink: Ink, width: f64) {
        self.shapes.push(Shape::Line {
            points,
            ink,
            width,
            dashed: false,
        });
    }

    /// Adds a thin dashed line.
    pub(super) fn dashes(&mut self, points: Vec<Point>, ink: Ink) {
        self.shapes.push(Shape::Line {
            points,
            ink,
            width: 1.0,
            dashed: true,
        });
    }

    /// Adds a filled area.
    pub(super) fn area(&mut self, points: Vec<Point>, ink: Ink) {
        self.shapes.push(Shape::Area { points, ink });
    }

    /// Adds a filled circle.
    pub(super) fn dot(&mut self, centre: Point, radius: f64, ink: Ink) {
        self.shapes.push(Shape::Dot { centre, radius, ink });
    }

    /// Adds a text. It has no control characters.
    pub(super) fn text(&mut self, at: Point, text: impl Into<String>, size: f64, anchor: Anchor, ink: Ink) {
        let text = text.into();
        self.shapes.push(Shape::Text {
            at,
            text,
            size,
            anchor,
            ink,
        });
    }
}
