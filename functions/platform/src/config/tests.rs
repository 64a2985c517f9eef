use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let fixed = [
        ("HOSTNAME", "here"),
        ("TMPDIR", "/scratch"),
        ("FLITS__HOST__THREADS", "2"),
    ];
    fixed
        .iter()
        .chain(pairs)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn the_effective_configuration_can_be_read_back() {
    let config = Config::read(Sources::default().environment(environment(&[]))).unwrap();
    insta::assert_snapshot!(config.effective(), @r#"
    [host]
    deadline = "900s"
    lease = "120s"
    max_attempts = 5
    max_upload = 536870912
    memory = 2147483648
    owner = "here"
    poll = "5s"
    scratch = "/scratch"
    threads = 2

    [http]
    body = 8388608
    connections = 20000
    pace = "30s"
    port = 0
    requests = 256
    time = "300s"

    [log]
    filter = "info,aws_config=error"
    format = "auto"

    [queue]

    [sink]

    [store]
    bucket = "flits"
    checked = false
    "#);
    let again = Config::read(Sources::default().file("effective", &config.effective())).unwrap();
    assert_eq!(again, config);
}

#[test]
fn a_later_source_wins() {
    let sources = || Sources::default().file("f.toml", "[host]\nlease = \"30s\"\nmax_attempts = 7");
    let lease = |sources| Config::read(sources).unwrap().host.lease.as_secs();
    assert_eq!(lease(Sources::default().environment(environment(&[]))), 120);
    assert_eq!(lease(sources().environment(environment(&[]))), 30);
    let env = || environment(&[("FLITS__HOST__LEASE", "3s")]);
    assert_eq!(lease(sources().environment(env())), 3);
    assert_eq!(lease(sources().environment(env()).set("host.lease", "1m")), 60);
    assert_eq!(Config::read(sources().environment(env())).unwrap().host.max_attempts, 7);
}

#[test]
fn all_problems_are_reported_at_once_with_path_source_and_range() {
    let file =
        "[store]\nbuckett = \"x\"\nendpoint = \"127.0.0.1:9000\"\n[log]\nformat = \"xml\"\n[host]\nscratch = [1]";
    let env = environment(&[
        ("FLITS__HOST__LEASE", "a while"),
        ("FLITS__HOST__THREDS", "0"),
        ("FLITS__NOWHERE", "1"),
    ]);
    let sources = Sources::default()
        .file("f.toml", file)
        .environment(env)
        .set("host.memory", "1GB");
    let sources = sources.set("host.max_attempts", "0").set("queue.access_key", "k");
    insta::assert_snapshot!(Config::read(sources).unwrap_err(), @r"
    the configuration has 10 problem(s)
      host.lease (FLITS__HOST__LEASE): `a while` is not a time from 1s to 3600s (ms, s, m, h)
      host.max_attempts (--set): `0` is not a whole number from 1 to 1000
      host.memory (--set): `1GB` is not a size from 64MiB to 16384GiB (KiB, MiB, GiB)
      host.scratch (f.toml): has the type array, one plain value is read
      host.threds (FLITS__HOST__THREDS): is not a key of the configuration; did you mean `host.threads`?
      log.format (f.toml): `xml` is not one of `auto`, `json`, `human`
      nowhere (FLITS__NOWHERE): is not a key of the configuration
      queue.secret_key (not set): is missing, but `queue.access_key` is set
      store.buckett (f.toml): is not a key of the configuration; did you mean `store.bucket`?
      store.endpoint (f.toml): `127.0.0.1:9000` does not begin with http:// or https://
    ");
}

#[test]
fn a_secret_is_never_printed() {
    let env = environment(&[
        ("FLITS__STORE__ACCESS_KEY", "who"),
        ("FLITS__STORE__SECRET_KEY", "hush"),
    ]);
    let config = Config::read(Sources::default().environment(env)).unwrap();
    assert_eq!(config.store.access.as_ref().unwrap().secret.expose(), "hush");
    for printed in [format!("{config:?}"), config.effective()] {
        assert!(printed.contains("<secret>") && !printed.contains("hush"), "{printed}");
    }
}

#[test]
fn queues_are_found_by_name_unless_a_url_is_given() {
    let env = environment(&[("FLITS__QUEUE__URLS__TRAIN", "https://sqs.example/1/gpu")]);
    let config = Config::read(Sources::default().environment(env)).unwrap();
    assert_eq!(
        config.queue.urls,
        BTreeMap::from([(Stage::Train, "https://sqs.example/1/gpu".to_owned())])
    );
}

#[test]
fn the_hosts_own_variables_are_the_defaults() {
    let env = environment(&[
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
    ]);
    let host = Config::read(Sources::default().environment(env)).unwrap().host;
    assert_eq!((host.memory, host.owner.as_str()), (1024 * MIB, "stream"));
}
