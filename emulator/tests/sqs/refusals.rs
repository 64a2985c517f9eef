//! Missing queues, signatures, and requests that no SDK makes.

use std::net::SocketAddr;

use aws_sdk_sqs::types::QueueAttributeName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{ACCESS_KEY, SECRET_KEY, Server, client, code};

#[tokio::test]
async fn a_missing_queue_is_known_as_such_to_every_operation() {
    const MISSING: &str = "AWS.SimpleQueueService.NonExistentQueue";
    let server = Server::start().await;
    let (client, url) = (&server.client, format!("{}/000000000000/none", server.endpoint));
    let got = client.get_queue_url().queue_name("none").send().await;
    assert!(
        got.as_ref()
            .unwrap_err()
            .as_service_error()
            .unwrap()
            .is_queue_does_not_exist()
    );
    let received = client.receive_message().queue_url(&url).send().await;
    assert!(
        received
            .as_ref()
            .unwrap_err()
            .as_service_error()
            .unwrap()
            .is_queue_does_not_exist()
    );
    let codes = [
        code(got),
        code(received),
        code(client.send_message().queue_url(&url).message_body("x").send().await),
        code(client.delete_message().queue_url(&url).receipt_handle("x").send().await),
        code(
            client
                .change_message_visibility()
                .queue_url(&url)
                .receipt_handle("x")
                .visibility_timeout(1)
                .send()
                .await,
        ),
        code(
            client
                .get_queue_attributes()
                .queue_url(&url)
                .attribute_names(QueueAttributeName::All)
                .send()
                .await,
        ),
        code(
            client
                .set_queue_attributes()
                .queue_url(&url)
                .attributes(QueueAttributeName::DelaySeconds, "1")
                .send()
                .await,
        ),
        code(client.purge_queue().queue_url(&url).send().await),
        code(client.delete_queue().queue_url(&url).send().await),
    ];
    assert_eq!(codes, [MISSING; 9]);
}

#[tokio::test]
async fn only_the_configured_key_is_let_in() {
    let server = Server::start().await;
    for (access_key, secret_key, expected) in [
        (ACCESS_KEY, SECRET_KEY, "fine"),
        (ACCESS_KEY, "wrong", "SignatureDoesNotMatch"),
        ("OTHER", SECRET_KEY, "InvalidClientTokenId"),
    ] {
        let client = client(&server.endpoint, access_key, secret_key);
        assert_eq!(
            code(client.list_queues().send().await),
            expected,
            "{access_key} {secret_key}"
        );
    }
    server.advance_s(16 * 60);
    assert_eq!(code(server.client.list_queues().send().await), "SignatureDoesNotMatch");
}

#[tokio::test]
async fn requests_that_are_unsigned_or_garbled_are_refused_in_the_services_words() {
    let server = Server::start().await;
    for (target, authorization, expected) in [
        ("AmazonSQS.ListQueues", "", "MissingAuthenticationToken"),
        (
            "AmazonSQS.ListQueues",
            "Authorization: Basic dTpw\r\n",
            "MissingAuthenticationToken",
        ),
        (
            "AmazonSQS.ListQueues",
            "Authorization: AWS4-HMAC-SHA256 Credential=TESTKEY/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=00\r\n",
            "SignatureDoesNotMatch",
        ),
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: {target}\r\n{authorization}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        let answer = raw(&server.endpoint, &request).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(
            answer.contains(&format!("x-amzn-query-error: {expected};Sender")),
            "{answer}"
        );
    }
}

async fn raw(endpoint: &str, request: &str) -> String {
    let address: SocketAddr = endpoint.trim_start_matches("http://").parse().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
