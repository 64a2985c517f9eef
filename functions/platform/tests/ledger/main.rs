//! The ledger against a reference model, over random interleavings of everything that can happen to a job.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod act;
mod model;
mod register;
mod world;

use act::Act;
use proptest::prelude::*;
use register::Fate;
use world::{Answers, Hosts, Op, World};

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Answered),
        1 => Just(Fate::NeverArrives),
        1 => Just(Fate::ArrivesUnanswered),
        1 => Just(Fate::ArrivesLate),
    ]
}

fn answers() -> impl Strategy<Value = Answers> {
    let frozen_s = prop_oneof![9 => Just(0_i64), 1 => 1_i64..8];
    (frozen_s, prop::collection::vec(fate(), 0..3), prop::bool::weighted(0.3)).prop_map(|(frozen_s, fates, hurried)| {
        Answers {
            frozen_s,
            fates,
            hurried,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Renew),
        2 => Just(Act::Later),
        1 => Just(Act::Wait),
        1 => Just(Act::Stop),
        3 => (0_u32..4).prop_map(Act::Yield),
        2 => Just(Act::Commit),
        1 => Just(Act::Fail),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let worker = 0..world::WORKERS;
    prop_oneof![
        6 => (worker.clone(), any::<prop::sample::Index>()).prop_map(|(worker, pick)| Op::Receive { worker, pick }),
        24 => (worker.clone(), act(), answers())
            .prop_map(|(worker, act, answers)| Op::GoOn { worker, act, answers }),
        2 => worker.prop_map(|worker| Op::Crash { worker }),
        1 => Just(Op::Restart),
        4 => (1_i64..6).prop_map(|seconds| Op::Pass { seconds }),
        2 => any::<prop::sample::Index>().prop_map(|pick| Op::Land { pick }),
        1 => any::<prop::sample::Index>().prop_map(|pick| Op::Duplicate { pick }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_job_is_done_once_and_sent_on(
        hosts in prop_oneof![Just(Hosts::Cloud), Just(Hosts::Local)],
        ops in prop::collection::vec(op(), 0..120),
    ) {
        let mut world = World::new(hosts);
        for op in ops {
            world.apply(op);
        }
        world.recover();
    }
}

/// The generator above is useful only if it reaches every case.
#[test]
fn random_histories_reach_every_corner() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    for _ in 0..200 {
        let ops = prop::collection::vec(op(), 0..120)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut world = World::new(Hosts::Cloud);
        for op in ops {
            world.apply(op);
        }
        world.recover();
        for what in world.corners() {
            *seen.entry(what).or_default() += 1;
        }
    }
    for corner in [
        "take over",
        "exhausted",
        "give back",
        "send next",
        "stale",
        "lost",
        "doubt resolved",
        "late landing",
    ] {
        assert!(seen.get(corner).is_some_and(|&times| times > 3), "{corner}: {seen:?}");
    }
}
