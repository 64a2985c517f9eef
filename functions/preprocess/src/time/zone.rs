//! Wall clocks: the zone that the settings name, and what the times say about one that they do not name.

use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use super::{
    column::MISSING,
    regular::{civil, is_newest_first},
};

const HOUR: i64 = 3600;

/// Zones whose clocks change on the days of most others.
const LIKELY: [&str; 5] = [
    "America/New_York",
    "Europe/Berlin",
    "Europe/London",
    "Australia/Sydney",
    "America/Santiago",
];

/// Returns the zone with an IANA name. The table comes with the program, so every host agrees on what a zone means.
pub(super) fn of(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
}

/// Turns seconds on the wall clock of a zone into UTC.
///
/// In the hour that the clock repeats, times are of the second pass once one comes again or the clock goes back. A time
/// in the hour that the clock leaves out means the later moment.
pub(super) fn resolve(seconds: &mut [i64], zone: &TimeZone) {
    if is_newest_first(seconds) {
        seconds.reverse();
        resolve_ordered(seconds, zone);
        seconds.reverse();
    } else {
        resolve_ordered(seconds, zone);
    }
}

fn resolve_ordered(seconds: &mut [i64], zone: &TimeZone) {
    // The times of the repeated hour that were read so far, and whether the clock went back among them.
    let (mut seen, mut back): (Vec<i64>, bool) = (Vec::new(), false);
    for second in seconds.iter_mut().filter(|second| **second != MISSING) {
        let Some(clock) = civil(*second) else { continue };
        let ahead = match zone.to_ambiguous_timestamp(clock).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { before, after } => {
                if seen.last().is_some_and(|last| (*second - last).abs() > 3 * HOUR) {
                    (seen, back) = (Vec::new(), false);
                }
                back |= seen.last().is_some_and(|last| *second < *last);
                let again = back || seen.contains(second);
                seen.push(*second);
                if again { after } else { before }
            }
        };
        *second -= i64::from(ahead.seconds());
    }
}

/// Returns a sentence if times in no stated zone look like those of a clock that changes twice a year.
pub(super) fn hint(seconds: &[i64]) -> Option<String> {
    let mut ordered: Vec<i64> = seconds.iter().copied().filter(|second| *second != MISSING).collect();
    if is_newest_first(&ordered) {
        ordered.reverse();
    }
    let (repeated, missing) = changes(&ordered)?;
    let matches = |name: &&'static str| {
        let zone = of(name);
        let offset = |second: &i64| civil(*second).map(|clock| zone.to_ambiguous_timestamp(clock).offset());
        let is_fold = |second: &i64| matches!(offset(second), Some(AmbiguousOffset::Fold { .. }));
        let is_gap = |second: &i64| matches!(offset(second), Some(AmbiguousOffset::Gap { .. }));
        let repeated: Vec<i64> = repeated.iter().copied().filter(is_fold).collect();
        let missing: Vec<i64> = missing.iter().copied().filter(is_gap).collect();
        (repeated, missing, *name)
    };
    // The first of equals.
    let best = LIKELY
        .iter()
        .map(matches)
        .rev()
        .max_by_key(|(repeated, missing, _)| repeated.len() + missing.len());
    let (folds, gaps, zone) = best?;
    let count = folds.len() + gaps.len();
    // One of many holes falls on such an hour by chance.
    if count == 0 || count == 1 && repeated.len() + missing.len() > 10 {
        return None;
    }
    let shown = |what: &str, times: &[i64]| {
        let (first, plural) = (civil(*times.first()?)?, if times.len() == 1 { "" } else { "s" });
        Some(format!(
            "{} time{plural} {what} ({})",
            times.len(),
            first.strftime("%Y-%m-%d %H:%M")
        ))
    };
    let found: Vec<_> = [shown("twice", &folds), shown("missing", &gaps)]
        .into_iter()
        .flatten()
        .collect();
    Some(format!(
        "{}: so change clocks with summer time; if these are such, set `data.time_zone`, for example to `{zone}`",
        found.join(" and ")
    ))
}

/// Returns the times of an hour that comes twice, and those of an hour that is left out. `None` if there
/// are none, or for steps of more than an hour.
fn changes(ordered: &[i64]) -> Option<(Vec<i64>, Vec<i64>)> {
    let mut steps: Vec<i64> = ordered.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = steps.len() / 2;
    if steps.is_empty() {
        return None;
    }
    let step = *steps.select_nth_unstable(middle).1;
    if !(1..=HOUR).contains(&step) || HOUR % step != 0 {
        return None;
    }
    let (mut repeated, mut missing) = (Vec::new(), Vec::new());
    for pair in ordered.windows(2) {
        match pair[1] - pair[0] {
            back if back == step - HOUR || back == 0 => repeated.push(pair[1]),
            ahead if ahead == step + HOUR => missing.push(pair[0] + step),
            _ => {}
        }
    }
    (!repeated.is_empty() || !missing.is_empty()).then_some((repeated, missing))
}
