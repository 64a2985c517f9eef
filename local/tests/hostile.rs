//! The command and hostile files: it reads them in a child process and survives them.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
};

fn run(directory: &Path, file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flits"));
    command.arg("run").arg(file).arg("--dir").arg(directory.join("state"));
    let settings = ["host.memory=256MiB", "window.horizon=2"];
    command.args(settings.iter().flat_map(|set| ["--set", set]));
    command.output().expect("the command is built")
}

#[test]
fn a_hostile_file_ends_the_run_in_words_and_the_next_good_file_is_forecast() {
    let directory = tempfile::tempdir().unwrap();
    for (wanted, expected) in [
        (
            "21 bytes that announce 2 billion columns",
            "a.parquet cannot be read as Parquet: its footer is damaged",
        ),
        (
            "a text of 400 KB in every of 60,000 rows",
            "reading `raw/a/a.parquet` needed more than 256 MiB of memory",
        ),
    ] {
        let (_, name, bytes) = testing::hostile::files()
            .into_iter()
            .find(|(name, ..)| name == wanted)
            .unwrap();
        let file = directory.path().join(name);
        fs::write(&file, bytes).unwrap();
        let ended = run(directory.path(), &file);
        let said = String::from_utf8_lossy(&ended.stdout);
        assert_eq!(ended.status.code(), Some(1), "{wanted}: {said}");
        assert!(said.contains(expected), "{wanted}: {said}");
    }
    let good = directory.path().join("b.csv");
    let mut rows = "time,load\n".to_owned();
    for day in 1..=28 {
        writeln!(rows, "2024-01-{day:02},{}", day * day % 7).unwrap();
    }
    fs::write(&good, rows).unwrap();
    let ended = run(directory.path(), &good);
    assert!(ended.status.success(), "{ended:?}");
}
