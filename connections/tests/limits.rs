//! What a client may cost: heads, bodies and idle connections, over loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request, http::StatusCode, routing::post};
use connections::{Limits, Timeouts, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};

/// Long enough for a loopback answer on a busy machine, and a bound for what must come.
const AGES: Duration = Duration::from_mins(1);

struct Server {
    address: SocketAddr,
    /// Told when a handler begins.
    begun: Arc<Notify>,
    stop: watch::Sender<bool>,
    done: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let begun = Arc::new(Notify::new());
        let answer = {
            let begun = begun.clone();
            move |request: Request| async move {
                begun.notify_one();
                let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
                body.map_or((StatusCode::REQUEST_TIMEOUT, String::new()), |body| {
                    (StatusCode::OK, body.len().to_string())
                })
            }
        };
        let router = Router::new().route("/", post(answer));
        let done = tokio::spawn(serve(listener, router, limits, stopping));
        Self {
            address,
            begun,
            stop,
            done,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and returns all that comes back until the connection is closed.
    async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may close before it has read all.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(AGES, stream.read_to_end(&mut answer))
            .await
            .unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn quick() -> Limits {
    Limits {
        timeouts: Timeouts {
            headers: Duration::from_millis(200),
            body: Duration::from_millis(200),
        },
        head: 16 << 10,
        connections: 100,
    }
}

#[tokio::test]
async fn a_large_head_is_refused_and_a_slow_one_is_cut_off() {
    let server = Server::start(quick()).await;
    let large = format!("POST / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(10 << 20));
    let answer = server.send(large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    assert_eq!(server.send(b"POST / HTTP/1.1\r\nhost: x\r\n").await, "", "half a head");
    let whole = server
        .send(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab")
        .await;
    assert!(
        whole.starts_with("HTTP/1.1 200") && whole.ends_with('2'),
        "neighbours are undisturbed: {whole}"
    );
}

#[tokio::test]
async fn a_body_that_stands_still_is_cut_off() {
    let server = Server::start(quick()).await;
    let answer = server
        .send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nab")
        .await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn a_connection_above_the_bound_waits_until_one_is_closed() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let idle = server.connect().await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let mut second = server.connect().await;
    second.write_all(request).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), second.read_u8()).await;
    assert!(early.is_err(), "it is not served yet");
    drop(idle);
    let mut answer = String::new();
    tokio::time::timeout(AGES, second.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_lets_requests_finish() {
    let server = Server::start(Limits::default()).await;
    let _idle = server.connect().await;
    let mut under_way = server.connect().await;
    under_way
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na")
        .await
        .unwrap();
    server.begun.notified().await;
    server.stop.send_replace(true);
    under_way.write_all(b"b").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(AGES, under_way.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.ends_with('2'), "{answer}");
    tokio::time::timeout(AGES, server.done).await.unwrap().unwrap();
}
