//! Runs the command in a directory of its own and reads what it prints.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use bytes::Bytes;
use contract::Digest;
use flits::harness::{Harness, Options};
use platform::Store;
use serde_json::Value;
use tempfile::TempDir;

/// A directory with a file to upload.
pub(crate) struct Workspace {
    pub(crate) dir: TempDir,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("load.csv"), csv(80)).unwrap();
        std::fs::write(dir.path().join("spec.toml"), SPEC).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Returns a command line that runs in this directory, with its data in `.flits`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flits"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts to serve the directory and returns when it is served.
    pub(crate) fn up(&self, arguments: &[&str]) -> Child {
        let mut all = vec!["up", "--json"];
        all.extend(arguments);
        let mut child = self
            .command(&all)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("\"up\""), "{line}");
        child
    }

    /// Serves the directory until an object has been written, for at most a minute.
    pub(crate) async fn up_until(&self, mut wanted: impl AsyncFnMut(&dyn Store) -> bool) {
        let mut server = self.up(&[]);
        let session = Harness::new(Options::new(&self.path(".flits")))
            .session()
            .await
            .unwrap();
        let waiting = async {
            while !wanted(session.platform.store.as_ref()).await {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_mins(1), waiting).await;
        server.kill().unwrap();
        server.wait().unwrap();
        session.close().await;
        assert!(ended.is_ok(), "nothing came of it");
    }

    /// Runs a command that prints a result, and returns it and whether the command succeeded.
    pub(crate) fn result(&self, arguments: &[&str]) -> (Value, bool) {
        let mut all = arguments.to_vec();
        all.push("--json");
        let output = self.output(&all);
        (result(&output), output.status.success())
    }

    /// Runs a command that fails, and returns what it says.
    pub(crate) fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Runs a command to its end and returns its output.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs `flits run … --json` to its end and returns the result.
    pub(crate) fn run(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["run"];
        all.extend(arguments);
        all.push("--json");
        let output = self.output(&all);
        let result = result(&output);
        assert_eq!(output.status.success(), result["ok"] == true, "{result}");
        result
    }

    /// Returns the digest of every object except ledgers and receipts, which contain times and versions.
    pub(crate) async fn results(&self) -> BTreeMap<String, Digest> {
        let objects = self.objects("").await.into_iter();
        let counts = |key: &str| !key.starts_with("jobs/") && !key.starts_with("uploads/");
        objects
            .filter(|(key, _)| counts(key))
            .map(|(key, bytes)| (key, Digest::of(&bytes)))
            .collect()
    }

    /// Returns every object whose key begins with a text.
    pub(crate) async fn objects(&self, prefix: &str) -> BTreeMap<String, Bytes> {
        let session = Harness::new(Options::new(&self.path(".flits")))
            .session()
            .await
            .unwrap();
        let objects = objects(session.platform.store.as_ref(), prefix).await;
        session.close().await;
        objects
    }
}

/// The members of a quick round.
const SPEC: &str = r#"
[window]
context = 4
[[models]]
kind = "naive"
[[models]]
kind = "linear"
[[models]]
kind = "gru"
hidden = 3
layers = 1
epochs = 2
"#;

/// Hours of a load with a daily cycle, a trend and one gap.
pub(crate) fn csv(hours: u32) -> String {
    let mut text = "time,load,users\n".to_owned();
    for hour in (0..hours).filter(|hour| *hour != 30) {
        let (day, time) = (1 + hour / 24, hour % 24);
        let load = 100 + hour + 7 * ((time * 5) % 24) + hour % 3;
        writeln!(text, "2024-03-{day:02} {time:02}:00:00,{load},{}", load / 3 + time % 4).unwrap();
    }
    text
}

/// Returns the last line, the result.
pub(crate) fn result(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let last = text.lines().last().unwrap_or_else(|| {
        panic!(
            "nothing was printed to standard output; to standard error: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let result: Value = serde_json::from_str(last).unwrap();
    assert_eq!(result["event"], "result", "{last}");
    result
}

/// Returns the stages of a result that were not reused, as `stage model`.
pub(crate) fn worked(result: &Value) -> Vec<String> {
    let stages = result["stages"].as_array().unwrap().iter();
    let fresh = stages.filter(|stage| stage["reused"] == false);
    let name = |stage: &Value| {
        format!(
            "{} {}",
            stage["stage"].as_str().unwrap(),
            stage["model"].as_str().unwrap_or_default()
        )
    };
    fresh.map(|stage| name(stage).trim_end().to_owned()).collect()
}

pub(crate) async fn objects(store: &dyn Store, prefix: &str) -> BTreeMap<String, Bytes> {
    let mut objects = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(prefix, after.as_deref(), 1000).await.unwrap();
        let Some(last) = page.last() else { return objects };
        after = Some(last.key.clone());
        for object in &page {
            let bytes = store.get(&object.key, 1 << 30).await.unwrap().bytes;
            objects.insert(object.key.clone(), bytes);
        }
    }
}
