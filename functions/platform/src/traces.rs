//! Traces over OTLP: one trace from an upload to its forecast, whose id every message carries.
//!
//! # Source
//! OpenTelemetry, "OTLP/HTTP" (binary protobuf) and "OTLP Exporter Configuration".

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _},
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// The name under which spans are sent.
const SERVICE: &str = "flits";

/// Sends the spans of this process. What is not sent yet is sent when this value is dropped.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Makes a sender to an endpoint such as `http://127.0.0.1:4318`. Call it on the runtime that sends.
    ///
    /// # Errors
    /// When the endpoint is not a URL.
    pub(crate) fn to(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let client = Client {
            client: reqwest::Client::new(),
            runtime: Handle::current(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name(SERVICE).build());
        Ok(Self(provider.build()))
    }

    /// Returns the layer that records spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer(SERVICE))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::debug!(error = &error as &dyn std::error::Error, "the last spans were not sent");
        }
    }
}

/// Makes a span part of the trace that a message carries. All spans of a trace have the same parent, which nobody sends: a
/// message does not say which job sent it.
pub(crate) fn join(span: &Span, trace: &str) {
    let ids = (TraceId::from_hex(trace), trace.get(16..).map(SpanId::from_hex));
    if let (Ok(trace), Some(Ok(parent))) = ids {
        let remote = SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, TraceState::default());
        // Without a layer that records spans there is nothing to join.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
}

/// The exporter runs on a thread of its own, which has no runtime.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = self.runtime.spawn(async move {
            let answer = client.execute(request.try_into()?).await?;
            let response = http::Response::builder().status(answer.status());
            Ok::<_, HttpError>(response.body(answer.bytes().await?)?)
        });
        sending.await?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Router, extract::State, routing::post};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_arrive_under_the_trace_that_a_message_carries() {
        let arrived: Arc<Mutex<Vec<u8>>> = Arc::default();
        let take = |State(arrived): State<Arc<Mutex<Vec<u8>>>>, body: Bytes| async move {
            arrived.lock().unwrap().extend_from_slice(&body);
        };
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(arrived.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let trace = "0af7651916cd43dd8448eb211c80319c";
        let traces = Traces::to(&endpoint).unwrap();
        let subscriber = tracing_subscriber::registry().with(traces.layer());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("walk", job = "a job");
            join(&span, trace);
            let _entered = span.enter();
        });
        tokio::task::spawn_blocking(|| drop(traces)).await.unwrap();

        let sent = arrived.lock().unwrap();
        let holds = |needle: &[u8]| sent.windows(needle.len()).any(|window| window == needle);
        assert!(holds(&hex::decode(trace).unwrap()), "the id of the trace");
        assert!(holds(b"walk") && holds(b"a job"), "the span and its fields");
    }
}
