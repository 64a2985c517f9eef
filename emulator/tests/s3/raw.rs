//! Requests that no SDK makes: signed by hand, sent as they are.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{House, KEY_ID, SECRET};

/// A request; fields that are not set have the simplest value.
pub(crate) struct Raw<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// The payload hash in the signature: `UNSIGNED-PAYLOAD` unless set.
    pub(crate) payload: &'a str,
    pub(crate) region: &'a str,
    pub(crate) body: &'a [u8],
}

impl Default for Raw<'_> {
    fn default() -> Self {
        Self {
            method: "GET",
            target: "/",
            headers: &[],
            payload: "UNSIGNED-PAYLOAD",
            region: "us-east-1",
            body: b"",
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.between("<Code>", "</Code>")
    }

    pub(crate) fn between(&self, start: &str, end: &str) -> &str {
        let after = self.body.split_once(start).map_or("", |(_, after)| after);
        after.split_once(end).map_or("", |(found, _)| found)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Raw<'_> {
    /// Sends the request with a signature and reads the answer to its end.
    pub(crate) async fn send(&self, house: &House) -> Answer {
        let mut stream = TcpStream::connect(address(house)).await.unwrap();
        let mut request = self.head(house).into_bytes();
        request.extend_from_slice(self.body);
        // A server that refuses by the head alone may close the connection before the body is sent.
        let _ = stream.write_all(&request).await;
        read(&mut stream).await
    }

    /// Returns the signed head of the request, up to the empty line.
    pub(crate) fn head(&self, house: &House) -> String {
        let host = address(house);
        let mut lines = vec![("host".to_owned(), host.to_owned())];
        lines.extend(
            self.headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let signed = self.sign(host, &lines);
        lines.extend(signed);
        let has_length = self.headers.iter().any(|(name, _)| *name == "content-length");
        if !has_length {
            lines.push(("content-length".to_owned(), self.body.len().to_string()));
        }
        lines.push(("connection".to_owned(), "close".to_owned()));
        let lines = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let lines = lines.collect::<Vec<_>>().concat();
        format!("{} {} HTTP/1.1\r\n{lines}\r\n", self.method, self.target)
    }

    fn sign(&self, host: &str, lines: &[(String, String)]) -> Vec<(String, String)> {
        let identity = Credentials::new(KEY_ID, SECRET, None, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("s3")
            .time(now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let headers = lines.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Precomputed(self.payload.to_owned());
        let request =
            SignableRequest::new(self.method, format!("http://{host}{}", self.target), headers, body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Reads an answer until the server closes the connection.
pub(crate) async fn read(stream: &mut TcpStream) -> Answer {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

pub(crate) fn address(house: &House) -> &str {
    house.emulator.s3_url.strip_prefix("http://").unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a signature holds the time of day")]
fn now() -> SystemTime {
    SystemTime::now()
}
