//! Reads columns as numbers: the decimal sign is decided for a whole column, and signs beside the digits are left out.

use contract::spec::{Choice, DataSection, Decimal};
use polars::prelude::StringChunked;

use crate::{
    raw::{Cells, Raw},
    refusal::Problem,
};

/// A column read as numbers.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Numbers {
    /// One value per row; NaN for a cell that is missing or not a number.
    pub(crate) values: Vec<f64>,
    /// Whether the cells are words such as `true` and `no`, read as 1 and 0.
    pub(crate) flags: bool,
    /// The first cell that is neither a number nor missing.
    pub(crate) text: Option<usize>,
    /// The number of cells that hold an infinity, which is read as missing.
    pub(crate) infinite: usize,
    /// The number of cells that `data.missing` makes missing.
    pub(crate) coded: usize,
    /// What stands beside the digits: a currency, `%` or a unit.
    pub(crate) affix: Affix,
}

/// Signs before and behind the digits of a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affix {
    before: String,
    after: String,
}

/// Which readings the cells of a column allow.
#[derive(Clone, Copy, Default)]
struct Signs {
    /// Some cell is a number only with this decimal sign.
    point: bool,
    comma: bool,
    /// The first cell that has another value with each of them.
    doubtful: Option<usize>,
}

/// Reads the first `rows` rows of all columns, and takes the memory of those that hold numbers already. Columns in
/// `times` are not read. Notes the columns whose decimal sign two people would read differently.
pub(crate) fn read_all(
    raw: &mut Raw,
    rows: usize,
    times: &[usize],
    data: &DataSection,
    problems: &mut Vec<Problem>,
) -> Vec<Option<Numbers>> {
    let signs: Vec<Signs> = raw
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            if times.contains(&at) {
                Signs::default()
            } else {
                Signs::of(&column.cells, rows)
            }
        })
        .collect();
    let common = common(&signs, times, raw, data);
    let mut read = Vec::with_capacity(signs.len());
    for (column, signs) in signs.into_iter().enumerate() {
        if times.contains(&column) {
            read.push(None);
            continue;
        }
        let decimal = signs.decided().or(common);
        if let (None, Some(row)) = (signs.decided(), signs.doubtful) {
            match decimal {
                None => problems.push(two_readings(raw, column, row)),
                Some(_) if data.decimal != Choice::Auto => {}
                Some(decimal) => raw.notices.push(one_of_two(raw, column, row, decimal)),
            }
        }
        let mut numbers = match &mut raw.columns[column].cells {
            Cells::Numbers(values) => Numbers {
                values: std::mem::take(values),
                ..Numbers::default()
            },
            Cells::Text(text) => read_text(text, rows, decimal.unwrap_or(Decimal::Point)),
            Cells::Stamps(_) | Cells::Other { .. } => Numbers {
                values: vec![f64::NAN; rows],
                text: Some(0),
                ..Numbers::default()
            },
        };
        numbers.values.truncate(rows);
        numbers.drop_codes(&data.missing);
        read.push(Some(numbers));
    }
    read
}

/// Returns the decimal sign of columns whose own cells do not decide it: as set, as in the other columns, or as the
/// delimiter suggests, because a file with commas between the cells has none within numbers.
fn common(signs: &[Signs], times: &[usize], raw: &Raw, data: &DataSection) -> Option<Decimal> {
    if let Choice::Given(decimal) = data.decimal {
        return Some(decimal);
    }
    let measured = signs.iter().enumerate().filter(|(column, _)| !times.contains(column));
    let mut decided = measured.filter_map(|(_, signs)| signs.decided());
    match (decided.next(), raw.layout.delimiter.as_str()) {
        (Some(first), _) if decided.all(|other| other == first) => Some(first),
        (None, ",") => Some(Decimal::Point),
        (None, ";") => Some(Decimal::Comma),
        _ => None,
    }
}

/// Returns a sentence about cells with two readings, of which the rest of the file suggests one.
fn one_of_two(raw: &Raw, column: usize, row: usize, decimal: Decimal) -> String {
    let cell = raw.cell(column, row);
    let (_, body) = split(&cell.value).unwrap_or_default();
    let value = digits(body, decimal).unwrap_or(f64::NAN);
    format!(
        "`{}`: `{}` is read as {value}, as the rest of the file suggests; `data.decimal` can say otherwise",
        cell.column, cell.value
    )
}

fn two_readings(raw: &Raw, column: usize, row: usize) -> Problem {
    let cell = raw.cell(column, row);
    let (_, body) = split(&cell.value).unwrap_or_default();
    let read = |decimal| digits(body, decimal).unwrap_or(f64::NAN);
    let what = format!(
        "is {} with a decimal point and {} with a decimal comma; `data.decimal` says which",
        read(Decimal::Point),
        read(Decimal::Comma)
    );
    cell.problem(&what, "numbers with one reading, or `data.decimal`")
}

impl Signs {
    fn of(cells: &Cells, rows: usize) -> Self {
        let mut signs = Self::default();
        let Cells::Text(text) = cells else { return signs };
        for (row, cell) in text.iter().take(rows).enumerate() {
            let Some((_, body)) = cell.and_then(split) else {
                continue;
            };
            match (digits(body, Decimal::Point), digits(body, Decimal::Comma)) {
                (Some(_), None) => signs.point = true,
                (None, Some(_)) => signs.comma = true,
                (Some(point), Some(comma)) if point.to_bits() != comma.to_bits() => {
                    signs.doubtful.get_or_insert(row);
                }
                _ => {}
            }
        }
        signs
    }

    /// Returns the decimal sign; `None` when the cells allow both or contradict each other.
    fn decided(self) -> Option<Decimal> {
        match (self.point, self.comma) {
            (true, false) => Some(Decimal::Point),
            (false, true) => Some(Decimal::Comma),
            _ => None,
        }
    }
}

impl Numbers {
    /// Returns the number of cells that hold a number.
    pub(crate) fn count(&self) -> usize {
        self.values.iter().filter(|value| !value.is_nan()).count()
    }

    /// Makes infinities missing, and the numbers that stand for a missing value.
    fn drop_codes(&mut self, codes: &[f64]) {
        // Passes over all values are faster than branches on each of them.
        if self.values.iter().any(|value| value.is_infinite()) {
            self.infinite += drop(&mut self.values, f64::is_infinite);
        }
        if !codes.is_empty() {
            self.coded += drop(&mut self.values, |value| codes.contains(&value));
        }
    }
}

fn drop(values: &mut [f64], is_missing: impl Fn(f64) -> bool) -> usize {
    let mut dropped = 0;
    for value in values.iter_mut().filter(|value| is_missing(**value)) {
        *value = f64::NAN;
        dropped += 1;
    }
    dropped
}

fn read_text(cells: &StringChunked, rows: usize, decimal: Decimal) -> Numbers {
    if let Some(flags) = read_flags(cells, rows) {
        return flags;
    }
    let mut read = Numbers {
        values: Vec::with_capacity(rows),
        ..Numbers::default()
    };
    let mut affix = None;
    for (row, cell) in cells.iter().take(rows).enumerate() {
        let cell = cell.unwrap_or_default();
        let value = if is_missing(cell) {
            Some(f64::NAN)
        } else if cell.len() > LONGEST {
            None
        } else if let (Decimal::Point, Ok(number)) = (decimal, fast_float2::parse::<f64, _>(cell.trim())) {
            Some(number)
        } else {
            split(cell).and_then(|(beside, body)| {
                let (times, beside) = beside.multiplier();
                // The same sign beside each number, or none, is a unit; two of them are two quantities.
                let same = beside == Affix::default() || *affix.get_or_insert_with(|| beside.clone()) == beside;
                digits(body, decimal).filter(|_| same).map(|value| value * times)
            })
        };
        if value.is_none() {
            read.text.get_or_insert(row);
        }
        read.values.push(value.unwrap_or(f64::NAN));
    }
    read.affix = affix.unwrap_or_default();
    read
}

/// The words of yes and no. A column has one pair of them.
const FLAGS: [(&str, &str); 5] = [("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"), ("on", "off")];

fn read_flags(cells: &StringChunked, rows: usize) -> Option<Numbers> {
    let first = cells.iter().take(rows).flatten().find(|cell| !is_missing(cell))?.trim();
    let is = |cell: &str, word: &str| cell.eq_ignore_ascii_case(word);
    let (yes, no) = FLAGS.into_iter().find(|(yes, no)| is(first, yes) || is(first, no))?;
    let value = |cell: Option<&str>| match cell.unwrap_or_default().trim() {
        cell if is(cell, yes) => Some(1.0),
        cell if is(cell, no) => Some(0.0),
        cell => is_missing(cell).then_some(f64::NAN),
    };
    let values: Vec<f64> = cells.iter().take(rows).map(value).collect::<Option<_>>()?;
    // A letter that stands alone is a code.
    let are_letters = yes.len() == 1;
    if are_letters && !(values.contains(&1.0) && values.contains(&0.0)) {
        return None;
    }
    Some(Numbers {
        values,
        flags: true,
        ..Numbers::default()
    })
}

/// Cells that mean a missing value, in lower case.
pub(crate) const MISSING: [&str; 22] = [
    "", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nil", "-", "--", "---", "?", ".", "n.a.", "missing",
    "\\n", "(null)", "#div/0!", "#value!", "#num!", "#ref!",
];

/// The longest text of a number, in bytes: the smallest number has 1,076 digits when it is written out.
const LONGEST: usize = 2_048;

pub(crate) fn is_missing(cell: &str) -> bool {
    let cell = if cell.len() > LONGEST { cell } else { cell.trim() };
    cell.len() <= 8 && MISSING.iter().any(|missing| cell.eq_ignore_ascii_case(missing))
}

/// Returns whether a cell is a number that needs no cast: digits with a decimal point, or a missing value as data frames
/// write it.
pub(crate) fn is_plain(cell: &str) -> bool {
    fast_float2::parse::<f64, _>(cell.trim()).is_ok()
}

/// Returns whether a cell holds a number, in any of the ways in which people write one.
pub(crate) fn is_number(cell: &str) -> bool {
    let body = split(cell).map(|(_, body)| body);
    !is_missing(cell)
        && body.is_some_and(|body| {
            [Decimal::Point, Decimal::Comma]
                .into_iter()
                .any(|sign| digits(body, sign).is_some())
        })
}

/// Returns whether a cell is a number only with a decimal comma.
pub(crate) fn has_decimal_comma(cell: &str) -> bool {
    let body = split(cell).map(|(_, body)| body);
    body.is_some_and(|body| digits(body, Decimal::Point).is_none() && digits(body, Decimal::Comma).is_some())
}

impl std::fmt::Display for Affix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.before)?;
        f.write_str(&self.after)
    }
}

impl Affix {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Splits a multiplier such as `K` or `M` from the signs behind the digits.
    fn multiplier(mut self) -> (f64, Self) {
        let times = match self.after.as_str() {
            "K" | "k" => 1e3,
            "M" => 1e6,
            "B" => 1e9,
            "T" => 1e12,
            _ => return (1.0, self),
        };
        self.after.clear();
        (times, self)
    }
}

/// Signs of currencies, which may stand before a number and behind it.
const CURRENCIES: [&str; 18] = [
    "$", "€", "£", "¥", "₹", "₩", "₽", "R$", "US$", "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD",
];

/// Signs that may stand behind a number without a blank between them.
const UNITS: [&str; 25] = [
    "%", "‰", "°", "°C", "°F", "K", "k", "M", "B", "T", "W", "kW", "MW", "GW", "kWh", "MWh", "GWh", "V", "A", "Hz",
    "ms", "km", "kg", "MB", "GB",
];

/// Units that stand in a row below the names.
const UNITS_OF_COLUMNS: [&str; 17] = [
    "mm", "cm", "m", "hPa", "Pa", "bar", "degC", "C", "F", "s", "min", "h", "l", "t", "g", "Wh", "EUR",
];

/// Returns whether a text is the unit of a column.
pub(crate) fn is_unit(text: &str) -> bool {
    CURRENCIES.contains(&text) || UNITS.contains(&text) || UNITS_OF_COLUMNS.contains(&text)
}

/// Splits a number into the signs beside its digits and the digits with their sign. `(5)` is -5.
fn split(cell: &str) -> Option<(Affix, &str)> {
    if cell.len() > LONGEST {
        return None;
    }
    let cell = cell.trim();
    let is_body = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '−' | '.' | ',' | '(');
    let start = cell.find(is_body)?;
    let end = cell.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ')'))? + 1;
    let (before, body, after) = (&cell[..start], cell.get(start..end)?, &cell[end..]);
    // A sign may stand before the currency: `-$5`. Then the body begins with it, and the currency is inside.
    let is_currency = |text: &str| CURRENCIES.contains(&text.trim());
    let is_unit = |text: &str| is_currency(text) || UNITS.contains(&text.trim());
    // Behind a blank any short word is a unit; a code such as `A1` or `12b` is no number.
    let is_word = |text: &str| text.starts_with(char::is_whitespace) && text.trim().len() <= 12;
    let is_code = |text: &str| text.trim().len() == 3 && text.trim().bytes().all(|byte| byte.is_ascii_uppercase());
    // Digits right behind three letters name something, such as a station, unless the letters are a currency.
    let apart = before.ends_with(char::is_whitespace);
    let good_before = before.is_empty() || is_currency(before) || before == "%" || apart && is_code(before);
    let good_after = after.is_empty() || is_unit(after) || is_word(after) || is_code(after);
    (good_before && good_after).then(|| {
        let affix = Affix {
            before: before.trim().to_owned(),
            after: after.trim().to_owned(),
        };
        (affix, body)
    })
}

/// Reads digits with one decimal sign, groups of thousands and an exponent.
fn digits(body: &str, decimal: Decimal) -> Option<f64> {
    let (negative, body) = match body.strip_prefix('(').and_then(|body| body.strip_suffix(')')) {
        Some(body) => (true, body),
        None => match body.strip_prefix(['-', '−']) {
            Some(body) => (true, body),
            None => (false, body.strip_prefix('+').unwrap_or(body)),
        },
    };
    let body = body.trim_start().trim_start_matches(['$', '€', '£', '¥']);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], &body[at..]),
        None => (body, ""),
    };
    let sign = if decimal == Decimal::Point { '.' } else { ',' };
    let (whole, fraction) = match mantissa.split_once(sign) {
        Some((whole, fraction)) => (whole, fraction),
        None => (mantissa, ""),
    };
    let whole = without_groups(whole, sign)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let value: f64 = format!("{whole}.{fraction}0{exponent}").parse().ok()?;
    Some(if negative { -value } else { value })
}

/// Returns the digits before the decimal sign without the signs that group them; `None` when the groups are wrong. The last
/// group has three digits, the others two or three, as in India.
fn without_groups(whole: &str, decimal: char) -> Option<String> {
    if whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(whole.to_owned());
    }
    let between = whole.chars().find(|c| !c.is_ascii_digit())?;
    if between == decimal
        || !matches!(
            between,
            '.' | ',' | ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' | '_'
        )
    {
        return None;
    }
    let groups: Vec<&str> = whole.split(between).collect();
    let digits = groups
        .iter()
        .all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
    let [first, middle @ .., last] = &groups[..] else {
        return None;
    };
    let sizes =
        (1..=3).contains(&first.len()) && last.len() == 3 && middle.iter().all(|group| matches!(group.len(), 2 | 3));
    // No person groups a number that begins with a zero: `0.123` is a fraction.
    (digits && sizes && !first.starts_with('0')).then(|| groups.concat())
}

#[cfg(test)]
mod tests;
