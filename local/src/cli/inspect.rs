//! `flits inspect`: how a file is understood, and every problem in it.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use contract::{Spec, spec, text};
use platform::{
    config::{Config, Sources},
    threads,
};
use preprocess::{File, Inspection, Limits, Recipe};
use serde_json::json;

use super::{
    args::InspectArgs,
    print::{print, print_json},
    request,
};

/// Reads a file as `preprocess` would, and prints how it is understood.
///
/// # Errors
/// When the file or a setting cannot be read.
pub(super) async fn inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let host = Config::read(Sources::of_process(None)?)?.host;
    let environment = host.overrides.clone().into_iter().collect();
    let spec = spec::resolve(&request::layers(&args.spec, environment)?)?;
    let file = read(&args.file, host.max_upload)?;
    let test = args
        .spec
        .test
        .as_deref()
        .map(|test| read(test, host.max_upload))
        .transpose()?;
    let name = file.name.clone();
    let (limits, count) = (Limits::of(&host), host.threads);
    let inspected = threads::run_blocking(move || look(file, test, &spec, limits, count)).await;
    if args.json {
        print_json(&as_json(&name, &inspected));
    } else {
        print(&as_text(&name, &inspected));
    }
    let refused = !inspected.problems.is_empty();
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn look(file: File, test: Option<File>, spec: &Spec, limits: Limits, threads: usize) -> Inspection {
    let recipe = Recipe {
        data: &spec.data,
        calendar: spec.clean.calendar,
        limits,
        threads,
    };
    preprocess::inspect(file, test, &recipe)
}

fn read(path: &Path, bound: u64) -> anyhow::Result<File> {
    let unreadable = || format!("cannot open `{}`", path.display());
    let found = std::fs::metadata(path).with_context(unreadable)?;
    anyhow::ensure!(found.is_file(), "`{}` is not a file", path.display());
    let have = found.len();
    anyhow::ensure!(
        have <= bound,
        "`{}` has {have} bytes, at most {bound} are read",
        path.display()
    );
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(File {
        name: name.unwrap_or_default(),
        bytes: std::fs::read(path).with_context(unreadable)?.into(),
    })
}

fn as_json(file: &str, inspected: &Inspection) -> serde_json::Value {
    let Inspection { report, rows, problems } = inspected;
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| {
            let place = &problem.place;
            json!({
                "message": problem.message, "row": place.row, "column": place.column, "value": place.value,
                "bound": place.bound,
            })
        })
        .collect();
    let mut counts = json!(report);
    let understood = counts.as_object_mut().and_then(|counts| counts.remove("understood"));
    let mut said = json!({
        "event": "inspected", "file": file, "ok": problems.is_empty(), "rows": rows, "series": 1, "counts": counts,
        "problems": problems,
    });
    if let (Some(said), Some(serde_json::Value::Object(understood))) = (said.as_object_mut(), understood) {
        said.extend(understood);
        said.insert("notices".to_owned(), json!(report.notices()));
    }
    said
}

fn as_text(file: &str, inspected: &Inspection) -> String {
    let Inspection { report, rows, problems } = inspected;
    let understood = &report.understood;
    let layout = &understood.layout;
    let mut lines = vec![format!("file       {}", text::plain(file))];
    let mut line = |what: &str, said: String| {
        if !said.is_empty() {
            lines.push(format!("{what:10} {}", text::plain(&said)));
        }
    };
    let parts = [&layout.format, &layout.compression, &layout.encoding];
    let mut format: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).cloned().collect();
    if !layout.delimiter.is_empty() {
        format.push(format!("delimiter `{}`", layout.delimiter));
    }
    if layout.format == "CSV" {
        format.push(match layout.header_rows {
            0 => "no header".to_owned(),
            1 => "1 header row".to_owned(),
            rows => format!("{rows} header rows"),
        });
    }
    if layout.skipped_rows > 0 {
        format.push(format!(
            "{} above it skipped",
            text::counted(layout.skipped_rows, "row")
        ));
    }
    line("format", format.join(", "));
    let left_out = layout
        .left_out_examples
        .iter()
        .map(|row| format!("row {} `{}`", row.row, row.text));
    let left_out: Vec<_> = left_out.collect();
    if layout.left_out_rows > 0 {
        line(
            "no data",
            format!(
                "{}: {}",
                text::counted(layout.left_out_rows, "row"),
                left_out.join(", ")
            ),
        );
    }
    let time = &understood.time;
    if report.rows_read > 0 {
        let columns = if time.columns.is_empty() {
            "none".to_owned()
        } else {
            time.columns.join(" and ")
        };
        let zone = if time.zone.is_empty() {
            String::new()
        } else {
            format!(", zone {}", time.zone)
        };
        line("time", format!("{columns}, as {}{zone}", time.format));
    }
    if *rows > 0 {
        let gaps = report.gaps;
        line(
            "rows",
            format!("{} read, {rows} steps, {gaps} of them without a row", report.rows_read),
        );
        line("series", "1".to_owned());
        line("step", format!("{}, season {}", understood.step, understood.season));
        line(
            "from, to",
            format!("{} to {}, next {}", understood.first, understood.last, understood.next),
        );
        line("targets", understood.targets.join(", "));
        line("inputs", understood.inputs.join(", "));
        line("known", understood.known.join(", "));
        for left in &understood.left_out {
            line("left out", format!("{}: {}", left.column, left.why));
        }
        let missing: Vec<_> = report
            .missing
            .iter()
            .map(|(column, count)| format!("{column} {count}"))
            .collect();
        line("missing", missing.join(", "));
    }
    for notice in report.handled() {
        line("note", notice);
    }
    for problem in problems {
        line("problem", problem.message.clone());
    }
    lines.join("\n")
}
