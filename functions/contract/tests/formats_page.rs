//! Whether `docs/formats.md` names the keys of the bucket and the fields of its documents as the code does.

use std::{collections::BTreeSet, fmt};

use contract::{
    CutDocument, Dataset, Dead, Digest, Entry, EventId, Failure, ForecastDocument, Latest, MemberName, Outcome, PartId,
    Receipt, Round, SelectDocument, keys,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
    forward_to_deserialize_any,
};

const PAGE: &str = include_str!("../../../docs/formats.md");

/// A deserializer that answers with the names of the fields that it is asked for.
struct Ask;

/// The names of a struct's fields, or nothing where another type was asked for.
#[derive(Debug)]
struct Asked(&'static [&'static str]);

impl<'de> Deserializer<'de> for Ask {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl std::error::Error for Asked {}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

fn fields<T: for<'de> Deserialize<'de> + fmt::Debug>() -> BTreeSet<&'static str> {
    let Asked(fields) = T::deserialize(Ask).expect_err("nothing is read");
    assert!(!fields.is_empty(), "a struct has fields");
    fields.iter().copied().collect()
}

/// The text between a heading and the next one.
fn section(heading: &str) -> &'static str {
    let start = PAGE.find(&format!("\n## {heading}\n")).expect("the heading is there") + 4;
    let length = PAGE[start..].find("\n## ").unwrap_or(PAGE.len() - start);
    &PAGE[start..start + length]
}

/// The words in backticks of a text, each without what follows its first `.`, `[` or `:`.
fn names(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split(['.', '[', ':']).next()).collect()
}

#[test]
fn the_page_names_every_field_of_every_document() {
    for (heading, fields) in [
        ("Cut", fields::<CutDocument>()),
        ("Artifact", fields::<forecast::About>()),
        ("Forecast", fields::<ForecastDocument>()),
        ("Forecast", fields::<SelectDocument>()),
        ("Forecast", fields::<Latest>()),
        ("Round, scores and champion", fields::<Round>()),
        ("Round, scores and champion", fields::<Outcome>()),
        ("Round, scores and champion", fields::<series::Scores>()),
        ("Round, scores and champion", fields::<Entry>()),
        ("Failure", fields::<Failure>()),
        ("Others", fields::<Receipt>()),
        ("Others", fields::<EventId>()),
        ("Others", fields::<Dead>()),
    ] {
        let named = names(section(heading));
        let missing: Vec<_> = fields.difference(&named).collect();
        assert!(missing.is_empty(), "{heading}: {missing:?} are missing");
    }
}

#[test]
fn a_table_of_fields_names_none_that_the_document_does_not_have() {
    for (heading, fields) in [
        ("Cut", fields::<CutDocument>()),
        ("Artifact", fields::<forecast::About>()),
        ("Forecast", fields::<ForecastDocument>()),
        ("Failure", fields::<Failure>()),
    ] {
        let rows = section(heading).lines().filter(|line| line.starts_with("| `"));
        for row in rows {
            let first = row.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
            for name in names(first) {
                assert!(
                    name.is_empty() || fields.contains(name),
                    "{heading}: `{name}` is no field"
                );
            }
        }
    }
}

#[test]
fn the_page_lists_every_key() {
    let (dataset, member) = ("DATASET".parse::<Dataset>(), MemberName::try_from("member".to_owned()));
    let (dataset, member) = (dataset.expect("a dataset"), member.expect("a member"));
    let (part, digest) = (PartId::WHOLE, Digest::of(b"object"));
    for key in [
        keys::spec(&dataset),
        keys::resolved(&dataset, digest),
        keys::receipt(digest),
        keys::clean(&dataset, part, digest),
        keys::cut(&dataset, part, digest),
        keys::artifact(&dataset, part, digest),
        keys::artifact_manifest(&dataset, part, digest),
        keys::checkpoint(&dataset, part, digest),
        keys::work(digest).replace(&digest.hex(), "{work}"),
        keys::ledger(digest).replace(&digest.hex(), "{job}"),
        keys::failed(digest).replace(&digest.hex(), "{job}"),
        keys::dead(digest),
        keys::round(&dataset, part, digest).replace(&digest.hex(), "{round}"),
        keys::outcome(&dataset, part, digest, &member).replace(&digest.hex(), "{round}"),
        keys::decision(&dataset, part, digest).replace(&digest.hex(), "{round}"),
        keys::champion_entry(&dataset, part, 1).replace("0000000001", "{generation}"),
        keys::champion_hint(&dataset, part),
        keys::forecast(&dataset, part, digest),
        keys::latest(&dataset, part),
    ] {
        let fan = format!("/{}/", &digest.hex()[..2]);
        let template = key
            .replace("DATASET", "{dataset}")
            .replace("0-of-1", "{part}")
            .replace(&digest.hex(), "{digest}")
            .replace("member.json", "{member}.json")
            .replace(&fan, "/{aa}/");
        assert!(PAGE.contains(&format!("| `{template}` |")), "`{template}` is missing");
    }
}
