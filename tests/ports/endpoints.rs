//! The port suites on servers that stand elsewhere, named by the environment. `tests/recipes/moto.sh` runs this.

mod servers;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use platform::Queue;
use servers::Server;
use testing::ports::{QueueBench, queue_suite, store_suite};

/// A server whose time is the world's.
struct Real(Server);

#[async_trait]
impl QueueBench for Real {
    async fn fresh(&self) -> Arc<dyn Queue> {
        self.0.queues(self.visibility()).await
    }

    fn visibility(&self) -> Duration {
        Duration::from_secs(2)
    }

    #[expect(clippy::disallowed_methods, reason = "the time of a real server passes by itself")]
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn voids_old_handles(&self) -> bool {
        variable("FLITS_TEST_KEEPS_OLD_HANDLES").is_none()
    }
}

#[expect(clippy::disallowed_methods, reason = "says where the servers of this run are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn server() -> Server {
    let url = |name: &str| variable(name).unwrap_or_else(|| panic!("{name} names no endpoint"));
    Server::new(&url("FLITS_TEST_S3"), &url("FLITS_TEST_SQS"))
}

#[tokio::test]
async fn the_store_that_the_environment_names_passes_the_suite() {
    let bucket = format!("ports-{}", std::process::id());
    store_suite(&*server().store(&bucket).await).await;
}

#[tokio::test]
async fn the_queue_that_the_environment_names_passes_the_suite() {
    queue_suite(&Real(server())).await;
}
