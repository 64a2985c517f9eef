//! The name of a model in a request: `dataset[/series][@generation]`, or `@` and at least 8 digits of an artifact's digest.

use contract::Dataset;
use platform::http::Refusal;

/// The fewest digits that name an artifact; shorter numbers are generations.
const SHORTEST_DIGEST: usize = 8;

/// Which champion a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ModelName {
    pub(super) dataset: Dataset,
    pub(super) version: Version,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Version {
    /// Whichever reigns.
    Reigning,
    /// An entry of the champion log.
    Generation(u64),
    /// The newest entry whose artifact's digest begins so.
    Artifact(String),
}

impl ModelName {
    /// Reads a name.
    ///
    /// # Errors
    /// With the field and the text, when it names no model.
    pub(super) fn parse(field: &str, text: &str) -> Result<Self, Refusal> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let (name, series) = match path.split_once('/') {
            Some((name, series)) => (name, Some(series)),
            None => (path, None),
        };
        let dataset: Dataset = name
            .parse()
            .map_err(|error| Refusal::bad(format!("`{field}` names no dataset: {error}")).at(field, text))?;
        if let Some(series) = series.filter(|series| !series.is_empty()) {
            let message = format!("dataset `{dataset}` has one series and it has no name");
            return Err(Refusal::not_found(message).at(field, series));
        }
        let version = match version {
            None | Some("latest") => Version::Reigning,
            Some(text) => version_of(field, text)?,
        };
        Ok(Self { dataset, version })
    }
}

fn version_of(field: &str, text: &str) -> Result<Version, Refusal> {
    let is_hex = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_hex && (SHORTEST_DIGEST..=64).contains(&text.len()) {
        return Ok(Version::Artifact(text.to_owned()));
    }
    match text.parse() {
        Ok(generation) if generation > 0 => Ok(Version::Generation(generation)),
        _ => Err(
            Refusal::bad("after `@` stands a generation or the digest of an artifact")
                .at(field, text)
                .bound(format!(
                    "a number from 1, or {SHORTEST_DIGEST} to 64 hexadecimal digits"
                )),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_dataset_and_perhaps_a_version() {
        let version = |text| ModelName::parse("model", text).unwrap().version;
        assert_eq!(version("cell"), Version::Reigning);
        assert_eq!(version("cell@latest"), Version::Reigning);
        assert_eq!(version("cell@7"), Version::Generation(7));
        assert_eq!(version("cell@0123abcd"), Version::Artifact("0123abcd".to_owned()));
        for text in ["", "a b", "cell@", "cell@0", "cell@-1", "cell@x", "../x", "cell/one"] {
            assert!(ModelName::parse("model", text).is_err(), "{text}");
        }
    }
}
