use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::{
    ConfigError, Problem, Sources,
    units::{read_bytes, read_duration, write_bytes, write_duration},
};

/// The merged keys of all sources. Each is taken out once; what is left at the end is not a known key.
pub(super) struct Fields {
    values: BTreeMap<String, Field>,
    /// Every path that was asked for, with the source that set it.
    known: BTreeMap<String, Option<String>>,
    problems: Vec<Problem>,
}

struct Field {
    text: String,
    from: String,
}

impl Fields {
    /// Merges the sources; a later one wins.
    pub(super) fn merge(sources: Sources) -> Self {
        let mut fields = Self {
            values: BTreeMap::new(),
            known: BTreeMap::new(),
            problems: sources.problems,
        };
        for (path, text, from) in sources.values {
            fields.values.insert(path, Field { text, from });
        }
        fields
    }

    /// Takes a text; an empty one counts as not set.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let field = self.values.remove(path);
        self.known
            .insert(path.to_owned(), field.as_ref().map(|field| field.from.clone()));
        field.map(|field| field.text).filter(|text| !text.is_empty())
    }

    pub(super) fn url(&mut self, path: &str) -> Option<String> {
        let url = self.text(path)?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return self.problem(path, format!("`{url}` does not begin with http:// or https://"));
        }
        Some(url)
    }

    pub(super) fn address(&mut self, path: &str) -> Option<IpAddr> {
        let text = self.text(path)?;
        let address = text.parse().ok();
        address.or_else(|| self.problem(path, format!("`{text}` is not an IP address")))
    }

    pub(super) fn flag(&mut self, path: &str) -> Option<bool> {
        let text = self.text(path)?;
        let flag = text.parse().ok();
        flag.or_else(|| self.problem(path, format!("`{text}` is neither `true` nor `false`")))
    }

    pub(super) fn count<T: TryFrom<u64>>(&mut self, path: &str, least: u64, most: u64) -> Option<T> {
        let text = self.text(path)?;
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let checked = number.and_then(|number| T::try_from(number).ok());
        checked.or_else(|| self.problem(path, format!("`{text}` is not a whole number from {least} to {most}")))
    }

    pub(super) fn duration(&mut self, path: &str, least: Duration, most: Duration) -> Option<Duration> {
        let text = self.text(path)?;
        read_duration(&text)
            .filter(|time| (least..=most).contains(time))
            .or_else(|| {
                let range = format!("{} to {}", write_duration(least), write_duration(most));
                self.problem(path, format!("`{text}` is not a time from {range} (ms, s, m, h)"))
            })
    }

    pub(super) fn bytes(&mut self, path: &str, least: u64, most: u64) -> Option<u64> {
        let text = self.text(path)?;
        read_bytes(&text)
            .filter(|bytes| (least..=most).contains(bytes))
            .or_else(|| {
                let range = format!("{} to {}", write_bytes(least), write_bytes(most));
                self.problem(path, format!("`{text}` is not a size from {range} (KiB, MiB, GiB)"))
            })
    }

    /// Notes a problem and returns `None`, so that the caller can return it.
    pub(super) fn problem<T>(&mut self, path: &str, message: String) -> Option<T> {
        let from = self
            .known
            .get(path)
            .cloned()
            .flatten()
            .unwrap_or_else(|| "not set".to_owned());
        self.problems.push(Problem {
            path: path.to_owned(),
            from,
            message,
        });
        None
    }

    /// Ends the reading: every key that was not taken is unknown.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        let unknown = |(path, field): (String, Field)| {
            let nearest = self.known.keys().map(|known| (edits(known, &path), known)).min();
            let hint = match nearest {
                Some((edits, known)) if edits <= 3 => format!("; did you mean `{known}`?"),
                _ => String::new(),
            };
            Problem {
                path,
                from: field.from,
                message: format!("is not a key of the configuration{hint}"),
            }
        };
        let unknown: Vec<Problem> = std::mem::take(&mut self.values).into_iter().map(unknown).collect();
        self.problems.extend(unknown);
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by(|a, b| a.path.cmp(&b.path));
        Err(ConfigError {
            problems: self.problems,
        })
    }
}

/// Returns the number of edits (insert, delete, replace) between two texts.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
