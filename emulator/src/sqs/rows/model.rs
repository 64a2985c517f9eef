//! Compares the rows with a model that keeps every message in a plain map.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::Index};
use redb::{Database, backends::InMemoryBackend};

use super::*;
use crate::faults::Faults;

/// What a client does, or the passing of time.
#[derive(Clone, Copy, Debug)]
enum Action {
    Send {
        delay_s: u8,
    },
    Receive {
        max: usize,
        visibility_s: u8,
    },
    /// With the handle of any delivery so far, old ones included.
    Delete {
        delivery: Index,
    },
    Extend {
        delivery: Index,
        visibility_s: u8,
    },
    Wait {
        seconds: u8,
    },
    Restart,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        3 => (0..5u8).prop_map(|delay_s| Action::Send { delay_s }),
        4 => (1..4usize, 0..6u8).prop_map(|(max, visibility_s)| Action::Receive { max, visibility_s }),
        3 => any::<Index>().prop_map(|delivery| Action::Delete { delivery }),
        2 => (any::<Index>(), 0..6u8).prop_map(|(delivery, visibility_s)| Action::Extend { delivery, visibility_s }),
        3 => (0..5u8).prop_map(|seconds| Action::Wait { seconds }),
        1 => Just(Action::Restart),
    ];
    prop::collection::vec(action, 1..60)
}

/// The messages that are not deleted: when each is visible, and how often it was received. Keys count the sends.
type Model = BTreeMap<usize, (i64, u32)>;

/// The rows, the model, every delivery ever made and the time.
struct World<'t> {
    rows: Rows<'t>,
    queue: Queue,
    model: Model,
    deliveries: Vec<Taken>,
    sent: usize,
    now_ms: i64,
}

impl World<'_> {
    fn take(&mut self, action: Action) {
        match action {
            Action::Send { delay_s } => self.send(later(self.now_ms, delay_s)),
            Action::Receive { max, visibility_s } => self.receive(max, visibility_s),
            Action::Delete { delivery } => self.delete(delivery),
            Action::Extend { delivery, visibility_s } => self.extend(delivery, visibility_s),
            Action::Wait { seconds } => self.now_ms = later(self.now_ms, seconds),
            Action::Restart => self.restart(),
        }
    }

    fn send(&mut self, visible_ms: i64) {
        let id = self.sent;
        self.sent += 1;
        self.rows.put(self.queue.id, &message(id), visible_ms).unwrap();
        self.model.insert(id, (visible_ms, 0));
    }

    /// Messages that have been visible longest come first, then those that were sent first.
    fn receive(&mut self, max: usize, visibility_s: u8) {
        let ask = Take {
            now_ms: self.now_ms,
            max,
            visibility_s: Some(u32::from(visibility_s)),
        };
        let (taken, _) = self.rows.take("jobs", ask, &Faults::none(), "arn").unwrap();
        let mut visible: Vec<_> = self
            .model
            .iter()
            .filter(|(_, (visible, _))| *visible <= self.now_ms)
            .collect();
        visible.sort_by_key(|(id, (visible_ms, _))| (*visible_ms, **id));
        let expected: Vec<_> = visible
            .iter()
            .take(max)
            .map(|(id, (_, received))| (**id, received + 1))
            .collect();
        let seen: Vec<_> = taken.iter().map(|one| (id(one), one.received)).collect();
        assert_eq!(seen, expected);
        for (id, received) in seen {
            self.model.insert(id, (later(self.now_ms, visibility_s), received));
        }
        self.deliveries.extend(taken);
    }

    fn delete(&mut self, delivery: Index) {
        let Some(taken) = self.pick(delivery) else { return };
        let outcome = self.rows.delete(taken.receipt);
        match self.newest(&taken) {
            Some(true) => assert!(self.model.remove(&id(&taken)).is_some() && outcome.is_ok()),
            Some(false) | None => assert!(outcome.is_ok()),
        }
    }

    fn extend(&mut self, delivery: Index, visibility_s: u8) {
        let Some(taken) = self.pick(delivery) else { return };
        let outcome = self.rows.extend(taken.receipt, self.now_ms, u32::from(visibility_s));
        let entry = self
            .model
            .get_mut(&id(&taken))
            .filter(|(_, received)| *received == taken.received);
        match entry {
            Some((visible_ms, _)) => {
                *visible_ms = later(self.now_ms, visibility_s);
                assert!(outcome.is_ok());
            }
            None => assert!(matches!(outcome, Err(Error::Superseded(_)))),
        }
    }

    fn restart(&mut self) {
        self.rows.release(self.now_ms).unwrap();
        for (visible_ms, _) in self.model.values_mut().filter(|(_, received)| *received > 0) {
            *visible_ms = self.now_ms.min(*visible_ms);
        }
    }

    fn pick(&self, delivery: Index) -> Option<Taken> {
        (!self.deliveries.is_empty()).then(|| delivery.get(&self.deliveries).clone())
    }

    /// Returns whether this is the newest delivery of its message; `None` where the message is gone.
    fn newest(&self, taken: &Taken) -> Option<bool> {
        self.model
            .get(&id(taken))
            .map(|(_, received)| *received == taken.received)
    }

    fn check_counts(&self) {
        let (mut stored, mut modelled) = (Counts::default(), Counts::default());
        for row in self.rows.order.iter().unwrap() {
            let (key, value) = row.unwrap();
            stored.add(key.value().1, value.value().0, self.now_ms);
        }
        for (visible_ms, received) in self.model.values() {
            modelled.add(*visible_ms, *received > 0, self.now_ms);
        }
        assert_eq!(stored, modelled);
    }
}

fn later(now_ms: i64, seconds: u8) -> i64 {
    now_ms + i64::from(seconds) * 1000
}

fn id(taken: &Taken) -> usize {
    taken.message.id.parse().unwrap()
}

fn message(id: usize) -> Message {
    Message {
        id: id.to_string(),
        body: "x".to_owned(),
        attributes: BTreeMap::default(),
        trace_header: None,
        group: None,
        sender: "s".to_owned(),
        sent_ms: 0,
        dead_letter_source: None,
        copy: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_order_of_requests_gives_what_the_model_gives(actions in actions()) {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = database.begin_write().unwrap();
        let mut rows = Rows::open(&txn).unwrap();
        let queue = Queue::new(1, 0);
        rows.put_queue("jobs", &queue).unwrap();
        let mut world = World { rows, queue, model: Model::new(), deliveries: Vec::new(), sent: 0, now_ms: 0 };
        for action in actions {
            world.take(action);
            world.check_counts();
        }
    }
}
