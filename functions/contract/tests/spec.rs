//! What a user may write in a spec, and what is said about what they may not.

use contract::{
    Spec,
    spec::{Choice, Fault, Layer, SpecErrors, parse_set, resolve, split_host},
};
use serde_json::{Value, json};

fn toml(text: &str) -> Layer {
    Layer::toml("specs/cell.toml", text)
}

fn set(pairs: &[&str]) -> Layer {
    Layer::set(pairs.iter().map(|pair| parse_set(pair).expect("a pair of the test")))
}

fn environment(pairs: &[(&str, &str)]) -> Layer {
    Layer::environment(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn written(spec: &Spec) -> Value {
    serde_json::to_value(spec).expect("a spec is JSON")
}

fn faults(result: Result<Spec, SpecErrors>) -> Vec<(String, Fault)> {
    result
        .expect_err("the spec is wrong")
        .0
        .into_iter()
        .map(|problem| (problem.path, problem.fault))
        .collect()
}

#[test]
fn the_default_spec_is_written_out_in_full() {
    insta::assert_json_snapshot!(resolve(&[]).unwrap());
}

#[test]
fn the_text_of_the_documented_default_resolves_to_the_default() {
    let text = r#"
        salt = ""
        [data]
        time = "auto"
        targets = "auto"
        past = []
        known = []
        static = []
        series_id = ""
        frequency = "auto"
        time_zone = "UTC"
        parts = 1
        mode = "replace"
        [clean]
        missing = "interpolate"
        outliers = "none"
        lags = []
        calendar = true
        scaler = "minmax"
        [split]
        holdout = 0.2
        validation = 0.1
        wait = "10m"
        [sample]
        strategy = "all"
        rows = 0
        seed = 0
        [window]
        context = "auto"
        horizon = "auto"
        stride = "auto"
        [forecast]
        horizon = "auto"
        seasons = "auto"
        nonnegative = true
        integers = false
        [promote]
        metric = "rmsse"
        margin = 0.01
        by = "part"
        refit = "auto"
    "#;
    assert_eq!(resolve(&[toml(text)]), resolve(&[]));
}

#[test]
fn later_layers_win_key_by_key() {
    let file =
        toml("[window]\ncontext = 24\nhorizon = 2\nstride = 3\n[[models]]\nkind = \"gru\"\nepochs = 4\nhidden = 8");
    let variables = environment(&[("OUTPUT_SEQ_LEN", "5"), ("EPOCHS", "6"), ("PATH", "/bin")]);
    let sets = set(&["window.stride=7", "models.gru.hidden=16", "salt=007"]);
    let spec = written(&resolve(&[file, variables, sets]).unwrap());
    assert_eq!(spec["window"], json!({"context": 24, "horizon": 5, "stride": 7}));
    assert_eq!(spec["salt"], "007", "a salt is the text that was typed");
    let gru = &spec["models"][2];
    assert_eq!(
        (&gru["kind"], &gru["epochs"], &gru["hidden"]),
        (&json!("gru"), &json!(6), &json!(16))
    );
}

#[test]
fn a_resolved_spec_is_checked_again_when_it_is_read() {
    let sets = [
        "clean.lags=[3,1,2]",
        "clean.outliers.iqr.factor=3",
        "split.holdout=test-file",
        "data.frequency=120s",
        "salt=x",
    ];
    let spec = resolve(&[set(&sets)]).unwrap();
    let bytes = contract::canonical(&spec).unwrap();
    let again: Spec = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(again, spec);
    assert_eq!(again.digest(), contract::Digest::of(&bytes));
    let mut broken = written(&spec);
    broken["window"]["context"] = json!(0);
    broken["window"]["contxt"] = json!(1);
    let error = serde_json::from_value::<Spec>(broken).unwrap_err().to_string();
    assert!(
        error.contains("`window.context` = 0") && error.contains("`window.contxt`"),
        "{error}"
    );
}

#[test]
fn settings_take_the_values_that_the_documents_show() {
    for (pair, pointer, expected) in [
        ("data.targets=[\"down\",\"up\"]", "/data/targets", json!(["down", "up"])),
        ("data.targets=down", "/data/targets", json!(["down"])),
        ("data.time=ds", "/data/time", json!("ds")),
        ("data.frequency=120s", "/data/frequency", json!("2m")),
        (
            "data.time_zone=Europe/Madrid",
            "/data/time_zone",
            json!("Europe/Madrid"),
        ),
        ("clean.outliers=iqr", "/clean/outliers", json!("iqr")),
        (
            "clean.outliers.iqr.factor=3",
            "/clean/outliers",
            json!({"iqr": {"factor": 3.0}}),
        ),
        ("clean.lags=[2,1]", "/clean/lags", json!([1, 2])),
        ("clean.missing_threshold=0.3", "/clean/missing_threshold", json!(0.3)),
        ("split.holdout=500", "/split/holdout", json!(500)),
        ("split.holdout=\"test-file\"", "/split/holdout", json!("test-file")),
        ("split.validation=none", "/split/validation", json!("none")),
        ("split.wait=90s", "/split/wait", json!("90s")),
        ("forecast.horizon=48", "/forecast/horizon", json!(48)),
        ("forecast.seasons=24", "/forecast/seasons", json!([24])),
        ("forecast.seasons=[168,24]", "/forecast/seasons", json!([24, 168])),
        ("promote.margin=0", "/promote/margin", json!(0.0)),
        ("promote.refit=true", "/promote/refit", json!(true)),
        ("models.gru.from_rows=500", "/models/9/from_rows", json!(500)),
        ("models.linear.scope=series", "/models/7/scope", json!("series")),
        ("models.gru.lr=1e-3", "/models/9/lr", json!(0.001)),
    ] {
        let spec = resolve(&[set(&[pair])]).unwrap_or_else(|error| panic!("{pair}: {error}"));
        assert_eq!(written(&spec).pointer(pointer), Some(&expected), "{pair}");
    }
}

#[test]
fn a_list_of_models_keeps_the_settings_of_those_it_names_and_always_has_the_baselines() {
    let file = toml("[[models]]\nkind = \"gru\"\nname = \"small\"\nhidden = 4\n[[models]]\nkind = \"gru\"");
    for (pair, expected) in [
        (
            "models=[\"linear\",\"small\"]",
            vec!["naive", "seasonal-naive", "linear", "small"],
        ),
        ("models=small,naive", vec!["seasonal-naive", "small", "naive"]),
        ("models=[{kind=\"lstm\"}]", vec!["naive", "seasonal-naive", "lstm"]),
        ("models.gru.epochs=3", vec!["naive", "seasonal-naive", "small", "gru"]),
    ] {
        let spec = resolve(&[file.clone(), set(&[pair])]).unwrap();
        let names: Vec<_> = spec.models.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, expected, "{pair}");
        if let Some(small) = spec.member(&"small".to_owned().try_into().unwrap()) {
            assert_eq!(serde_json::to_value(small).unwrap()["hidden"], 4, "{pair}");
        }
    }
}

#[test]
fn who_is_asked_for_takes_part_and_the_default_list_where_it_makes_sense() {
    let from_rows = |pair: &str, member: &str| {
        let spec = resolve(&[set(&[pair])]).unwrap();
        let member = spec.member(&member.to_owned().try_into().unwrap()).unwrap();
        serde_json::to_value(member).unwrap()["from_rows"].clone()
    };
    assert_eq!(from_rows("salt=x", "gru"), "auto");
    assert_eq!(from_rows("models.gru.epochs=3", "gru"), "auto", "a changed default");
    assert_eq!(from_rows("models=[\"gru\"]", "gru"), 1);
    assert_eq!(
        from_rows("models=[\"gru\"]", "naive"),
        "auto",
        "a baseline that nobody named"
    );
}

#[test]
fn what_is_not_built_is_refused_and_never_ignored() {
    for pair in [
        "data.known=[\"price\"]",
        "data.static=[\"region\"]",
        "data.series_id=store",
        "data.parts=4",
        "data.mode=append",
        "clean.missing=nearest-k",
        "clean.outliers=percentile",
        "clean.outliers=hampel",
        "sample.strategy=random",
        "sample.strategy=stride",
        "promote.by=series",
        "promote.metric=coverage",
        "models.gru.backend=cuda",
        "models.gru.device=cuda",
        "models.linear.quantiles=[0.1,0.9]",
    ] {
        let faults = faults(resolve(&[set(&[pair])]));
        let refused = matches!(faults.as_slice(), [(_, Fault::NotYet { .. })]);
        assert!(refused, "{pair}: {faults:?}");
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_path_and_range() {
    for (pair, path) in [
        ("window.context=0", "window.context"),
        ("models.gru.backend=libtorch", "models.gru.backend"),
        ("models.gru.backend=1", "models.gru.backend"),
        ("models.linear.backend=tch", "models.linear.backend"),
        ("window.context=ten", "window.context"),
        ("window.context=1.5", "window.context"),
        ("window.horizon=4097", "window.horizon"),
        ("windw.context=3", "windw.context"),
        ("window.contxt=3", "window.contxt"),
        ("window=3", "window"),
        ("window.context.x=3", "window.context"),
        ("data.targets=[]", "data.targets"),
        ("data.targets=[\"a\",\"a\"]", "data.targets"),
        ("data.targets=[1]", "data.targets"),
        ("data={targets=[\"a\"],past=[\"a\"]}", "data.targets"),
        ("data={targets=[\"ds\"],time=\"ds\"}", "data.targets"),
        ("data.frequency=often", "data.frequency"),
        ("data.time_zone=Mars/Olympus", "data.time_zone"),
        ("data.parts=0", "data.parts"),
        ("clean.lags=[0]", "clean.lags"),
        ("clean.lags=[1,1]", "clean.lags"),
        ("clean.calendar=maybe", "clean.calendar"),
        ("clean.missing_threshold=2", "clean.missing_threshold"),
        ("clean.outliers.iqr.factor=0", "clean.outliers.iqr.factor"),
        ("clean.outliers.mad.factor=1", "clean.outliers.mad.factor"),
        ("split.holdout=1.5", "split.holdout"),
        ("split.holdout=0", "split.holdout"),
        ("split.validation=test-file", "split.validation"),
        ("split.wait=10", "split.wait"),
        ("split.wait=2d", "split.wait"),
        ("sample.strategy=head", "sample.rows"),
        ("sample.rows=50", "sample.rows"),
        ("sample.seed=-1", "sample.seed"),
        ("sample.seed=9007199254740992", "sample.seed"),
        ("forecast.horizon=4097", "forecast.horizon"),
        ("forecast.seasons=[1]", "forecast.seasons"),
        ("forecast.nonnegative=maybe", "forecast.nonnegative"),
        ("promote.refit=sometimes", "promote.refit"),
        ("models.gru.from_rows=0", "models.gru.from_rows"),
        ("promote.margin=1", "promote.margin"),
        ("promote.margin=nan", "promote.margin"),
        ("models=[]", "models"),
        ("models=3", "models"),
        ("models=[3]", "models"),
        ("models=[\"transformer\"]", "models.transformer.kind"),
        ("models=[{epochs=3}]", "models[2]"),
        ("models=[{kind=\"gru\"},{kind=\"gru\"}]", "models.gru"),
        ("models=[{kind=\"gru\",name=\"round\"}]", "models.round.name"),
        ("models=[{kind=\"gru\",name=\"decision\"}]", "models.decision.name"),
        ("models=[{kind=\"gru\",name=\"lstm\"}]", "models.lstm.name"),
        ("models=[{kind=\"gru\",name=\"My GRU\"}]", "models.My GRU.name"),
        ("models=[{kind=\"prophet\",growth=\"logistic\"}]", "models.prophet.cap"),
        (
            "models.prophet.seasonalities=[{name=\"lunar\",period=-29.5,fourier_order=3}]",
            "models.prophet.seasonalities[0].period",
        ),
        ("models.gur.epochs=3", "models.gur"),
        ("models.gru.epoch=3", "models.gru.epoch"),
        ("models.gru.epochs=0", "models.gru.epochs"),
        ("models.gru.epochs=9999999999", "models.gru.epochs"),
        ("models.gru.lr=2e30", "models.gru.lr"),
        ("models.gru.clip=inf", "models.gru.clip"),
        ("models.linear.lambda=-1", "models.linear.lambda"),
        ("models.naive.epochs=3", "models.naive.epochs"),
        ("window..context=3", "window..context"),
    ] {
        let faults = faults(resolve(&[set(&[pair])]));
        let paths: Vec<_> = faults.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, [path], "{pair}: {faults:?}");
    }
}

#[test]
fn every_problem_is_said_at_once() {
    let file = toml(
        "[window]\ncontext = 0\nhorizn = 3\n[data]\nparts = 8\n[split]\nholdout = 1.5\n[[models]]\nkind = \"gru\"\nhidden = \"big\"",
    );
    let variables = environment(&[("LEARNING_RATE", "fast")]);
    let error = resolve(&[file, variables, set(&["promote.metric=accuracy"])]).unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn a_text_that_is_not_toml_is_refused_with_its_line() {
    let error = resolve(&[toml("[window]\ncontext = = 3\n")]).unwrap_err().to_string();
    assert!(error.contains("specs/cell.toml: is not TOML at line 2"), "{error}");
}

#[test]
fn settings_of_a_host_are_no_settings_of_a_spec() {
    let pairs = ["host.lease=3s", "window.context=5", "host.max_attempts=9"].map(|pair| parse_set(pair).unwrap());
    let (spec, host) = split_host(pairs.to_vec());
    assert_eq!(spec, [("window.context".to_owned(), "5".to_owned())]);
    let names: Vec<_> = host
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(names, [("lease", "3s"), ("max_attempts", "9")]);
    assert!(parse_set("window.context").is_err());
}

#[test]
fn a_set_value_cannot_smuggle_in_a_second_key() {
    let layer = Layer::set([("salt".to_owned(), "1\nother = 2".to_owned())]);
    assert_eq!(resolve(&[layer]).unwrap().salt, "1\nother = 2");
}

#[test]
fn a_choice_gives_what_was_given() {
    assert_eq!(Choice::<u8>::Auto.given(), None);
    assert_eq!(Choice::Given(3).given(), Some(&3));
}

#[test]
fn a_search_is_read_with_its_member_and_checked_against_its_settings() {
    let spec = |search: &str| resolve(&[toml(&format!("[[models]]\nkind = \"gru\"\n[models.search]\n{search}"))]);
    let good = spec(
        "strategy = \"random\"\ntrials = 3\n[models.search.space]\nlr = { min = 1e-4, max = 1e-2, scale = \"log\" }",
    );
    let search = written(&good.unwrap())["models"][2]["search"].clone();
    assert_eq!(
        (search["trials"].as_u64(), &search["strategy"]),
        (Some(3), &Value::from("random"))
    );
    for wrong in [
        "trials = 0\n[models.search.space]\nhidden = [8]",
        "[models.search.space]\nhidn = [8]",
        "trails = 3",
    ] {
        let faults = faults(spec(wrong));
        assert!(
            faults.iter().all(|(path, _)| path.starts_with("models.gru.search")),
            "{faults:?}"
        );
    }
}

/// Slow enough for a loaded machine, far below the minute that a quadratic search of names took.
const AT_ONCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Resolves a spec and says what is wrong with it, which must not take long however large it is.
fn refused_at_once(layer: Layer) -> SpecErrors {
    let started = std::time::Instant::now();
    let error = resolve(&[layer]).expect_err("the spec is too large");
    let took = started.elapsed();
    assert!(took < AT_ONCE, "refused after {took:?}");
    error
}

fn lines(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().concat()
}

fn numbered(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(",")
}

#[test]
fn a_list_of_20_000_members_is_refused_at_once_with_the_bound() {
    let tables = lines(20_000, |n| format!("[[models]]\nkind=\"gru\"\nname=\"m{n}\"\n"));
    for layer in [
        toml(&tables),
        set(&[&format!("models={}", numbered(20_000, |n| format!("m{n}")))]),
        set(&[&format!(
            "models=[{}]",
            numbered(20_000, |n| format!("{{kind=\"gru\",name=\"m{n}\"}}"))
        )]),
    ] {
        let SpecErrors(problems) = refused_at_once(layer);
        let bounds: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 1, "{bounds:?}");
        assert!(
            bounds[0].contains("20000 members") && bounds[0].ends_with("must be at most 64 members"),
            "{bounds:?}"
        );
    }
}

#[test]
fn the_baselines_count_among_the_64_members() {
    let members = |count| {
        set(&[&format!(
            "models=[{}]",
            numbered(count, |n| format!("{{kind=\"linear\",name=\"m{n}\"}}"))
        )])
    };
    assert_eq!(resolve(&[members(62)]).unwrap().models.len(), 64);
    let error = resolve(&[members(63)]).unwrap_err().to_string();
    assert!(error.contains("65 members, the baselines among them"), "{error}");
}

#[test]
fn a_list_of_columns_names_each_once_and_at_most_2_000() {
    let list = |key: &str, count: usize| {
        let columns = numbered(count, |n| format!("\"c{n}\""));
        set(&[&format!("data.{key}=[{columns}]")])
    };
    for key in ["targets", "past"] {
        assert!(resolve(&[list(key, 2_000)]).is_ok(), "{key}");
        let error = refused_at_once(list(key, 20_000)).to_string();
        assert!(error.contains(&format!("data.{key}")), "{error}");
        assert!(
            error.ends_with("must be a list of at most 2000 columns, this one has 20000"),
            "{error}"
        );
        let twice = faults(resolve(&[set(&[&format!("data.{key}=[\"a\",\"b\",\"a\"]")])]));
        assert_eq!(twice.len(), 1, "{key}: {twice:?}");
    }
    // Both lists at their bounds: no column is looked for in the other list one by one.
    let both = [
        list("targets", 2_000),
        set(&[&format!("data.past=[{}]", numbered(2_000, |n| format!("\"p{n}\"")))]),
    ];
    assert!(resolve(&both).is_ok());
}

#[test]
fn a_name_of_a_column_has_at_most_256_bytes() {
    for (key, list) in [("time", false), ("targets", true), ("past", true)] {
        let of = |bytes: usize| {
            let name = "x".repeat(bytes);
            let value = if list { format!("[\"{name}\"]") } else { name };
            resolve(&[set(&[&format!("data.{key}={value}")])])
        };
        assert!(of(256).is_ok(), "{key}");
        let error = of(257).unwrap_err().to_string();
        assert!(
            error.contains(&format!("data.{key}")) && error.contains("257 bytes") && error.contains("at most 256"),
            "{error}"
        );
        assert!(error.len() < 300, "the name itself is shortened: {error}");
    }
}

#[test]
fn a_spec_above_its_size_is_refused_before_it_is_parsed() {
    let long = format!("# {}\n", "x".repeat(1 << 20));
    for layer in [
        toml(&long),
        set(&[&format!("salt={long}")]),
        environment(&[("EXTRA_HASH_SALT", &long)]),
    ] {
        let SpecErrors(problems) = refused_at_once(layer);
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        let text = problem.to_string();
        assert!(
            text.contains("10485") && text.ends_with("must be at most 1048576 bytes"),
            "{text}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_hostile_spec_fits_on_a_page() {
    let keys = lines(60_000, |n| format!("k{n}=1\n"));
    let members = lines(20_000, |n| format!("models.m{n}.epochs=1\n"));
    let deep = format!("{}=1", vec!["a"; 100_000].join("."));
    for layer in [
        toml(&keys),
        toml(&members),
        set(&[&deep]),
        set(&[&format!("{}=1", "k".repeat(500_000))]),
    ] {
        let error = refused_at_once(layer);
        assert!(error.0.len() <= 101, "{} problems", error.0.len());
        let text = error.to_string();
        assert!(text.len() < 200_000, "{} bytes", text.len());
    }
    let error = refused_at_once(toml(&keys)).to_string();
    assert!(
        error.ends_with("59900 more problems are not shown"),
        "{}",
        &error[error.len() - 100..]
    );
}

#[test]
fn a_key_or_a_value_cannot_begin_a_line_of_a_message() {
    let text = "[window]\n\"con\\ntext\\u001b[31m\" = \"a\\nb\"\n[clean]\nmissing = \"x\\n\\u001b[2J\"";
    let error = resolve(&[toml(text)]).unwrap_err();
    for problem in &error.0 {
        let text = problem.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

#[test]
fn settings_that_a_search_tries_are_counted_before_they_are_tried() {
    let holidays = numbered(1_900, |n| format!("{{name=\"h{n}\",dates=[\"2020-01-01\"]}}"));
    let values = numbered(100_000, |n| (n + 1).to_string());
    let text = format!(
        "[[models]]\nkind=\"prophet\"\nholidays=[{holidays}]\n[models.search]\n[models.search.space]\nn_changepoints=[{values}]"
    );
    let error = refused_at_once(toml(&text)).to_string();
    assert!(error.contains("at most 1000"), "{error}");
}
