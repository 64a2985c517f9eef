//! Servers that stand elsewhere: S3 and SQS of AWS, or any others that speak their protocols.

use std::str::FromStr;

use contract::text;
use platform::config::{Config, Sources};

/// Where the bucket is: `s3://BUCKET` on AWS, else `http(s)://HOST[:PORT][/BUCKET]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    /// The server; empty for AWS.
    endpoint: String,
    /// The bucket; `None` for the configured one.
    bucket: Option<String>,
}

/// Where the queues are: `https://sqs.REGION.amazonaws.com` on AWS, else `http(s)://HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrl {
    /// The server; empty for AWS.
    endpoint: String,
    /// The region, where the URL names it.
    region: Option<String>,
}

/// What of the servers a command line names; the configuration says the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Servers {
    /// The server of the bucket.
    pub store: Option<StoreUrl>,
    /// The server of the queues.
    pub queue: Option<QueueUrl>,
}

/// A URL that names no server.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {form}", text::plain(url))]
pub struct UrlError {
    url: String,
    form: &'static str,
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError {
            url: url.to_owned(),
            form: "`s3://BUCKET` or `http(s)://HOST[:PORT][/BUCKET]`",
        };
        if let Some(bucket) = url.strip_prefix("s3://") {
            let bucket = bucket.trim_end_matches('/');
            return if bucket.is_empty() || bucket.contains('/') {
                Err(wrong())
            } else {
                Ok(Self {
                    endpoint: String::new(),
                    bucket: Some(bucket.to_owned()),
                })
            };
        }
        let (endpoint, path) = server(url).ok_or_else(wrong)?;
        if path.contains('/') {
            return Err(wrong());
        }
        let bucket = Some(path.to_owned()).filter(|path| !path.is_empty());
        Ok(Self { endpoint, bucket })
    }
}

impl FromStr for QueueUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError {
            url: url.to_owned(),
            form: "`https://sqs.REGION.amazonaws.com` or `http(s)://HOST[:PORT]`",
        };
        let (endpoint, path) = server(url).ok_or_else(wrong)?;
        if !path.is_empty() {
            return Err(wrong());
        }
        let host = endpoint.strip_prefix("https://sqs.");
        let region = host
            .and_then(|host| host.split_once(".amazonaws.com"))
            .map(|(region, _)| region);
        Ok(match region {
            Some(region) => Self {
                endpoint: String::new(),
                region: Some(region.to_owned()),
            },
            None => Self { endpoint, region: None },
        })
    }
}

/// Divides `http(s)://HOST[:PORT]/PATH` into the server and the path, without slashes at the ends.
fn server(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_server = matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains(['?', '#', '@']);
    is_server.then(|| (format!("{scheme}://{host}"), path.trim_end_matches('/')))
}

impl Servers {
    /// Returns the servers, or `None` where a command line names none of them.
    #[must_use]
    pub fn named(store: Option<StoreUrl>, queue: Option<QueueUrl>) -> Option<Self> {
        let named = store.is_some() || queue.is_some();
        named.then_some(Self { store, queue })
    }

    /// Returns the configuration of this process on these servers. `host` holds `host.*` settings without their prefix.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn config(&self, host: &[(String, String)]) -> anyhow::Result<Config> {
        let mut sources = Sources::of_process(None)?;
        for (path, value) in self.settings() {
            sources = sources.set(&path, &value);
        }
        for (path, value) in host {
            sources = sources.set(&format!("host.{path}"), value);
        }
        Ok(Config::read(sources)?)
    }

    /// Returns the settings that the URLs stand for. An empty endpoint is AWS, whatever the environment says.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = Vec::new();
        let mut set = |path: &str, value: &str| settings.push((path.to_owned(), value.to_owned()));
        if let Some(StoreUrl { endpoint, bucket }) = &self.store {
            set("store.endpoint", endpoint);
            if let Some(bucket) = bucket {
                set("store.bucket", bucket);
            }
        }
        if let Some(QueueUrl { endpoint, region }) = &self.queue {
            set("queue.endpoint", endpoint);
            if let Some(region) = region {
                set("queue.region", region);
                // A bucket notifies queues of its own region only.
                set("store.region", region);
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(store: &str, queue: &str) -> Vec<(String, String)> {
        let servers = Servers::named(Some(store.parse().unwrap()), Some(queue.parse().unwrap()));
        servers.unwrap().settings()
    }

    #[test]
    fn a_url_says_server_bucket_and_region() {
        for (store, queue, expected) in [
            (
                "s3://measurements",
                "https://sqs.eu-central-1.amazonaws.com",
                "store.endpoint= store.bucket=measurements queue.endpoint= queue.region=eu-central-1 \
                 store.region=eu-central-1",
            ),
            (
                "http://127.0.0.1:9000/flits/",
                "http://127.0.0.1:9324/",
                "store.endpoint=http://127.0.0.1:9000 store.bucket=flits queue.endpoint=http://127.0.0.1:9324",
            ),
            (
                "https://minio.example",
                "https://sqs.cn-north-1.amazonaws.com.cn",
                "store.endpoint=https://minio.example queue.endpoint= queue.region=cn-north-1 store.region=cn-north-1",
            ),
        ] {
            let settings = settings(store, queue);
            let settings: Vec<_> = settings.iter().map(|(path, value)| format!("{path}={value}")).collect();
            assert_eq!(settings.join(" "), expected, "{store} {queue}");
        }
    }

    #[test]
    fn a_url_of_nothing_is_refused() {
        for url in [
            "",
            "flits",
            "s3://",
            "s3://a/b",
            "http://",
            "ftp://host",
            "http://host/a/b",
            "http://u:p@host",
        ] {
            let error = url.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains("s3://BUCKET"), "{url}: {error}");
        }
        for url in ["", "flits-preprocess", "http://host/queue", "sqs://host"] {
            let error = url.parse::<QueueUrl>().unwrap_err().to_string();
            assert!(error.contains("amazonaws.com"), "{url}: {error}");
        }
    }
}
