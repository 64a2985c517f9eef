//! Requests that no SDK makes, and answers as they are on the wire.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{ACCESS_KEY, SECRET_KEY, Server};

/// Posts one operation, signed, and returns the status, the error code and the JSON of the answer.
pub(crate) async fn post(server: &Server, operation: &str, ask: &Value) -> (u16, String, Value) {
    let (host, body) = (server.endpoint.trim_start_matches("http://"), ask.to_string());
    let target = format!("AmazonSQS.{operation}");
    let mut headers = vec![
        ("host".to_owned(), host.to_owned()),
        ("x-amz-target".to_owned(), target),
    ];
    headers.extend(signature(host, &headers, body.as_bytes()));
    headers.push(("content-length".to_owned(), body.len().to_string()));
    headers.push(("connection".to_owned(), "close".to_owned()));
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = lines.collect::<Vec<_>>().concat();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("POST / HTTP/1.1\r\n{head}\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let code = head
        .lines()
        .find_map(|line| line.strip_prefix("x-amzn-query-error: ")?.split(';').next());
    let code = code.unwrap_or_default().to_owned();
    (status, code, serde_json::from_str(body).unwrap())
}

fn signature(host: &str, headers: &[(String, String)], body: &[u8]) -> Vec<(String, String)> {
    let identity = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sqs")
        .time(now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request = SignableRequest::new("POST", format!("http://{host}/"), headers, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a signature holds the time of day")]
fn now() -> SystemTime {
    SystemTime::now()
}
