//! What makes a job the same job.

use contract::{
    Digest, Input, PartId, PreprocessTask, SampleTask, Scored, Spec, Task, TrainTask, WorkId,
    identity::{self, identify},
    spec::{Layer, parse_set, resolve},
};

fn digest(n: u8) -> Digest {
    Digest::of(&[n])
}

fn spec(pairs: &[&str]) -> Spec {
    let pairs = pairs.iter().map(|pair| parse_set(pair).expect("a pair of the test"));
    resolve(&[Layer::set(pairs)]).expect("a spec of the test")
}

fn dataset(name: &str) -> contract::Dataset {
    name.parse().expect("a dataset of the test")
}

fn preprocess(spec: &Spec, input: u8, receipt: u8) -> Task {
    Task::Preprocess(PreprocessTask {
        dataset: dataset("cell"),
        part: PartId::WHOLE,
        spec: spec.digest(),
        salt: spec.salt.clone(),
        inputs: vec![Input {
            digest: digest(input),
            receipt: digest(receipt),
        }],
    })
}

fn sample(spec: &Spec, name: &str) -> Task {
    let salt = spec.salt.clone();
    Task::Sample(SampleTask {
        dataset: dataset(name),
        part: PartId::WHOLE,
        spec: spec.digest(),
        salt,
        clean: digest(1),
    })
}

fn train(spec: &Spec, member: &str, cut: u8, round: u8) -> Task {
    Task::Train(TrainTask {
        dataset: dataset("cell"),
        part: PartId::WHOLE,
        spec: spec.digest(),
        salt: spec.salt.clone(),
        cut: digest(cut),
        round: digest(round),
        member: member.to_owned().try_into().expect("a member of the test"),
        refit_of: None,
    })
}

fn work(task: &Task, spec: &Spec) -> WorkId {
    identify(task, spec).work
}

#[test]
fn a_member_added_to_the_round_changes_no_other_members_work() {
    let (few, many) = (spec(&["models=gru"]), spec(&["models=gru,lstm,linear"]));
    for member in ["naive", "gru"] {
        assert_eq!(
            work(&train(&few, member, 1, 1), &few),
            work(&train(&many, member, 1, 2), &many),
            "{member}"
        );
    }
    assert_eq!(work(&sample(&few, "cell"), &few), work(&sample(&many, "cell"), &many));
    let jobs = [&few, &many].map(|spec| identify(&train(spec, "gru", 1, 1), spec).job);
    assert_ne!(jobs[0], jobs[1], "another spec has a ledger of its own");
}

#[test]
fn one_changed_setting_changes_the_work_of_the_stages_that_read_it_and_no_other() {
    let default = spec(&[]);
    let stages = |spec: &Spec| {
        [
            work(&preprocess(spec, 1, 1), spec),
            work(&sample(spec, "cell"), spec),
            work(&train(spec, "gru", 1, 1), spec),
            work(&train(spec, "lstm", 1, 1), spec),
        ]
    };
    for (pair, changed) in [
        ("salt=x", [true, true, true, true]),
        ("data.targets=down", [true, false, false, false]),
        ("data.time_zone=Europe/Madrid", [true, false, false, false]),
        ("clean.calendar=false", [true, true, true, true]),
        ("split.holdout=test-file", [true, true, true, true]),
        ("clean.scaler=robust", [false, true, true, true]),
        ("split.holdout=0.3", [false, true, true, true]),
        ("window.context=11", [false, true, true, true]),
        ("sample.seed=1", [false, true, false, false]),
        ("models.gru.epochs=11", [false, false, true, false]),
        ("models.gru.backend=rust", [false, false, false, false]),
        ("models.gru.backend=tch", [false, false, true, false]),
        ("split.wait=1h", [false, false, false, false]),
        ("forecast.horizon=5", [false, true, false, false]),
        ("forecast.integers=true", [false, false, false, false]),
        ("models.gru.from_rows=3", [false, false, false, false]),
        ("promote.margin=0.5", [false, false, false, false]),
    ] {
        let (before, after) = (stages(&default), stages(&spec(&[pair])));
        let seen: Vec<_> = before
            .iter()
            .zip(after)
            .map(|(before, after)| *before != after)
            .collect();
        assert_eq!(seen, changed, "{pair}");
    }
}

#[test]
fn work_follows_bytes_and_dataset_and_not_where_they_lie_or_who_asks() {
    let spec = spec(&[]);
    assert_ne!(
        work(&preprocess(&spec, 1, 1), &spec),
        work(&preprocess(&spec, 2, 1), &spec)
    );
    assert_eq!(
        work(&preprocess(&spec, 1, 1), &spec),
        work(&preprocess(&spec, 1, 2), &spec)
    );
    assert_ne!(work(&sample(&spec, "cell"), &spec), work(&sample(&spec, "core"), &spec));
    assert_ne!(
        work(&train(&spec, "gru", 1, 1), &spec),
        work(&train(&spec, "gru", 2, 1), &spec)
    );
    assert_eq!(
        work(&train(&spec, "gru", 1, 1), &spec),
        work(&train(&spec, "gru", 1, 2), &spec)
    );
}

#[test]
fn a_data_file_and_its_test_file_swapped_are_other_work() {
    let spec = spec(&["split.holdout=test-file"]);
    let both = |data: u8, test: u8| {
        let Task::Preprocess(mut task) = preprocess(&spec, data, 1) else {
            panic!("a preprocess task")
        };
        task.inputs.push(Input {
            digest: digest(test),
            receipt: digest(2),
        });
        work(&Task::Preprocess(task), &spec)
    };
    assert_ne!(both(1, 2), both(2, 1));
}

#[test]
fn a_failed_fit_and_a_failed_scoring_are_work_of_their_own() {
    let spec = spec(&[]);
    let Task::Train(fit) = train(&spec, "gru", 1, 1) else {
        panic!("a train task")
    };
    let eval = |scored, skip_scoring, refit_of| {
        let (dataset, part, salt) = (fit.dataset.clone(), fit.part, fit.salt.clone());
        let (cut, round, member) = (fit.cut, fit.round, fit.member.clone());
        let task = contract::EvalTask {
            dataset,
            part,
            spec: fit.spec,
            salt,
            cut,
            round,
            member,
            scored,
            skip_scoring,
            refit_of,
        };
        work(&Task::Eval(task), &spec)
    };
    let all = [
        eval(Scored::Artifact(digest(1)), false, None),
        eval(Scored::Artifact(digest(2)), false, None),
        eval(Scored::Artifact(digest(1)), true, None),
        eval(Scored::Artifact(digest(1)), false, Some(digest(2))),
        eval(Scored::Failed("diverged".to_owned()), false, None),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn identities_do_not_change_from_one_release_to_the_next() {
    let spec = spec(&[]);
    let task = sample(&spec, "cell");
    let identity = identify(&task, &spec);
    assert_eq!(Digest::of_json(&identity.recipe), identity.work);
    assert_eq!(identity::job(identity.work, spec.digest()), identity.job);
    insta::assert_json_snapshot!((identity.work, identity.job, identity.recipe));
}

#[test]
fn an_event_without_work_has_a_job_of_its_own() {
    let job = |version, text: &[u8]| identity::receive_job("flits", "raw/x", version, text);
    assert_eq!(job("a", b""), job("a", b""));
    assert_ne!(job("a", b""), job("b", b""));
    assert_ne!(job("a", b""), job("a", b"x"));
}
