//! `flits upload --link`: a signed address with which anybody uploads one file, and nothing else.

use serde_json::Value;

use crate::flits::Workspace;

#[tokio::test]
async fn a_link_uploads_one_file_with_its_spec_and_nothing_else() {
    let workspace = Workspace::new();
    let mut up = workspace.up(&[]);
    let output = workspace.output(&["upload", "load.csv", "--spec", "spec.toml", "--link", "5", "--json"]);
    let link: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(link["key"], "raw/load/load.csv");
    let client = reqwest::Client::new();
    let put = |url: &str, with_headers: bool| {
        let mut request = client.put(url).body(crate::flits::csv(80));
        let headers = link["headers"].as_object().unwrap();
        for (name, value) in headers.iter().filter(|_| with_headers) {
            request = request.header(name, value.as_str().unwrap());
        }
        request.send()
    };
    let url = link["url"].as_str().unwrap();
    assert_eq!(
        put(&url.replace("load.csv", "other.csv"), true).await.unwrap().status(),
        403
    );
    assert_eq!(put(url, false).await.unwrap().status(), 403, "the spec is signed too");
    assert!(workspace.objects("raw/").await.is_empty());
    assert_eq!(put(url, true).await.unwrap().status(), 200);
    let stored = workspace.objects("raw/").await;
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["raw/load/load.csv"]);
    up.kill().unwrap();
    up.wait().unwrap();
}
