//! `flits run` and `flits upload`.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Context as _;
use contract::text;
use indicatif::HumanBytes;
use platform::Link;

use super::{
    args::{RunArgs, SpecArgs, UploadArgs},
    follow::{Followed, Following, SENDING},
    interrupt::{INTERRUPTED, Interrupt},
    lengths, plot,
    print::{print, print_json},
    progress::Progress,
    request,
    result::{RunResult, StageResult, failure_text, scores_table},
};
use crate::{
    harness::{Harness, Options, Session},
    submit::{self, Prepared, Refused, SubmitError},
};

/// Uploads a file and follows it to its forecast.
///
/// # Errors
/// When the directory, the servers or the file cannot be used.
pub(super) async fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.plot {
        plot::Format::of(path)?;
    }
    let harness = Harness::new(
        Options::new(&args.at.dir)
            .elsewhere(args.at.elsewhere())
            .sets(&args.spec.sets)?
            .isolated(args.isolated)
            .pumping(),
    );
    let mut interrupt = Interrupt::listen()?;
    let mut progress = Progress::new(args.at.json);
    progress.upload("opens the directory");
    let session = harness.session().await?;
    let prepared = match prepare(&args.file, &args.spec, &session, &mut progress).await? {
        Ok(prepared) => prepared,
        Err(refused) => {
            print_result(&refused, args.at.json);
            session.close().await;
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut following = Following::new(prepared, progress, args, &session);
    let (followed, session) = following.until_the_end(&harness, session, &mut interrupt).await?;
    let code = match followed {
        Followed::Finished(result) => {
            print_result(&result, args.at.json);
            if result.ok {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Followed::Interrupted | Followed::Lost => {
            eprintln!("interrupted; the same command goes on from here");
            ExitCode::from(INTERRUPTED)
        }
    };
    session.close().await;
    Ok(code)
}

/// Uploads a file and returns at once.
///
/// # Errors
/// When the directory, the servers or the file cannot be used.
pub(super) async fn upload(args: &UploadArgs) -> anyhow::Result<ExitCode> {
    let options = Options::new(&args.at.dir).elsewhere(args.at.elsewhere());
    let harness = Harness::new(options.sets(&args.spec.sets)?);
    let mut progress = Progress::new(args.at.json);
    progress.upload("opens the directory");
    let session = harness.session().await?;
    let code = match prepare(&args.file, &args.spec, &session, &mut progress).await? {
        Ok(prepared) if args.link.is_some() => {
            let valid = Duration::from_mins(args.link.unwrap_or_default());
            let link = prepared.link(valid, &session.platform).await?;
            progress.uploaded(&prepared.upload.key());
            print_link(&link, &args.file, &prepared.upload.key(), args.at.json);
            ExitCode::SUCCESS
        }
        Ok(prepared) => {
            progress.upload(SENDING);
            prepared.upload(&session.platform).await?;
            let key = prepared.upload.key();
            progress.uploaded(&key);
            if args.at.json {
                print_json(&serde_json::json!({
                    "event": "uploaded", "key": key, "dataset": prepared.upload.dataset, "job": prepared.first.job,
                }));
            } else {
                let later = if session.is_holder() {
                    "; `flits up` or `flits run` goes on from here"
                } else {
                    ""
                };
                print(&format!("uploaded `{key}`{later}"));
            }
            ExitCode::SUCCESS
        }
        Err(refused) => {
            print_result(&refused, args.at.json);
            ExitCode::FAILURE
        }
    };
    session.close().await;
    Ok(code)
}

/// Prints a link as a command line that uses it.
fn print_link(link: &Link, file: &Path, key: &str, json: bool) {
    if json {
        print_json(
            &serde_json::json!({"event": "link", "key": key, "method": "PUT", "url": link.url, "headers": link.headers}),
        );
        return;
    }
    let file = file.to_string_lossy();
    let mut words = vec!["curl".to_owned(), "-T".to_owned(), file.into_owned()];
    for (name, value) in &link.headers {
        words.extend(["-H".to_owned(), format!("{name}: {value}")]);
    }
    words.push(link.url.clone());
    let words = shlex::try_join(words.iter().map(String::as_str));
    print(&words.unwrap_or_else(|_| link.url.clone()));
}

/// Checks whether the upload can be accepted. Returns the result to print where it is refused.
async fn prepare(
    file: &Path,
    args: &SpecArgs,
    session: &Session,
    progress: &mut Progress,
) -> anyhow::Result<Result<Prepared, Box<RunResult>>> {
    let mut size = 0;
    for path in std::iter::once(file).chain(args.test.as_deref()) {
        let found = std::fs::metadata(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        anyhow::ensure!(found.is_file(), "`{}` is not a file", path.display());
        size += found.len();
    }
    progress.upload(&format!("reads {} for its digest", HumanBytes(size)));
    let environment: Vec<_> = session.platform.host.overrides.clone().into_iter().collect();
    let submission = request::submission(file, args, &environment)?;
    match submit::prepare(&submission, &session.platform).await {
        Ok(prepared) => Ok(Ok(prepared)),
        Err(SubmitError::Refused(Refused(failure))) => {
            progress.uploaded("refused");
            let mut result = RunResult::new(&submission.dataset);
            result.failed.push(*failure);
            Ok(Err(Box::new(result)))
        }
        Err(error) => Err(error.into()),
    }
}

fn print_result(result: &RunResult, json: bool) {
    if json {
        return print_json(result);
    }
    let champion = result.champion.as_ref().map(|champion| champion.model.as_str());
    let mut lines = Vec::new();
    if !result.scores.is_empty() {
        lines.push(scores_table(&result.scores, &result.out, champion));
    }
    lines.extend(
        result
            .lengths
            .iter()
            .filter_map(|lengths| lengths::apart(lengths.scored, lengths.served)),
    );
    for (about, notice) in result.stages.iter().flat_map(StageResult::readable_notices) {
        lines.push(format!("  {about}: {notice}"));
    }
    if let Some(champion) = &result.champion {
        let digest = champion.digest.short();
        let refit = if champion.parent.is_some() {
            ", fitted again on all rows"
        } else {
            ""
        };
        lines.push(format!(
            "champion  {} ({digest}), generation {}{refit}",
            champion.model, champion.generation
        ));
    }
    lines.extend(result.forecast.iter().map(|key| format!("forecast  {key}")));
    lines.extend(result.plot.iter().map(|path| format!("plot      {path}")));
    lines.extend(result.plots.iter().map(|path| format!("          {path}")));
    lines.extend(
        result
            .unplotted
            .iter()
            .map(|why| format!("no plot: {}", text::lines(why))),
    );
    if !result.ok {
        lines.extend(result.failed.iter().map(failure_text));
        lines.extend(
            result
                .nobody
                .iter()
                .map(|why| format!("no champion: {}", text::lines(why))),
        );
        lines.extend(result.lost.iter().map(|why| text::lines(why).to_string()));
        lines.push(if result.lost.is_some() {
            "no forecast; the same command uploads it again".to_owned()
        } else {
            format!(
                "no forecast; a failure stays until data or spec change, `flits retry {}` or --force",
                text::plain(&result.dataset)
            )
        });
    }
    print(&lines.join("\n"));
}
