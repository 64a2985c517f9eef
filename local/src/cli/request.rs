//! Turns a command line into a submission and the layers of a spec.

use std::{io::Read as _, path::Path};

use anyhow::{Context as _, ensure};
use contract::{
    Dataset, overrides,
    spec::{self, Layer},
};

use super::args::SpecArgs;
use crate::submit::Submission;

/// Reads the arguments. `--set` wins over the other flags. `environment` contains the predecessor's variables that are
/// set.
///
/// # Errors
/// When the spec file cannot be read or a `--set` is not `path=value`.
pub(super) fn submission(file: &Path, args: &SpecArgs, environment: &[(String, String)]) -> anyhow::Result<Submission> {
    Ok(Submission {
        dataset: dataset(file, args, environment),
        file: file.to_owned(),
        test: args.test.clone(),
        spec: spec_file(args)?,
        set: sets(args)?,
        force: args.force || overrides::force(environment),
    })
}

/// Returns the layers of a spec without reading a bucket. Later layers win.
///
/// # Errors
/// When the spec file cannot be read or a `--set` is not `path=value`.
pub(super) fn layers(args: &SpecArgs, environment: Vec<(String, String)>) -> anyhow::Result<Vec<Layer>> {
    let text = spec_file(args)?;
    let text = text.iter().map(|(name, text)| Layer::toml(name, text));
    let mut layers: Vec<_> = text
        .chain([Layer::environment(environment), Layer::set(sets(args)?)])
        .collect();
    if args.test.is_some() {
        layers.push(Layer::set([("split.holdout".to_owned(), "test-file".to_owned())]));
    }
    Ok(layers)
}

fn spec_file(args: &SpecArgs) -> anyhow::Result<Option<(String, String)>> {
    let Some(path) = &args.spec else { return Ok(None) };
    let unreadable = || format!("cannot read the spec file `{}`", path.display());
    let mut text = String::new();
    // One byte more than a spec may have is enough to refuse a longer file.
    let file = std::fs::File::open(path).with_context(unreadable)?;
    file.take(spec::MAX_TEXT as u64 + 1)
        .read_to_string(&mut text)
        .with_context(unreadable)?;
    ensure!(
        text.len() <= spec::MAX_TEXT,
        "the spec file `{}` has more than {} bytes",
        path.display(),
        spec::MAX_TEXT
    );
    Ok(Some((path.display().to_string(), text)))
}

/// Returns `--set` and the flags that stand for one, without `host.*`.
fn sets(args: &SpecArgs) -> anyhow::Result<Vec<(String, String)>> {
    let mut sets = Vec::new();
    for (key, columns) in [("data.targets", &args.target), ("data.exclude", &args.exclude)] {
        if let Some(columns) = columns {
            let names: Vec<&str> = columns.split(',').map(str::trim).collect();
            sets.push((key.to_owned(), serde_json::to_string(&names).context(key)?));
        }
    }
    sets.extend(args.time.clone().map(|time| ("data.time".to_owned(), time)));
    sets.extend(
        args.horizon
            .map(|horizon| ("forecast.horizon".to_owned(), horizon.to_string())),
    );
    let given: Vec<_> = args
        .sets
        .iter()
        .map(|set| spec::parse_set(set))
        .collect::<Result<_, _>>()?;
    sets.extend(spec::split_host(given).0);
    Ok(sets)
}

/// Returns the name of the dataset: as asked for, else as the predecessor's environment says, else the file's stem.
fn dataset(file: &Path, args: &SpecArgs, environment: &[(String, String)]) -> String {
    let asked = args.dataset.as_deref().or_else(|| overrides::dataset(environment));
    asked.map_or_else(|| of_stem(file), str::to_owned)
}

fn of_stem(file: &Path) -> String {
    let stem = |file: &Path| {
        file.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let packed = file
        .extension()
        .is_some_and(|extension| ["gz", "zst"].iter().any(|packed| extension == *packed));
    // `a.csv.gz` is a compressed `a.csv`.
    let stem = if packed {
        stem(Path::new(&stem(file)))
    } else {
        stem(file)
    };
    Dataset::from_stem(&stem).map_or(stem, String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> SpecArgs {
        SpecArgs {
            test: None,
            dataset: None,
            target: None,
            time: None,
            exclude: None,
            horizon: None,
            spec: None,
            sets: Vec::new(),
            force: false,
        }
    }

    #[test]
    fn flags_are_settings_and_set_wins_over_them() {
        let args = SpecArgs {
            target: Some("down, up".into()),
            horizon: Some(7),
            test: Some("any.csv".into()),
            sets: vec!["window.horizon=5".into(), "host.threads=1".into()],
            ..args()
        };
        let environment = [("SAMPLE_TRAIN_ROWS", "50"), ("SAMPLE_STRATEGY", "head")];
        let environment = environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        let spec = spec::resolve(&layers(&args, environment).unwrap()).unwrap();
        assert_eq!(spec.window.horizon, contract::spec::Choice::Given(5));
        assert_eq!(spec.forecast.horizon, contract::spec::Choice::Given(7));
        assert_eq!(
            spec.data.targets.given(),
            Some(&vec!["down".to_owned(), "up".to_owned()])
        );
        assert_eq!(spec.sample.rows, 50);
        assert!(spec.split.holdout.is_test_file());
    }

    #[test]
    fn the_dataset_is_asked_for_or_the_stem() {
        let environment = [("DATASET_NAME".to_owned(), "from-env".to_owned())];
        let named = SpecArgs {
            dataset: Some("asked".into()),
            ..args()
        };
        let file = Path::new("dir/my cell.v2.csv");
        let name = |args: &SpecArgs, environment| submission(file, args, environment).unwrap().dataset;
        assert_eq!(name(&named, &environment[..]), "asked");
        assert_eq!(name(&args(), &environment[..]), "from-env");
        assert_eq!(name(&args(), &[]), "my-cell.v2");
    }
}
