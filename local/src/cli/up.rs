//! `flits up`: serve until a signal.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use emulator::Addresses;

use super::{
    args::UpArgs,
    interrupt::Interrupt,
    print::{print, print_json},
};
use crate::harness::{Harness, Options};

/// Serves the directory and runs the functions until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the directory or a port cannot be used, or another process serves the directory.
pub(super) async fn up(args: &UpArgs) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let options = Options::new(&args.dir)
        .sets(&args.sets)?
        .isolated(args.isolated)
        .pumping();
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let addresses = Addresses {
        s3: loopback(args.s3_port),
        sqs: loopback(args.sqs_port),
    };
    let harness = Harness::new(options.on(addresses).with_gateway(loopback(args.port)));
    let session = harness.session().await?;
    let address = session.address.as_ref().context("a directory has an address")?;
    anyhow::ensure!(
        session.is_holder(),
        "`{}` is served by process {} already, at {} and {}",
        args.dir.display(),
        address.pid,
        address.s3,
        address.sqs
    );
    let file = args.dir.join("address.json");
    if args.json {
        print_json(&serde_json::json!({
            "event": "up", "s3": address.s3, "sqs": address.sqs, "http": address.http, "bucket": address.bucket, "region": address.region,
            "credentials": file,
        }));
    } else {
        print(&format!(
            "HTTP {}\nS3   {}  (bucket `{}`)\nSQS  {}\nCredentials are in {}. Ctrl-C ends.",
            address.http.as_deref().unwrap_or_default(),
            address.s3,
            address.bucket,
            address.sqs,
            file.display()
        ));
    }
    interrupt.wait().await;
    session.close().await;
    Ok(())
}
