//! Times as ISO 8601 writes them, which is the fast path: `2024-01-31`, `2024-01-31 18:00`, `2024-01-31T18:00:00.5+01:00`.

use jiff::civil::Date;

use super::stamp::{Kind, Stamp, midnight};

/// Returns the stamp of a trimmed text, which is often on the same day as the last one.
pub(super) fn parse(text: &str, day: &mut Day) -> Option<Stamp> {
    let (date, rest) = text.as_bytes().split_first_chunk()?;
    let midnight = day.midnight(date)?;
    let Some((separator, rest)) = rest.split_first() else {
        return Some(Stamp::new(midnight, Kind::Date));
    };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let (time, rest) = rest.split_at_checked(5)?;
    if time[2] != b':' {
        return None;
    }
    let (second, rest) = match rest {
        [b':', a, b, rest @ ..] => (digits(&[*a, *b])?, rest),
        rest => (0, rest),
    };
    let (finer, rest) = fraction(rest)?;
    let seconds = midnight + clock([digits(&time[..2])?, digits(&time[3..])?, second])?;
    let stamp = match rest.trim_ascii_start() {
        [] => Stamp::new(seconds, Kind::Naive),
        zone => {
            let offset = offset(zone)?;
            Stamp::new(seconds - i64::from(offset), Kind::Offset(offset))
        }
    };
    Some(Stamp { finer, ..stamp })
}

/// Reads `.fff` or `,fff`, if it is there. Returns whether it is more than zero, and the rest.
fn fraction(rest: &[u8]) -> Option<(bool, &[u8])> {
    let [b'.' | b',', rest @ ..] = rest else {
        return Some((false, rest));
    };
    let end = rest.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = rest.split_at(end.unwrap_or(rest.len()));
    (!digits.is_empty()).then(|| (digits.iter().any(|byte| *byte != b'0'), rest))
}

/// Returns the seconds of `Z`, `UTC`, `+01:00`, `+0100` or `+01`.
fn offset(rest: &[u8]) -> Option<i32> {
    let (sign, rest) = match rest {
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [a, b] => (digits(&[*a, *b])?, 0),
        [a, b, b':', c, d] | [a, b, c, d] => (digits(&[*a, *b])?, digits(&[*c, *d])?),
        _ => return None,
    };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    (hours < 24 && minutes < 60).then_some(sign * seconds)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let digit = |number: i64, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'));
    bytes.iter().try_fold(0, digit)
}

/// The day that was parsed last.
#[derive(Default)]
pub(super) struct Day {
    text: [u8; 10],
    midnight: i64,
}

impl Day {
    /// Returns the seconds from 1970 to a day's midnight; `None` when there is no such day.
    fn midnight(&mut self, text: &[u8; 10]) -> Option<i64> {
        if *text != self.text {
            if text[4] != b'-' || text[7] != b'-' {
                return None;
            }
            let small = |n: i64| i8::try_from(n).ok();
            let year = i16::try_from(digits(&text[..4])?).ok()?;
            let date = Date::new(year, small(digits(&text[5..7])?)?, small(digits(&text[8..])?)?).ok()?;
            self.midnight = midnight(date);
            self.text = *text;
        }
        Some(self.midnight)
    }
}

/// Returns the seconds from midnight; `None` when there is no such time. 24:00 is the next midnight.
fn clock([hour, minute, second]: [i64; 3]) -> Option<i64> {
    let seconds = hour * 3600 + minute * 60 + second;
    (minute < 60 && second < 60 && seconds <= 86_400).then_some(seconds)
}
