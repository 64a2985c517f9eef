//! Turns layers of raw text into a checked spec.

use super::{
    data,
    layer::Layer,
    models,
    problem::{Fault, Problems, SpecErrors},
    read,
    resolved::Spec,
    sections,
    tree::Tree,
};

/// `--set` pairs: dotted paths and values.
type Pairs = Vec<(String, String)>;

/// The keys at the top of a spec, for messages about unknown ones.
const SECTIONS: &str = "salt, data, clean, split, sample, window, forecast, promote, models";

/// Resolves layers into a spec. A later layer wins over an earlier one, and every layer over the defaults.
///
/// Time and memory are proportional to the text, of which a layer has at most [`MAX_TEXT`](super::MAX_TEXT) bytes: tens of
/// milliseconds.
///
/// # Errors
/// Lists the problems of all layers: texts that are too large or cannot be read, unknown keys, values out of range, and
/// settings that are not supported yet. At most 100 problems are described, the others are counted.
pub fn resolve(layers: &[Layer]) -> Result<Spec, SpecErrors> {
    let mut problems = Problems::default();
    let mut tree = Tree::new();
    for layer in layers {
        layer.merge_into(&mut tree, &mut problems);
    }
    check(tree, problems)
}

/// Splits a `--set` argument, `path=value`, into path and value.
///
/// # Errors
/// Fails if the argument has no `=` or no path before it.
pub fn parse_set(argument: &str) -> Result<(String, String), SpecErrors> {
    match argument.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok((path.trim().to_owned(), value.trim().to_owned())),
        _ => {
            let mut problems = Problems::default();
            let what = "is not `path=value`, for example `window.context=24`".to_owned();
            problems.add("--set", argument, "", Fault::Syntax(what));
            Err(problems.into_errors())
        }
    }
}

/// Splits `--set` pairs into those of the spec and those of the host.
///
/// The second list holds the `host.*` pairs, without that prefix: they configure a host and are part of no spec.
#[must_use]
pub fn split_host(sets: Pairs) -> (Pairs, Pairs) {
    let (host, spec): (Pairs, Pairs) = sets.into_iter().partition(|(path, _)| path.starts_with("host."));
    let host = host
        .into_iter()
        .map(|(path, value)| (path["host.".len()..].to_owned(), value));
    (spec, host.collect())
}

/// Reads every section of the merged layers into its checked type.
pub(super) fn check(mut tree: Tree, mut problems: Problems) -> Result<Spec, SpecErrors> {
    let (fields, problems_found) = (&mut tree.fields, &mut problems);
    let window = sections::window(fields, problems_found);
    let spec = Spec {
        salt: sections::salt(fields, problems_found),
        data: data::read(fields, problems_found),
        clean: sections::clean(fields, problems_found),
        split: sections::split(fields, problems_found),
        sample: sections::sample(fields, problems_found),
        forecast: sections::forecast(fields, &window, problems_found),
        window,
        promote: sections::promote(fields, problems_found),
        models: models::read(tree.models, &tree.models_origin, problems_found),
    };
    read::unknown_fields("", &tree.fields, SECTIONS, problems_found);
    if problems.is_empty() {
        Ok(spec)
    } else {
        Err(problems.into_errors())
    }
}
