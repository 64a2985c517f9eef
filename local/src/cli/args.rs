//! What can be typed after `flits`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use contract::Stage;

use crate::{
    harness::{QueueUrl, Servers, StoreUrl},
    pump::Addresses,
};

use crate::source::Property;

/// Turns an uploaded time series into a served forecast.
#[derive(Debug, Parser)]
#[command(name = "flits", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Upload a file and follow it until its forecast is there.
    Run(RunArgs),
    /// Run S3, SQS and the functions until Ctrl-C.
    Up(UpArgs),
    /// Set up bucket, notifications and queues on servers that stand elsewhere, or check them.
    Setup(SetupArgs),
    /// Run the functions on queues that stand elsewhere, until Ctrl-C.
    Pump(PumpArgs),
    /// Upload a file and return at once.
    Upload(UploadArgs),
    /// Show how a file is understood, and every problem in it, without running anything.
    Inspect(InspectArgs),
    /// Show how far the newest upload of each dataset has come.
    Status(ReadArgs),
    /// Show the scores of a dataset's newest round.
    Scores(DatasetArgs),
    /// Print a dataset's newest forecast.
    Forecast(ForecastArgs),
    /// Show what a forecast or a model was made from, back to the uploaded bytes.
    Lineage(LineageArgs),
    /// Retry what failed for good, after its cause is fixed.
    Retry(RetryArgs),
    /// Send on what no message leads to any more.
    Sweep(SweepArgs),
    /// Put notifications from a broker onto the queue of `preprocess` until Ctrl-C.
    Source(SourceArgs),
    /// List what queues have set aside, or put it back.
    Dlq(DlqArgs),
    /// Make an earlier champion reign again until it is unpinned.
    Rollback(RollbackArgs),
    /// Check that this machine, directory and store can do the work.
    Doctor(DoctorArgs),
    /// Print the resolved spec and the host's settings.
    Config(ConfigArgs),
    /// Write seeded telemetry for demos and load tests.
    Generate(GenerateArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page of flits or of one of its commands.
    Man(ManArgs),
}

/// Where everything is, and how to print.
#[derive(Debug, Clone, Args)]
pub struct DirArgs {
    /// The directory that holds everything.
    #[arg(long, value_name = "D", default_value = ".flits")]
    pub dir: PathBuf,
    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    servers: ServerArgs,
}

impl DirArgs {
    /// Returns the servers that are to be used instead of those of the directory.
    #[must_use]
    pub fn elsewhere(&self) -> Option<Servers> {
        let ServerArgs { store, queue } = self.servers.clone();
        Servers::named(store, queue)
    }
}

/// Servers that stand elsewhere.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Servers that stand elsewhere")]
pub(super) struct ServerArgs {
    /// The bucket: `s3://BUCKET` on AWS, else `http://HOST:PORT/BUCKET`. What is not named here says the environment.
    #[arg(long, value_name = "URL")]
    pub store: Option<StoreUrl>,
    /// The server of the queues: `https://sqs.REGION.amazonaws.com` on AWS, else `http://HOST:PORT`.
    #[arg(long, value_name = "URL")]
    pub queue: Option<QueueUrl>,
}

/// The options that decide the spec of an upload.
#[derive(Debug, Clone, Args)]
pub struct SpecArgs {
    /// The test file: its rows are held out. Uploaded as `{stem}_test.{ext}`.
    #[arg(long, value_name = "FILE")]
    pub test: Option<PathBuf>,
    /// The dataset; the file's stem unless given.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// The target column, or several separated by commas.
    #[arg(long, value_name = "COL")]
    pub target: Option<String>,
    /// The time column.
    #[arg(long, value_name = "COL")]
    pub time: Option<String>,
    /// A column that is not used, or several separated by commas.
    #[arg(long, value_name = "COL")]
    pub exclude: Option<String>,
    /// How many steps to train, score and forecast.
    #[arg(long, value_name = "N")]
    pub horizon: Option<usize>,
    /// A spec in TOML.
    #[arg(long, value_name = "S")]
    pub spec: Option<PathBuf>,
    /// One value of the spec or of the host, as `path.to.key=value`; may be repeated.
    #[arg(long = "set", value_name = "k=v")]
    pub sets: Vec<String>,
    /// Do all work again, under a random salt.
    #[arg(long)]
    pub force: bool,
}

/// `flits run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The data: CSV or Parquet.
    pub file: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub at: DirArgs,
    /// Draw the forecast into this file too: `.svg`, `.png`, or `.html` with all targets.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Run each function as a process of its own, through the Lambda Runtime API.
    #[arg(long)]
    pub isolated: bool,
}

/// `flits inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The data: CSV or Parquet.
    pub file: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// `flits up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The directory that holds everything.
    #[arg(long, value_name = "D", default_value = ".flits")]
    pub dir: PathBuf,
    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,
    /// The loopback port of the S3 server; any free one unless given.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub s3_port: u16,
    /// The loopback port of the SQS server; any free one unless given.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub sqs_port: u16,
    /// The loopback port of the gateway; any free one unless given.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// One value of the host, as `host.key=value`; may be repeated.
    #[arg(long = "set", value_name = "k=v")]
    pub sets: Vec<String>,
    /// Run each function as a process of its own, through the Lambda Runtime API.
    #[arg(long)]
    pub isolated: bool,
}

/// `flits setup`.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// What the bucket notifies of new objects, as an ARN: a webhook of `MinIO` is `arn:minio:sqs::NAME:webhook`. The queue
    /// `flits-preprocess` unless given.
    #[arg(long, value_name = "ARN")]
    pub notify: Option<String>,
    /// Only look; fail where something is missing or wrong.
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub(super) servers: ServerArgs,
}

/// `flits pump`.
#[derive(Debug, Args)]
pub struct PumpArgs {
    /// The stages to run, separated by commas; all of them unless given.
    #[arg(long = "stage", value_name = "STAGE", value_delimiter = ',', value_parser = stage)]
    pub stages: Vec<Stage>,
    /// Post each message to this address as a CloudEvent instead, with the stage in the place of `{stage}`.
    #[arg(long, value_name = "URL", conflicts_with = "isolated")]
    pub to: Option<Addresses>,
    /// Run each function as a process of its own, through the Lambda Runtime API.
    #[arg(long)]
    pub isolated: bool,
    /// How many invocations of each stage may run at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub workers: Option<u16>,
    /// The directory for the logs of functions in processes of their own.
    #[arg(long, value_name = "D", default_value = ".flits")]
    pub dir: PathBuf,
    /// One value of the host, as `host.key=value`; may be repeated.
    #[arg(long = "set", value_name = "k=v")]
    pub sets: Vec<String>,
    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub(super) servers: ServerArgs,
}

/// Reads the name of a stage.
fn stage(name: &str) -> Result<Stage, String> {
    let known = Stage::ALL.into_iter().find(|stage| stage.name() == name);
    known.ok_or_else(|| format!("stages are {}", Stage::ALL.map(Stage::name).join(", ")))
}

/// `flits upload`.
#[derive(Debug, Args)]
pub struct UploadArgs {
    /// The data: CSV or Parquet.
    pub file: PathBuf,
    /// Upload nothing, but print a link with which anybody can upload the file for so many minutes.
    #[arg(long, value_name = "MINUTES", num_args = 0..=1, default_missing_value = "60", value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub link: Option<u64>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub at: DirArgs,
}

/// Commands that read what there is.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// The dataset; all of them unless given.
    pub dataset: Option<String>,
    #[command(flatten)]
    pub at: DirArgs,
}

/// Commands that read one dataset.
#[derive(Debug, Args)]
pub struct DatasetArgs {
    /// The dataset.
    pub dataset: String,
    #[command(flatten)]
    pub at: DirArgs,
}

/// `flits forecast`.
#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// The dataset.
    pub dataset: String,
    /// Print `time,{target},…` rows.
    #[arg(long)]
    pub csv: bool,
    #[command(flatten)]
    pub at: DirArgs,
}

/// `flits retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// A dataset, or a failed job: its id or at least the first 8 digits of it.
    #[arg(value_name = "DATASET|JOB")]
    pub what: String,
    #[command(flatten)]
    pub at: DirArgs,
}

/// `flits lineage`.
#[derive(Debug, Args)]
pub struct LineageArgs {
    /// The key of a forecast, an entry of the champion log, a model, a cut or a clean part; a dataset stands for its newest
    /// forecast.
    #[arg(value_name = "KEY|DATASET")]
    pub key: String,
    #[command(flatten)]
    pub at: DirArgs,
}

/// `flits sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Look at all ages, not only at what was written 5 to 20 minutes ago.
    #[arg(long)]
    pub deep: bool,
    #[command(flatten)]
    pub at: DirArgs,
}

/// `flits source`.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Where notifications come from.
    #[command(subcommand)]
    pub from: SourceFrom,
}

/// The brokers.
#[derive(Debug, Subcommand)]
pub enum SourceFrom {
    /// Take them from a topic of Kafka, as a member of a consumer group. Offsets are committed after the hand-over.
    Kafka(KafkaArgs),
}

/// `flits source kafka`.
#[derive(Debug, Args)]
#[command(after_help = "docs/kafka.md tells what is guaranteed. Needs a `flits` with the feature `kafka`.")]
pub struct KafkaArgs {
    /// The brokers that are asked first.
    #[arg(long, value_name = "HOST:PORT,…")]
    pub brokers: String,
    /// The topic, which must exist.
    #[arg(long, value_name = "T")]
    pub topic: String,
    /// The consumer group. Its members share the partitions of the topic.
    #[arg(long, value_name = "G")]
    pub group: String,
    /// A setting of librdkafka, such as `security.protocol=sasl_plaintext`; may be repeated.
    #[arg(long, value_name = "k=v")]
    pub property: Vec<Property>,
    /// A file of such settings, one a line, for those that are secret.
    #[arg(long, value_name = "FILE")]
    pub properties: Option<PathBuf>,
    #[command(flatten)]
    pub(super) servers: ServerArgs,
}

/// `flits dlq`.
#[derive(Debug, Args)]
pub struct DlqArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: DlqAction,
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqAction {
    /// List dead letters: messages that were received too often, and bodies that a host could not accept.
    List {
        #[command(flatten)]
        at: DirArgs,
    },
    /// Put dead letters back on the queue of their stage, and open their failed jobs again.
    Replay {
        /// The id of a dead letter, or the beginning of it.
        #[arg(value_name = "ID", required_unless_present = "all")]
        id: Option<String>,
        /// All dead letters.
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[command(flatten)]
        at: DirArgs,
    },
}

/// `flits rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The dataset.
    pub dataset: String,
    /// The generation whose champion is to reign; the newest one with another artifact unless given.
    #[arg(long, value_name = "GENERATION", conflicts_with = "unpin")]
    pub to: Option<u64>,
    /// Let rounds replace the pinned champion again.
    #[arg(long)]
    pub unpin: bool,
    #[command(flatten)]
    pub at: DirArgs,
}

/// `flits doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Race 16 conditional writers 40 times on the store: that of the directory, or one that stands elsewhere.
    #[expect(clippy::option_option, reason = "the option may stand without a value")]
    #[arg(long, value_name = "URL")]
    pub store: Option<Option<StoreUrl>>,
    /// The server of the queues, where it stands elsewhere.
    #[arg(long, value_name = "URL")]
    pub queue: Option<QueueUrl>,
    /// The directory that holds everything.
    #[arg(long, value_name = "D", default_value = ".flits")]
    pub dir: PathBuf,
    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,
}

/// `flits config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Print JSON instead of TOML.
    #[arg(long)]
    pub json: bool,
}

/// `flits generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The file to write, or with several series the directory.
    #[arg(long, value_name = "PATH", default_value = "telemetry.csv")]
    pub out: PathBuf,
    /// Rows of each series, two minutes apart.
    #[arg(long, default_value_t = 5_040)]
    pub rows: usize,
    /// How many series, one file each.
    #[arg(long, default_value_t = 1)]
    pub series: usize,
    /// The seed; equal seeds give equal bytes.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The last rows go to `{stem}_test.{ext}` instead.
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    pub test_rows: usize,
    /// The share of rows that are lost in gaps.
    #[arg(long, default_value_t = 0.002)]
    pub gaps: f64,
    /// The share of rows with a spike.
    #[arg(long, default_value_t = 0.001)]
    pub spikes: f64,
}

/// `flits completions`.
#[derive(Debug, Args)]
#[command(after_help = "For bash: flits completions bash > ~/.local/share/bash-completion/completions/flits")]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `flits man`.
#[derive(Debug, Args)]
#[command(after_help = "To read it at once: flits man run | man -l -")]
pub struct ManArgs {
    /// The command, such as `run`; flits itself unless given.
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
