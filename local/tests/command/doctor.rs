//! What `flits doctor` finds, and what it leaves behind.

use std::path::Path;

use crate::flits::{Workspace, result};

#[tokio::test]
async fn the_check_of_the_store_leaves_nothing_behind() {
    let workspace = Workspace::new();
    let output = workspace.output(&["doctor", "--store", "--json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(result(&output)["ok"], true, "{text}");
    assert!(
        text.contains("40 rounds of 16 racing writers had one winner each\""),
        "{text}"
    );
    let objects = workspace.objects("").await;
    assert!(objects.is_empty(), "{:?}", objects.keys());
    assert_eq!(files(&workspace.path(".flits").join("blobs")), 0);
}

/// Counts the files below a directory; 0 where it does not exist.
fn files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let below = |path: &Path| if path.is_dir() { files(path) } else { 1 };
    entries.map(|entry| below(&entry.unwrap().path())).sum()
}
