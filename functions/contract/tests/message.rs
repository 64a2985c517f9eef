//! What stages say to each other.

use contract::{
    CleanPart, Digest, EvalTask, EventId, InferTask, Input, MAX_BYTES, Message, MessageError, Newer, Next, PartId,
    PreprocessTask, SampleTask, Scored, Task, TrainTask, VERSION,
};
use proptest::prelude::*;

fn digest(n: u8) -> Digest {
    Digest::of(&[n])
}

fn name<T: TryFrom<String>>(text: &str) -> T
where
    T::Error: std::fmt::Debug,
{
    T::try_from(text.to_owned()).expect("a name of the test")
}

fn tasks(member: &str, salt: &str, why: &str, n: u8, flag: bool) -> Vec<Task> {
    let (dataset, part, spec, salt) = (name("cell"), PartId::WHOLE, digest(0), salt.to_owned());
    let scored = if flag {
        Scored::Artifact(digest(n))
    } else {
        Scored::Failed(why.to_owned())
    };
    let optional = flag.then(|| digest(n));
    vec![
        Task::Preprocess(PreprocessTask {
            dataset,
            part,
            spec,
            salt: salt.clone(),
            inputs: vec![
                Input {
                    digest: digest(1),
                    receipt: digest(n)
                };
                1 + usize::from(flag)
            ],
        }),
        Task::Sample(SampleTask {
            dataset: name("cell"),
            part,
            spec,
            salt: salt.clone(),
            clean: digest(n),
        }),
        Task::Train(TrainTask {
            dataset: name("cell"),
            part,
            spec,
            salt: salt.clone(),
            cut: digest(2),
            round: digest(n),
            member: name(member),
            refit_of: optional,
        }),
        Task::Eval(EvalTask {
            dataset: name("cell"),
            part,
            spec,
            salt: salt.clone(),
            cut: digest(2),
            round: digest(3),
            member: name(member),
            scored,
            skip_scoring: !flag,
            refit_of: flag.then(|| Digest::of(b"parent")),
        }),
        Task::Infer(InferTask {
            dataset: name("cell"),
            part,
            spec,
            salt,
            clean: digest(4),
            generation: u64::from(n),
            artifact: digest(5),
            request: optional,
        }),
    ]
}

fn message(stage: Task, hop: u32) -> Message {
    Message {
        version: VERSION,
        recipe: stage.stage().recipe(),
        job: digest(9),
        hop,
        trace: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        again: false,
        stage,
    }
}

#[test]
fn each_message_is_written_as_it_always_was() {
    for task in tasks("gru", "", "the fit diverged in epoch 3", 7, false) {
        let stage = task.stage();
        insta::assert_json_snapshot!(stage.name(), message(task, 0));
    }
}

proptest! {
    #[test]
    fn every_message_survives_a_round_trip(
        member in "[a-z0-9-]{1,40}", salt in any::<String>(), why in any::<String>(),
        n in any::<u8>(), flag in any::<bool>(), hop in any::<u32>(),
    ) {
        for task in tasks(&member, &salt, &why, n, flag) {
            let message = Message { again: flag, ..message(task, hop) };
            prop_assert_eq!(Message::parse(message.to_json().as_bytes()).unwrap(), message);
        }
    }

    #[test]
    fn no_body_makes_the_reader_panic(body in any::<Vec<u8>>()) {
        let _ = Message::parse(&body);
    }
}

#[test]
fn a_message_of_a_later_version_is_newer_whatever_its_shape() {
    let error = Message::parse(br#"{"version":3,"entirely":"different"}"#).unwrap_err();
    assert!(matches!(error, MessageError::Newer(Newer::Version { have: 3 })));
    assert_eq!(
        error.to_string(),
        "message is newer than this code: it has version 3, at most 2 is read"
    );
}

/// As the code before recipes stood in messages wrote it.
#[test]
fn a_message_of_version_1_is_still_read() {
    let digest = digest(9).hex();
    let old = format!(
        r#"{{"hop":3,"job":"{digest}","stage":{{"sample":{{"clean":"{digest}","dataset":"cell","part":[0,1],"salt":"","spec":"{digest}"}}}},"trace":"t","version":1}}"#
    );
    let message = Message::parse(old.as_bytes()).unwrap();
    assert_eq!(
        (message.version, message.recipe, message.hop, message.again),
        (1, 0, 3, false)
    );
}

#[test]
fn a_later_recipe_or_an_unknown_field_is_newer_and_named() {
    for task in tasks("gru", "", "diverged", 1, false) {
        let stage = task.stage();
        let good = message(task, 0);
        let recipe = Message {
            recipe: stage.recipe() + 1,
            ..good.clone()
        };
        let text = |error: MessageError| {
            assert!(matches!(error, MessageError::Newer(_)), "{error}");
            error.to_string()
        };
        let error = text(Message::parse(recipe.to_json().as_bytes()).unwrap_err());
        assert!(
            error.contains(&format!("recipe {} of `{stage}`", stage.recipe() + 1)),
            "{error}"
        );
        let (outer, inner) = ("\"hop\":0", "\"dataset\":\"cell\"");
        for (place, path) in [(outer, "budget".to_owned()), (inner, "stage.budget".to_owned())] {
            let wider = good.to_json().replacen(place, &format!("{place},\"budget\":null"), 1);
            let error = text(Message::parse(wider.as_bytes()).unwrap_err());
            assert!(error.contains(&format!("`{path}`")), "{error}");
        }
        let older = Message {
            recipe: stage.recipe() - 1,
            ..good
        };
        assert_eq!(Message::parse(older.to_json().as_bytes()).unwrap(), older);
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let good = message(tasks("gru", "", "", 1, true).remove(2), 0).to_json();
    assert!(Message::parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("\"hop\":0", "\"hop\":-1"),
        ("\"train\":{", "\"tune\":{"),
        ("\"part\":[0,1]", "\"part\":[1,1]"),
        ("\"dataset\":\"cell\"", "\"dataset\":\"../cell\""),
        ("\"member\":\"gru\"", "\"member\":\"gru/x\""),
        ("\"version\":2}", "\"version\":2} and more"),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good, "{from}");
        assert!(
            matches!(Message::parse(wrong.as_bytes()), Err(MessageError::Shape(_))),
            "{to}"
        );
    }
    let eval = message(tasks("gru", "", "", 1, true).remove(3), 0).to_json();
    let neither = eval.replacen("\"artifact\":", "\"failed\":null,\"artefact\":", 1);
    assert!(Message::parse(neither.as_bytes()).is_err(), "{neither}");
    let large = format!("{good}{}", " ".repeat(MAX_BYTES));
    assert!(matches!(
        Message::parse(large.as_bytes()),
        Err(MessageError::Size { .. })
    ));
}

#[test]
fn events_of_one_key_are_told_apart_by_sequencer_and_else_by_time() {
    let id = |sequencer: Option<&str>, time: Option<&str>| EventId {
        sequencer: sequencer.map(str::to_owned),
        time: time.map(str::to_owned),
    };
    let of = |sequencer| id(Some(sequencer), None);
    for (later, earlier, expected) in [
        (of("0055AED6DCD90281E5"), of("0055AED6DCD90281E4"), true),
        (of("0055AED6DCD90281E4"), of("0055AED6DCD90281E4"), false),
        (of("0055aed6dcd90281e5"), of("0055AED6DCD90281E4"), true),
        (of("01"), of("0055AED6DCD90281E4"), true),
        (of("0055AED6DCD90281E4"), of("01"), false),
        (
            id(None, Some("2026-01-01T00:00:01.000Z")),
            id(None, Some("2026-01-01T00:00:00.999Z")),
            true,
        ),
        (id(None, None), of("01"), false),
        (of("01"), id(None, None), false),
    ] {
        assert_eq!(later.is_after(&earlier), expected, "{later:?} after {earlier:?}");
    }
}

#[test]
fn a_template_is_written_out_for_each_member_or_part() {
    let mut tasks = tasks("naive", "", "", 1, true);
    let (sample, train) = (tasks.remove(1), tasks.remove(1));
    let members = ["naive", "gru"].map(name::<contract::MemberName>).to_vec();
    let next = Next::per_member(train.clone(), members.clone());
    let sent: Vec<_> = next
        .tasks()
        .iter()
        .map(|task| task.member().cloned().unwrap())
        .collect();
    assert_eq!(sent, members);
    let parts = vec![CleanPart {
        part: PartId { index: 1, of: 2 },
        clean: digest(8),
    }];
    let Task::Sample(sent) = &Next::per_part(sample, parts).tasks()[0] else {
        panic!("a sample task")
    };
    assert_eq!((sent.part.index, sent.clean), (1, digest(8)));
    assert_eq!(Next::nothing().tasks(), []);
    assert_eq!(Next::continuation(train.clone(), 3).tasks(), [train]);
    let stored = serde_json::to_value(&next).unwrap();
    assert_eq!(serde_json::from_value::<Next>(stored).unwrap(), next);
}
