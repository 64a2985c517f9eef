//! Servers that stand elsewhere, with their own way from a new object to the queue of `preprocess`. `FLITS_TEST_S3` and
//! `FLITS_TEST_SQS` name them; `FLITS_TEST_ACCESS_KEY` and `FLITS_TEST_SECRET_KEY` are their credentials.
//!
//! The bucket `flits`, its notifications and the queues `flits-{stage}` must be there (`flits setup`). **Every scenario
//! empties them** and hides received messages for a second only. `tests/recipes/scenarios.sh` runs this.

use async_trait::async_trait;
use contract::Stage;
use platform::{Secret, aws::Access, bucket};

use super::{
    host::{Host, Hosts, take_all},
    processes::{EPOCHS, Processes, Servers, binaries},
};

/// Makes hosts on those servers.
pub(crate) struct Elsewhere;

#[async_trait]
impl Hosts for Elsewhere {
    async fn fresh(&self) -> Box<dyn Host> {
        let servers = Servers {
            s3: variable("FLITS_TEST_S3"),
            sqs: variable("FLITS_TEST_SQS"),
            access: Access {
                key: variable("FLITS_TEST_ACCESS_KEY"),
                secret: Secret::new(variable("FLITS_TEST_SECRET_KEY")),
            },
        };
        let binaries = binaries().expect("`cargo build --workspace --bins` builds what runs on the servers");
        let host = Processes::on(servers, &binaries, tempfile::tempdir().unwrap()).await;
        empty(&host).await;
        Box::new(host)
    }

    fn epochs(&self) -> &[u32] {
        &EPOCHS
    }
}

/// Takes everything out of bucket and queues.
async fn empty(host: &dyn Host) {
    let store = host.platform().store.as_ref();
    for key in bucket::list(store, "").await.unwrap() {
        store.delete(&key).await.unwrap();
    }
    for stage in Stage::ALL {
        take_all(host, stage).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "says where the servers of this run are")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}
