//! A column of cells as times in one format.

use super::{
    candidates,
    format::Format,
    iso::Day,
    stamp::{Kind, Stamp},
};
use crate::raw::Cells;

/// The place of a cell that is no time.
pub(super) const MISSING: i64 = i64::MIN;

/// The calendar in seconds, from the beginning of the year 1 to the end of 9999, as RFC 3339 writes it.
const CALENDAR: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The most rows at the end that may have no time.
const FOOTERS: usize = 10;

/// A column as it is read in one format.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) format: String,
    /// Seconds as in [`Stamp`], or `MISSING`.
    pub(super) seconds: Vec<i64>,
    /// The first rows with a date, a naive time and an offset.
    pub(super) kinds: [Option<usize>; 3],
    /// Whether an offset is not zero.
    pub(super) shifted: bool,
    /// Whether all times are midnight on their own clock.
    midnights: bool,
    /// The number of times with a fraction of a second.
    pub(super) finer: usize,
    /// Whether the cells are intervals, of which this is the beginning.
    pub(super) interval: bool,
    /// The first time outside the calendar.
    pub(super) outside: Option<usize>,
    /// The first row after the last time that is rather a time in another format than no data.
    late: Option<usize>,
}

/// The format of typed times.
pub(super) const TYPED: &str = "typed";

impl Column {
    pub(super) fn is_dates(&self) -> bool {
        matches!(self.kinds, [Some(_), None, None])
    }

    /// Returns whether the dates are days, and not months, quarters or years.
    pub(super) fn has_days(&self) -> bool {
        let format = Format::from(self.format.as_str());
        match format {
            Format::Text(format) => format == TYPED || format.contains("%d") || format.contains("%j"),
            Format::Period(_) | Format::DecimalYear => false,
            Format::Iso | Format::Epoch(_) | Format::Excel => true,
        }
    }

    /// Reads stamps. With `as_dates` those with an offset are the dates on their own clock.
    pub(super) fn collect(format: String, stamps: impl Iterator<Item = Option<Stamp>>, as_dates: bool) -> Self {
        let mut column = Self {
            format,
            seconds: Vec::with_capacity(stamps.size_hint().0),
            kinds: [None; 3],
            shifted: false,
            midnights: true,
            finer: 0,
            interval: false,
            outside: None,
            late: None,
        };
        for (row, stamp) in stamps.enumerate() {
            let Some(mut stamp) = stamp else {
                column.seconds.push(MISSING);
                continue;
            };
            if let Kind::Offset(offset) = stamp.kind {
                let local = stamp.seconds.saturating_add(i64::from(offset));
                column.midnights &= local.rem_euclid(86_400) == 0 && !stamp.finer;
                column.shifted |= offset != 0;
                if as_dates {
                    stamp = Stamp::new(local, Kind::Date);
                }
            }
            let kind = match stamp.kind {
                Kind::Date => 0,
                Kind::Naive => 1,
                Kind::Offset(_) => 2,
            };
            column.kinds[kind].get_or_insert(row);
            column.finer += usize::from(stamp.finer);
            if column.outside.is_none() && !CALENDAR.contains(&stamp.seconds) {
                column.outside = Some(row);
            }
            column.seconds.push(stamp.seconds);
        }
        column
    }

    /// Reads all cells in one format. Where every time is midnight on a clock that is not UTC, they are dates.
    pub(super) fn read(cells: &Cells, format: &Format) -> Self {
        let name = format.to_string();
        let mut column = Self::collect(name.clone(), stamps(cells, format), false);
        if column.shifted && column.midnights && column.kinds[0].or(column.kinds[1]).is_none() {
            column = Self::collect(name, stamps(cells, format), true);
        }
        let mut end = column.rows()..cells.len();
        column.late = end.find(|row| candidates::is_like_a_time(&cells.text(*row)));
        column
    }

    /// Returns the number of rows up to the last time.
    pub(super) fn rows(&self) -> usize {
        self.seconds
            .iter()
            .rposition(|second| *second != MISSING)
            .map_or(0, |last| last + 1)
    }

    /// Returns the times that are there, up to the last one.
    pub(super) fn present(&self) -> impl Iterator<Item = i64> + '_ {
        self.seconds.iter().copied().filter(|second| *second != MISSING)
    }

    /// Returns the first row without a time that is not one of a few at the end.
    pub(super) fn wrong(&self) -> Option<usize> {
        let (rows, good) = (self.rows(), self.present().count());
        if rows == 0 {
            return Some(0);
        }
        let within = self.seconds[..rows].iter().position(|second| *second == MISSING);
        let many = (self.seconds.len() - rows > FOOTERS.min(good)).then_some(rows);
        within.or(self.late).or(many)
    }
}

/// Returns the stamps of all cells.
fn stamps<'c>(cells: &'c Cells, format: &'c Format) -> Box<dyn Iterator<Item = Option<Stamp>> + 'c> {
    match cells {
        Cells::Text(text) => {
            let mut day = Day::default();
            Box::new(text.iter().map(move |cell| format.read(cell?, &mut day)))
        }
        Cells::Numbers(numbers) => Box::new(numbers.iter().map(|number| format.read_number(*number))),
        Cells::Stamps(stamps) => {
            let kind = match (stamps.dates, stamps.naive) {
                (true, _) => Kind::Date,
                (_, true) => Kind::Naive,
                _ => Kind::Offset(0),
            };
            Box::new(
                stamps
                    .seconds
                    .iter()
                    .map(move |second| Some(Stamp::new((*second)?, kind))),
            )
        }
        Cells::Other { rows } => Box::new(std::iter::repeat_n(None, *rows)),
    }
}
