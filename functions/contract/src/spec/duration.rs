//! Waiting times as people write them: `90s`, `10m`, `2h`, `1d`.

/// The default of `split.wait`: ten minutes, in seconds.
pub(super) const DEFAULT_WAIT: u64 = 600;

/// The most that `split.wait` may be: one day, in seconds.
pub(super) const LONGEST_WAIT: u64 = 86_400;

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads a time such as `90s` as seconds, or returns `None` if it is not one.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*seconds)
}

/// Writes seconds with the largest unit that divides them.
pub(super) fn text(seconds: u64) -> String {
    let whole = UNITS
        .iter()
        .find(|(_, size)| seconds > 0 && seconds.is_multiple_of(*size));
    whole.map_or_else(
        || format!("{seconds}s"),
        |(name, size)| format!("{}{name}", seconds / size),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_written_with_their_largest_unit() {
        for (text_in, seconds, text_out) in [
            ("10m", 600, "10m"),
            ("90s", 90, "90s"),
            ("120s", 120, "2m"),
            ("24h", 86_400, "1d"),
            ("0m", 0, "0s"),
        ] {
            assert_eq!(parse(text_in), Some(seconds), "{text_in}");
            assert_eq!(text(seconds), text_out);
        }
        for wrong in ["", "10", "m", "10 m", "-1s", "1w", "99999999999999999999s"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
