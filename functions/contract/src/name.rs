//! Names that people choose: datasets, files in them, members of a round.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::shortened;

/// The name of a dataset, one segment of a key: `[A-Za-z0-9._-]{1,100}`, but not `.` or `..`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dataset(String);

/// The name of one member of a round: `[a-z0-9-]{1,40}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberName(String);

/// One part of a dataset, written `{index}-of-{of}` in keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "[u32; 2]", into = "[u32; 2]")]
pub struct PartId {
    /// The number of the part, from 0, as in `hash mod n`.
    pub index: u32,
    /// How many parts there are.
    pub of: u32,
}

/// The longest name of a column, in bytes. Names are repeated in every table, log and document.
pub const MAX_COLUMN_NAME: usize = 256;

/// How many characters of a wrong name a message shows.
const SHOWN: usize = 60;
const SHOWN_DATASET: usize = 120;

/// Checks that a text is short enough to name a column: at most [`MAX_COLUMN_NAME`] bytes.
pub(crate) fn check_column(name: &str) -> Result<(), NameError> {
    if name.len() <= MAX_COLUMN_NAME {
        return Ok(());
    }
    Err(NameError::Column {
        start: shortened(name, SHOWN),
        have: name.len(),
    })
}

/// Why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name of the dataset is not one plain segment of a key.
    #[error("dataset `{}` is not 1 to 100 characters of [A-Za-z0-9._-] other than `.` and `..`", shortened(.0, SHOWN_DATASET))]
    Dataset(String),
    /// The member's name is too long, empty or has other characters.
    #[error("member name `{}` is not 1 to 40 characters of [a-z0-9-]", shortened(.0, SHOWN))]
    Member(String),
    /// The column's name is too long.
    #[error("column name `{start}` has {have} bytes, at most {MAX_COLUMN_NAME} are allowed")]
    Column {
        /// The beginning of the name.
        start: String,
        /// The length of the name in bytes.
        have: usize,
    },
    /// The number of the part is not below the number of parts.
    #[error("part {0} of {1}: the index counts from 0 and stays below the number of parts")]
    Part(u32, u32),
}

/// An uploaded object, as its decoded key `raw/{dataset}/{file}` names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    /// The dataset that the object belongs to.
    pub dataset: Dataset,
    /// The rest of the key, which may hold further `/`.
    pub file: String,
}

/// Why a key does not name an upload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The key does not begin with `raw/`, or has no file below the dataset.
    #[error("key `{key}` is not raw/{{dataset}}/{{file}}")]
    Shape {
        /// The key, URL-decoded.
        key: String,
    },
    /// The dataset in the key is not a valid name.
    #[error("key `{key}` names no valid dataset")]
    Dataset {
        /// The key, URL-decoded.
        key: String,
        /// Why the name is not valid.
        #[source]
        source: NameError,
    },
    /// A segment of the key is `.`, `..` or empty.
    #[error("key `{key}` has the segment `{segment}`; `.`, `..` and empty segments are refused")]
    Segment {
        /// The key, URL-decoded.
        key: String,
        /// The segment that is refused; may be empty.
        segment: String,
    },
}

impl Dataset {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes the name of a dataset from any text, for example a file's stem. Other characters become `-`, and at most 100
    /// characters are taken; `None` if no valid name is left.
    #[must_use]
    pub fn from_stem(stem: &str) -> Option<Self> {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        };
        Self::try_from(stem.chars().take(100).map(plain).collect::<String>()).ok()
    }
}

impl MemberName {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartId {
    /// The only part of a dataset that is not divided.
    pub const WHOLE: Self = Self { index: 0, of: 1 };
}

impl Upload {
    /// Reads a decoded key.
    ///
    /// # Errors
    /// Fails if the key is not `raw/{dataset}/{file}`, its dataset is not plain, or a segment is `.`, `..` or empty.
    pub fn parse(key: &str) -> Result<Self, UploadError> {
        let shape = || UploadError::Shape { key: key.to_owned() };
        let rest = key.strip_prefix("raw/").ok_or_else(shape)?;
        let (dataset, file) = rest.split_once('/').ok_or_else(shape)?;
        Self::new(dataset, file)
    }

    /// Makes an upload from a dataset and a file below it.
    ///
    /// # Errors
    /// Fails if the dataset is not plain, for example because it holds a `/`, or a segment of the file is `.`, `..` or empty.
    pub fn new(dataset: &str, file: &str) -> Result<Self, UploadError> {
        let key = format!("raw/{dataset}/{file}");
        if let Some(segment) = key.split('/').find(|s| matches!(*s, "" | "." | "..")) {
            let segment = segment.to_owned();
            return Err(UploadError::Segment { key, segment });
        }
        let dataset = Dataset::try_from(dataset.to_owned()).map_err(|source| UploadError::Dataset { key, source })?;
        Ok(Self {
            dataset,
            file: file.to_owned(),
        })
    }

    /// Returns the object's key.
    #[must_use]
    pub fn key(&self) -> String {
        format!("raw/{}/{}", self.dataset, self.file)
    }

    /// Returns whether this is a test file, `{stem}_test.{ext}`, which never starts a round itself.
    #[must_use]
    pub fn is_test(&self) -> bool {
        split_extension(&self.file).0.ends_with("_test")
    }

    /// Returns the test file that belongs to this data file.
    #[must_use]
    pub fn test_file(&self) -> Self {
        let (stem, extension) = split_extension(&self.file);
        Self {
            dataset: self.dataset.clone(),
            file: format!("{stem}_test{extension}"),
        }
    }
}

/// Splits `a/b.c.csv` into `a/b.c` and `.csv`. A dot at the beginning of the file name begins no extension.
fn split_extension(file: &str) -> (&str, &str) {
    let name = file.rfind('/').map_or(0, |slash| slash + 1);
    match file[name..].rfind('.') {
        Some(dot) if dot > 0 => file.split_at(name + dot),
        _ => (file, ""),
    }
}

impl TryFrom<String> for Dataset {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !plain || text.is_empty() || text.len() > 100 || text == "." || text == ".." {
            return Err(NameError::Dataset(text));
        }
        Ok(Self(text))
    }
}

impl std::str::FromStr for Dataset {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for MemberName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain || text.is_empty() || text.len() > 40 {
            return Err(NameError::Member(text));
        }
        Ok(Self(text))
    }
}

impl TryFrom<[u32; 2]> for PartId {
    type Error = NameError;

    fn try_from([index, of]: [u32; 2]) -> Result<Self, NameError> {
        if index >= of {
            return Err(NameError::Part(index, of));
        }
        Ok(Self { index, of })
    }
}

impl From<PartId> for [u32; 2] {
    fn from(part: PartId) -> Self {
        [part.index, part.of]
    }
}

impl From<Dataset> for String {
    fn from(name: Dataset) -> Self {
        name.0
    }
}

impl From<MemberName> for String {
    fn from(name: MemberName) -> Self {
        name.0
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_a_dataset_and_a_plain_rest() {
        for (key, expected) in [
            ("raw/cell/a.csv", Some(("cell", "a.csv"))),
            ("raw/cell/2018/02/a b+c.csv", Some(("cell", "2018/02/a b+c.csv"))),
            ("raw/cell/..a.csv", Some(("cell", "..a.csv"))),
            ("raw/cell", None),
            ("raw/cell/", None),
            ("raw//a.csv", None),
            ("raw/../x.csv", None),
            ("raw/cell/../x.csv", None),
            ("raw/cell/./x.csv", None),
            ("raw/c ell/x.csv", None),
            ("clean/cell/x.csv", None),
        ] {
            let upload = Upload::parse(key).ok();
            let seen = upload.as_ref().map(|u| (u.dataset.as_str(), u.file.as_str()));
            assert_eq!(seen, expected, "{key}");
        }
    }

    #[test]
    fn a_dataset_that_is_asked_for_with_a_slash_is_refused_and_does_not_become_its_first_part() {
        for dataset in ["a/b", "/a", "a/", "a/../b", "a b", ""] {
            assert!(Upload::new(dataset, "x.csv").is_err(), "{dataset}");
        }
        let error = Upload::new("a/b", "x.csv").unwrap_err();
        assert!(
            matches!(&error, UploadError::Dataset { source: NameError::Dataset(name), .. } if name == "a/b"),
            "{error}"
        );
        assert_eq!(Upload::new("a", "b/x.csv").unwrap().key(), "raw/a/b/x.csv");
    }

    #[test]
    fn a_name_that_is_too_long_is_refused_with_its_size_and_the_bound_and_is_not_repeated() {
        assert_eq!(check_column(&"é".repeat(128)), Ok(()));
        let error = check_column(&"é".repeat(129)).unwrap_err().to_string();
        assert!(
            error.ends_with("… ` has 258 bytes, at most 256 are allowed".replace("… ", "…").as_str()),
            "{error}"
        );
        for error in [
            Dataset::try_from("x".repeat(5_000)).unwrap_err(),
            MemberName::try_from("x".repeat(5_000)).unwrap_err(),
        ] {
            assert!(error.to_string().len() < 250, "{error}");
        }
    }

    #[test]
    fn a_test_file_stands_beside_its_data() {
        for (file, test) in [
            ("a.csv", "a_test.csv"),
            ("d.1/a.b.parquet", "d.1/a.b_test.parquet"),
            ("plain", "plain_test"),
            ("x/.csv", "x/.csv_test"),
        ] {
            let upload = Upload {
                dataset: "d".parse().unwrap(),
                file: file.to_owned(),
            };
            assert_eq!(upload.test_file().file, test);
            assert!(!upload.is_test() && upload.test_file().is_test(), "{file}");
        }
    }
}
