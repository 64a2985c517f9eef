//! Printing to standard output.

use std::io::Write as _;

use contract::text;

/// Prints lines, with control characters escaped. A reader that went away is no error.
pub(super) fn print(lines: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text::screen(lines));
}

/// Prints one JSON object in one line.
pub(super) fn print_json(value: &impl serde::Serialize) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop the work.
    let _ = serde_json::to_writer(&mut out, value)
        .map_err(std::io::Error::from)
        .and_then(|()| writeln!(out));
}
