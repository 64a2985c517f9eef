//! The command line of a function.

use std::path::PathBuf;

const USAGE: &str = "usage: [--config FILE] [EVENT_FILE | - | --drain QUEUE]";

/// The parsed command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Arguments {
    pub(super) config: Option<PathBuf>,
    pub(super) asked: Asked,
}

/// What a function is asked to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// Whatever its host says.
    Nothing,
    /// Handle the event in a file, or on standard input.
    Event(Option<PathBuf>),
    /// Empty a queue: its URL, or the name of the stage's own queue.
    Drain(String),
}

impl Arguments {
    pub(super) fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut parsed = Self {
            config: None,
            asked: Asked::Nothing,
        };
        while let Some(argument) = arguments.next() {
            let asked = match argument.as_str() {
                "--config" => {
                    let file = arguments.next();
                    let file = file.ok_or_else(|| anyhow::anyhow!("`--config` wants a file"))?;
                    parsed.config = Some(PathBuf::from(file));
                    continue;
                }
                "--drain" => {
                    let queue = arguments.next();
                    Asked::Drain(queue.ok_or_else(|| anyhow::anyhow!("`--drain` wants the URL of a queue"))?)
                }
                "-" => Asked::Event(None),
                flag if flag.starts_with('-') => anyhow::bail!("`{flag}` is not known; {USAGE}"),
                file => Asked::Event(Some(PathBuf::from(file))),
            };
            anyhow::ensure!(
                parsed.asked == Asked::Nothing,
                "`{argument}`: one thing is done at a time; {USAGE}"
            );
            parsed.asked = asked;
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn one_thing_is_asked_at_a_time() {
        let asked = |line| parse(line).unwrap().asked;
        assert_eq!(asked(""), Asked::Nothing);
        assert_eq!(asked("-"), Asked::Event(None));
        assert_eq!(asked("--config c.toml e.json"), Asked::Event(Some("e.json".into())));
        assert_eq!(
            asked("--drain http://127.0.0.1/q"),
            Asked::Drain("http://127.0.0.1/q".to_owned())
        );
        for (line, expected) in [
            ("--config", "wants a file"),
            ("--drain", "wants the URL"),
            ("--drian x", "not known"),
            ("a.json b.json", "one thing"),
            ("a.json --drain q", "one thing"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
