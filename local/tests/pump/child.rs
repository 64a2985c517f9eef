//! The child that the tests of the isolated invoker start: this test executable, which runs one of its tests.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

/// The words that start it.
pub(crate) fn command() -> String {
    let executable = std::env::current_exe().unwrap();
    let executable = shlex::try_quote(executable.to_str().unwrap()).unwrap().into_owned();
    format!("{executable} --exact child::serves_invocations_when_started_as_a_child --nocapture")
}

/// Does what the body of each message says. Outside a child it has nothing to do.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the environment says where the Runtime API listens"
)]
fn serves_invocations_when_started_as_a_child() {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        return;
    };
    // More invocations than any test makes.
    for _ in 0..100 {
        let (headers, event) = request(&api, "GET", "/2018-06-01/runtime/invocation/next", "");
        let header = |name: &str| {
            let found = headers
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            found.unwrap_or_default().to_owned()
        };
        let event: Value = serde_json::from_str(&event).unwrap();
        let record = &event["Records"][0];
        let answer = match record["body"].as_str().unwrap() {
            "die" => std::process::exit(7),
            "hang" => loop {
                std::thread::park();
            },
            "fail" => {
                let path = format!(
                    "/2018-06-01/runtime/invocation/{}/error",
                    header("lambda-runtime-aws-request-id")
                );
                request(
                    &api,
                    "POST",
                    &path,
                    r#"{"errorType":"Sad","errorMessage":"on purpose"}"#,
                );
                continue;
            }
            "refuse" => json!({ "batchItemFailures": [{ "itemIdentifier": record["messageId"] }] }),
            // Returns what it was given, in the one field of the answer.
            "tell" => {
                let told = json!({
                    "pid": std::process::id(),
                    "deadline_ms": header("lambda-runtime-deadline-ms"),
                    "arn": header("lambda-runtime-invoked-function-arn"),
                    "trace": header("lambda-runtime-trace-id"),
                    "function": std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap(),
                    "memory": std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").unwrap(),
                    "handed": std::env::var("HANDED_IN").unwrap(),
                });
                json!({ "batchItemFailures": [{ "itemIdentifier": told.to_string() }] })
            }
            _ => json!({ "batchItemFailures": [] }),
        };
        let path = format!(
            "/2018-06-01/runtime/invocation/{}/response",
            header("lambda-runtime-aws-request-id")
        );
        request(&api, "POST", &path, &answer.to_string());
    }
}

/// Makes one HTTP request on a connection of its own and returns headers and body.
fn request(api: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(api).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (headers, body) = answer.split_once("\r\n\r\n").unwrap();
    (headers.to_owned(), body.to_owned())
}
