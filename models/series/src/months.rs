//! Calendar months between times.

use crate::{
    Anchor, Frequency,
    civil::{DAY, Date, date, days, days_in_month},
    statistics::most_common,
};

/// Returns the calendar months between sorted times; `None` where their distances are not whole months.
pub(crate) fn monthly(times: &[i64]) -> Option<Frequency> {
    let differences = times
        .windows(2)
        .map(|pair| month_number(pair[1]) - month_number(pair[0]));
    let months = u32::try_from(most_common(differences)).ok().filter(|&m| m <= 1_200)?;
    let first = month_number(times[0]);
    let is_on_grid = |t: i64, anchor: Anchor| {
        let since = month_number(t) - first;
        since % i64::from(months) == 0 && month_later(times[0], since, anchor) == t
    };
    [Anchor::End, Anchor::Start]
        .into_iter()
        .find(|&anchor| times.iter().all(|&t| is_on_grid(t, anchor)))
        .map(|anchor| Frequency::Months { months, anchor })
}

/// Counts months since year 0.
pub(crate) fn month_number(t: i64) -> i64 {
    let Date { year, month, .. } = date(t.div_euclid(DAY));
    year * 12 + month - 1
}

/// Moves a time by whole months: to the same day, or the month's last one where there is no such day or the anchor is
/// the end.
pub(crate) fn month_later(t: i64, months: i64, anchor: Anchor) -> i64 {
    // Beyond a hundred million years there is no forecast; the clamp keeps the sums below from overflow.
    let number = month_number(t).saturating_add(months.clamp(-1_200_000_000, 1_200_000_000));
    let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
    let last = days_in_month(year, month);
    let day = match anchor {
        Anchor::Start => date(t.div_euclid(DAY)).day.min(last),
        Anchor::End => last,
    };
    days(Date { year, month, day }) * DAY + t.rem_euclid(DAY)
}

/// Counts dekads since year 0: the 1st, the 11th and the 21st of each month begin one.
pub(crate) fn dekad_number(t: i64) -> i64 {
    let day = date(t.div_euclid(DAY)).day;
    month_number(t) * 3 + ((day - 1) / 10).min(2)
}

/// Moves a time by dekads, to the first day of one.
pub(crate) fn dekads_later(t: i64, dekads: i64) -> i64 {
    let number = dekad_number(t).saturating_add(dekads.clamp(-3_600_000_000, 3_600_000_000));
    let (month, place) = (number.div_euclid(3), number.rem_euclid(3));
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let day = 1 + 10 * place;
    days(Date { year, month, day }) * DAY + t.rem_euclid(DAY)
}
