//! Start and stop: both servers on loopback, over one store.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use connections::{Limits, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engine::{self, Engine, EngineError};
use crate::quiet;
use crate::s3::{self, Store};
use crate::settings::Settings;
use crate::sqs::{self, Queues};

/// How long requests in flight may take to end when the servers stop.
const GRACE: Duration = Duration::from_secs(5);

/// Where the servers listen. Port 0 means any free one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// The address of the S3 server.
    pub s3: SocketAddr,
    /// The address of the SQS server.
    pub sqs: SocketAddr,
}

impl Default for Addresses {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { s3: any, sqs: any }
    }
}

/// Why an emulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not loopback, so other machines could reach it.
    #[error("the embedded servers listen on loopback only, not on {address}")]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address is not free.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store exists and cannot be read.
    #[error("the store {} is damaged; put a copy of its folder back, or move the folder away to begin anew", path.display())]
    Damaged {
        /// The file of the database.
        path: PathBuf,
        /// What was wrong; `None` where the database panicked while it read the file.
        #[source]
        source: Option<Box<StartError>>,
    },
    /// The store cannot be opened.
    #[error("cannot open the store")]
    Engine(#[from] EngineError),
    /// The tables of the S3 server cannot be opened.
    #[error("cannot open the objects of the store")]
    S3(#[from] s3::Error),
    /// The tables of the SQS server cannot be opened.
    #[error("cannot open the queues of the store")]
    Sqs(#[from] sqs::Error),
}

/// An S3 and an SQS server over one directory. They serve until this value is dropped or stopped.
pub struct Emulator {
    /// The endpoint of the S3 server, such as `http://127.0.0.1:4566`. Clients must use path-style addresses.
    pub s3_url: String,
    /// The endpoint of the SQS server.
    pub sqs_url: String,
    engine: Engine,
    objects: Store,
    queues: Arc<Queues>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
}

impl Emulator {
    /// Opens a directory, creates what is missing in it, and serves it. `settings` holds the pair of keys that both
    /// servers ask for.
    ///
    /// Messages that were in flight are visible again at once: their receivers were clients of a server that is gone.
    ///
    /// # Errors
    /// When an address is not loopback or not free, or the directory cannot be used or is in use.
    pub async fn start(dir: &Path, addresses: Addresses, settings: Settings) -> Result<Self, StartError> {
        let (s3, sqs) = (listen(addresses.s3).await?, listen(addresses.sqs).await?);
        let limits = Limits {
            timeouts: settings.timeouts,
            ..Limits::default()
        };
        let keys = s3::Keys::new(&settings.access_key, &settings.secret_key);
        let (engine, queues, store) = open(dir, settings).await?;
        let (s3_url, sqs_url) = (url(&s3, addresses.s3)?, url(&sqs, addresses.sqs)?);
        let (stop, stopping) = watch::channel(false);
        let mut servers = JoinSet::new();
        servers.spawn(serve(s3, s3::router(store.clone(), keys), limits, stopping.clone()));
        servers.spawn(serve(sqs, sqs::router(Arc::clone(&queues)), limits, stopping));
        Ok(Self {
            s3_url,
            sqs_url,
            engine,
            objects: store,
            queues,
            stop,
            servers,
        })
    }

    /// Returns the objects behind the S3 server, to set up buckets without a client.
    #[must_use]
    pub fn objects(&self) -> &Store {
        &self.objects
    }

    /// Returns the queues behind the SQS server, to set up queues without a client.
    #[must_use]
    pub fn queues(&self) -> &Arc<Queues> {
        &self.queues
    }

    /// Returns how often the directory has been opened, this time included. It counts up with every start.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.engine.epoch()
    }

    /// Stops both servers: they take no new requests, requests in flight end within 5 seconds, and waiting receives
    /// answer at once.
    pub async fn stop(mut self) {
        self.queues.close();
        self.stop.send_replace(true);
        let ended = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("requests to the embedded servers were broken off");
            self.servers.shutdown().await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Open connections keep the store open; they end after this.
        self.queues.close();
        self.stop.send_replace(true);
    }
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator")
            .field("s3_url", &self.s3_url)
            .field("sqs_url", &self.sqs_url)
            .finish_non_exhaustive()
    }
}

/// Opens everything in a directory. A damaged file may show as an error or as a panic of the database.
async fn open(dir: &Path, settings: Settings) -> Result<(Engine, Arc<Queues>, Store), StartError> {
    let opening = async {
        let engine = Engine::open(dir)?;
        let now = Arc::clone(&settings.now);
        let queues = Queues::open(engine.clone(), settings).await?;
        queues.release_in_flight().await?;
        let store = Store::open(engine.clone(), Arc::clone(&queues), now).await?;
        Ok::<_, StartError>((engine, queues, store))
    };
    let damaged = |source| StartError::Damaged {
        path: dir.join(engine::file::NAME),
        source,
    };
    let mut opening = pin!(opening);
    let opened = poll_fn(|cx| {
        let polled = quiet::catch(|| opening.as_mut().poll(cx));
        polled.unwrap_or_else(|_| Poll::Ready(Err(damaged(None))))
    });
    match opened.await {
        Err(error) if error.is_damage() => Err(damaged(Some(Box::new(error)))),
        opened => opened,
    }
}

impl StartError {
    fn is_damage(&self) -> bool {
        let engine = match self {
            Self::Engine(error) | Self::S3(s3::Error::Store(error)) => Some(error),
            Self::S3(s3::Error::Row(_)) => return true,
            Self::Sqs(sqs::Error::Storage(error)) => match error.downcast_ref() {
                Some(error) => Some(error),
                // A row or a table cannot be read.
                None => return true,
            },
            _ => None,
        };
        engine.is_some_and(EngineError::is_damage)
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::NotLoopback { address });
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

fn url(listener: &TcpListener, address: SocketAddr) -> Result<String, StartError> {
    let bound = listener
        .local_addr()
        .map_err(|source| StartError::Listen { address, source })?;
    Ok(format!("http://{bound}"))
}
