//! `flits config`: the resolved spec and the host's settings.

use anyhow::Context as _;
use contract::spec;
use platform::config::{Config, Sources};

use super::{
    args::ConfigArgs,
    print::{print, print_json},
    request,
};

/// Prints the resolved spec and the host's settings.
///
/// # Errors
/// When a layer of the spec or a setting cannot be read.
pub(super) fn config(args: &ConfigArgs) -> anyhow::Result<()> {
    let pairs = args
        .spec
        .sets
        .iter()
        .map(|set| spec::parse_set(set))
        .collect::<Result<Vec<_>, _>>()?;
    let mut sources = Sources::of_process(None)?;
    for (path, value) in spec::split_host(pairs).1 {
        sources = sources.set(&format!("host.{path}"), &value);
    }
    let host = Config::read(sources)?;
    let environment = host.host.overrides.clone().into_iter().collect();
    let spec = spec::resolve(&request::layers(&args.spec, environment)?)?;
    if args.json {
        print_json(&spec);
    } else {
        print(&format!(
            "# The resolved spec: --spec, {{dataset}}.toml and --set change it.\n{}",
            toml::to_string(&spec).context("the spec is no TOML")?
        ));
        print(&format!(
            "# The host: FLITS__SECTION__KEY and --set host.* change it.\n{}",
            host.effective()
        ));
    }
    Ok(())
}
