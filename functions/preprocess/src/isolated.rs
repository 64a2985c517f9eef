//! Reads files in a child process: the request, the answer, and the reading itself, which is the same when this host
//! starts no children.

use std::{process::ExitCode, sync::Once};

use bytes::Bytes;
use contract::{CleanFacts, PreprocessTask, Spec};
use platform::{
    Host, Job,
    child::{self, ChildError, Death, Program, Running},
    threads,
};
use serde::{Deserialize, Serialize};

use crate::{
    clean::{Recipe, clean},
    error::PreprocessError,
    limits::{self, Limits},
    raw::File,
    refusal::{Problem, Refusal},
};

/// The name of the task in the child's arguments.
const TASK: &str = "preprocess";

/// The result of reading: the facts, and the bytes of the clean part.
pub(crate) struct Cleaned {
    pub(crate) facts: CleanFacts,
    pub(crate) part: Bytes,
}

/// How the reading ended, if not with an error.
#[expect(clippy::large_enum_variant, reason = "made once per attempt")]
pub(crate) enum Ending {
    Cleaned(Cleaned),
    /// It was time to stop.
    Stopped,
}

/// The first part of the request; the files follow.
#[derive(Serialize, Deserialize)]
struct Request {
    spec: Spec,
    limits: Limits,
    threads: usize,
    /// The names of the files, in their order.
    names: Vec<String>,
}

/// The first part of the answer; the clean part follows.
#[expect(clippy::large_enum_variant, reason = "made once per file")]
#[derive(Serialize, Deserialize)]
enum Answer {
    Cleaned(CleanFacts),
    Refused(Refusal),
}

/// Reads files when this process was started for it, and returns the exit code; `None` in any other process. Call it
/// first in `main`.
#[must_use]
pub fn child() -> Option<ExitCode> {
    child::answer(TASK, answer)
}

/// Starts the child that will read files of `bytes` in all; `None` when this host starts no children.
pub(crate) fn start(program: Option<&Program>, bytes: u64, host: &Host) -> Result<Option<Running>, PreprocessError> {
    let Some(program) = program else { return Ok(None) };
    match child::start(program, TASK, limits::bounds(host, bytes)) {
        Ok(reader) => Ok(Some(reader)),
        Err(ChildError::Unable(error)) => {
            tell_once(&error);
            Ok(None)
        }
        Err(error) => Err(PreprocessError::Child(error)),
    }
}

/// Reads the files of a job in a child, or in this process when there is none.
pub(crate) async fn read(
    reader: Option<Running>,
    files: Vec<File>,
    keys: &[String],
    job: &Job<PreprocessTask>,
    host: &Host,
) -> Result<Ending, PreprocessError> {
    if let Some(reader) = reader {
        return match in_child(reader, &files, keys, job, host).await {
            Err(PreprocessError::Child(ChildError::Stopped)) => Ok(Ending::Stopped),
            made => made.map(Ending::Cleaned),
        };
    }
    let (limits, threads, spec) = (Limits::of(host), host.threads, job.spec.clone());
    threads::run_blocking(move || make(files, &spec, limits, threads))
        .await
        .map(Ending::Cleaned)
}

/// Reads files. The same in any process.
fn make(files: Vec<File>, spec: &Spec, limits: Limits, threads: usize) -> Result<Cleaned, PreprocessError> {
    let recipe = Recipe {
        data: &spec.data,
        calendar: spec.clean.calendar,
        limits,
        threads,
    };
    let mut files = files.into_iter();
    let data_file = files.next().unwrap_or_default();
    let (table, report) = clean(data_file, files.next(), &recipe)?;
    let (part, clean) = part::write(&table)?;
    let facts = CleanFacts {
        clean,
        rows: table.axis.len,
        columns: table.columns.len(),
        test_start: table.test_start,
        axis: table.axis,
        report,
    };
    Ok(Cleaned {
        facts,
        part: part.into(),
    })
}

async fn in_child(
    reader: Running,
    files: &[File],
    keys: &[String],
    job: &Job<PreprocessTask>,
    host: &Host,
) -> Result<Cleaned, PreprocessError> {
    let request = Request {
        spec: job.spec.as_ref().clone(),
        limits: Limits::of(host),
        threads: host.threads,
        names: files.iter().map(|file| file.name.clone()).collect(),
    };
    let request = platform::documents::json("the request to a child", &request)?;
    let parts: Vec<Bytes> = std::iter::once(request)
        .chain(files.iter().map(|file| file.bytes.clone()))
        .collect();
    let died = |death| {
        let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        PreprocessError::Died {
            files: keys.join(" and "),
            death,
        }
    };
    let answer = reader.ask(&parts, &job.stop).await;
    let answer = answer.map_err(|error| match error {
        ChildError::Died(death) => died(death),
        error => PreprocessError::Child(error),
    })?;
    let said = answer.first().map(|said| serde_json::from_slice::<Answer>(said));
    match (said, answer.get(1)) {
        (Some(Ok(Answer::Cleaned(facts))), Some(part)) => Ok(Cleaned {
            facts,
            part: part.clone(),
        }),
        (Some(Ok(Answer::Refused(refusal))), _) => Err(PreprocessError::Refused(refusal)),
        (Some(Err(error)), _) => Err(died(Death::Silent(error.to_string()))),
        (None | Some(Ok(Answer::Cleaned(_))), _) => Err(died(Death::Silent("a part of it is missing".to_owned()))),
    }
}

/// Does the child's work.
fn answer(parts: Vec<Bytes>) -> Vec<Bytes> {
    let mut parts = parts.into_iter();
    let request = parts.next().unwrap_or_default();
    let request: Request = serde_json::from_slice(&request).expect("the parent has written it, from the same program");
    let files = request.names.into_iter().zip(parts);
    let files = files.map(|(name, bytes)| File { name, bytes }).collect();
    let (answer, part) = match make(files, &request.spec, request.limits, request.threads) {
        Ok(Cleaned { facts, part }) => (Answer::Cleaned(facts), part),
        Err(PreprocessError::Refused(refusal)) => (Answer::Refused(refusal), Bytes::new()),
        Err(error) => {
            let problem = Problem::new(platform::error::chain(&error));
            (Answer::Refused(problem.into()), Bytes::new())
        }
    };
    let said = contract::canonical(&answer).expect("facts and refusals hold counts and texts");
    vec![said.into(), part]
}

/// Logs once that files are read in this process, because that depends on the host and not on a file.
fn tell_once(error: &std::io::Error) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tracing::warn!(
            %error,
            "this host starts no child processes: uploads are checked and read in this one, which a hostile file can end"
        );
    });
}
