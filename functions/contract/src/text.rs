//! Makes text of others safe to print. Names, values and messages come from files, events and queues, and a terminal or a
//! log obeys the control characters in them.
//!
//! Stored documents keep the text as it was. Code that prints calls [`plain`] for a name or a value and [`lines`] for a
//! message, which may go on in indented lines. JSON escapes control characters by itself.

use std::{borrow::Cow, ops::RangeInclusive};

/// Characters that are no control characters and still change how others look or where a line ends: marks of the writing
/// direction, line and paragraph separators, invisible fillers and tags.
///
/// The two joiners of Persian, Indian scripts and emoji (U+200C, U+200D) are kept: they are part of the spelling.
const UNSEEN: [RangeInclusive<char>; 9] = [
    '\u{ad}'..='\u{ad}',
    '\u{61c}'..='\u{61c}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200b}',
    '\u{200e}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{e0000}'..='\u{e007f}',
];

/// Returns the text on one line: control characters, line breaks, escape sequences and marks of direction are written out,
/// for example as `\n` or `\u{1b}`.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    written(text, |_| false)
}

/// Returns the text as [`plain`] does, but keeps line breaks that are followed by two spaces, with which messages list what
/// they found.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    written(text, |rest| rest.starts_with("\n  "))
}

/// Returns the text as [`plain`] does, but keeps all line breaks. For output that was put together from [`plain`] parts: what
/// was forgotten there still cannot control a terminal.
#[must_use]
pub fn screen(text: &str) -> Cow<'_, str> {
    written(text, |rest| rest.starts_with('\n'))
}

/// Returns the first `most` characters of a text as [`plain`] does, followed by `…` if there are more.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    let mut rest = text.chars();
    let start: String = rest.by_ref().take(most).collect();
    let more = if rest.next().is_some() { "…" } else { "" };
    format!("{}{more}", plain(&start))
}

/// Returns a number of things, for example `1 step` or `2 steps`.
#[must_use]
pub fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// Writes out what must not be printed, except line breaks that `stays` accepts by the rest of the text.
fn written(text: &str, stays: impl Fn(&str) -> bool) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        if is_unseen(c) && !stays(&text[at..]) {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    Cow::Owned(plain)
}

fn is_unseen(c: char) -> bool {
    c.is_control() || UNSEEN.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (text, expected) in [
            ("down", "down"),
            ("naïve 売上 กำลัง می‌خواهم 👩‍🔬", "naïve 売上 กำลัง می‌خواهم 👩‍🔬"),
            ("it's \"7\" \\ 8", "it's \"7\" \\ 8"),
            ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("a\r\nb\tc\0\u{7f}\u{9b}2J", "a\\r\\nb\\tc\\u{0}\\u{7f}\\u{9b}2J"),
            ("gpj.\u{202e}exe\u{2066}\u{feff}", "gpj.\\u{202e}exe\\u{2066}\\u{feff}"),
            ("a\u{2028}b", "a\\u{2028}b"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn a_message_goes_on_in_indented_lines_and_in_no_others() {
        let text = "the spec has 2 problems:\n  `a`\n  `b`\nchampion  gru\n\n  \u{1b}[2J";
        let expected = "the spec has 2 problems:\n  `a`\n  `b`\\nchampion  gru\\n\n  \\u{1b}[2J";
        assert_eq!(lines(text), expected);
        assert_eq!(screen("a\n\u{1b}[2Jb\r\n"), "a\n\\u{1b}[2Jb\\r\n");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(shortened("日本語\n", 3), "日本語…");
        assert_eq!(shortened("日本\n", 3), "日本\\n");
    }

    proptest! {
        #[test]
        fn plain_text_has_nothing_to_write_out_and_reads_on_unchanged(text in any::<String>()) {
            let once = plain(&text).into_owned();
            prop_assert!(!once.contains(is_unseen));
            prop_assert!(plain(&once) == once);
            prop_assert!(!lines(&text).replace("\n  ", "").contains(is_unseen));
        }
    }
}
