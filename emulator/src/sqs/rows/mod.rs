//! The rows of the queues and the changes of them, each inside a transaction of its caller.
//!
//! Every change checks before it writes: when it fails, the engine still commits the other changes of the transaction.

#[cfg(test)]
mod model;
mod take;

use std::collections::BTreeMap;

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

pub(super) use self::take::{Take, Taken};
use super::{
    attributes::{Queue, last_segment},
    error::Error,
    message::Message,
    receipt::Receipt,
};

/// Queue name to [`Queue`], as JSON.
pub(super) const QUEUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("sqs.queues");
/// (queue, message) to [`Message`], as JSON. Written once: a receive only touches the two small tables below.
const MESSAGES: TableDefinition<'static, (u64, u64), &[u8]> = TableDefinition::new("sqs.messages");
/// (queue, message) to (visible from, receives, first receive, nonce of the newest receive).
const STATES: TableDefinition<'static, (u64, u64), (i64, u32, i64, u128)> = TableDefinition::new("sqs.states");
/// (queue, visible from, message) to (was it received, when sent): what is next, without reading bodies.
pub(super) const ORDER: TableDefinition<'static, (u64, i64, u64), (bool, i64)> = TableDefinition::new("sqs.order");
/// The last number given to a queue or message.
const NUMBERS: TableDefinition<'static, &str, u64> = TableDefinition::new("sqs.numbers");

/// All tables, opened in one transaction.
pub(super) struct Rows<'t> {
    queues: Table<'t, &'static str, &'static [u8]>,
    messages: Table<'t, (u64, u64), &'static [u8]>,
    states: Table<'t, (u64, u64), (i64, u32, i64, u128)>,
    order: Table<'t, (u64, i64, u64), (bool, i64)>,
    numbers: Table<'t, &'static str, u64>,
}

/// The delivery state of a message.
#[derive(Clone, Copy)]
struct State {
    visible_ms: i64,
    received: u32,
    first_received_ms: i64,
    nonce: u128,
}

/// How many messages a queue holds, by what they wait for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Counts {
    pub(super) visible: u64,
    pub(super) in_flight: u64,
    pub(super) delayed: u64,
}

impl Counts {
    /// Counts one row of [`ORDER`].
    pub(super) fn add(&mut self, visible_ms: i64, received: bool, now_ms: i64) {
        match (visible_ms <= now_ms, received) {
            (true, _) => self.visible += 1,
            (false, true) => self.in_flight += 1,
            (false, false) => self.delayed += 1,
        }
    }
}

impl<'t> Rows<'t> {
    pub(super) fn open(txn: &'t WriteTransaction) -> Result<Self, Error> {
        Ok(Self {
            queues: txn.open_table(QUEUES)?,
            messages: txn.open_table(MESSAGES)?,
            states: txn.open_table(STATES)?,
            order: txn.open_table(ORDER)?,
            numbers: txn.open_table(NUMBERS)?,
        })
    }

    pub(super) fn find(&self, name: &str) -> Result<Option<Queue>, Error> {
        self.queues.get(name)?.map(|row| parse(row.value())).transpose()
    }

    pub(super) fn queue(&self, name: &str) -> Result<Queue, Error> {
        self.find(name)?.ok_or_else(|| Error::NoQueue(name.to_owned()))
    }

    pub(super) fn put_queue(&mut self, name: &str, queue: &Queue) -> Result<(), Error> {
        self.queues.insert(name, write(queue).as_slice())?;
        Ok(())
    }

    /// Sets attributes of a queue. Its dead-letter target must be another queue that exists.
    pub(super) fn set_attributes(
        &self,
        name: &str,
        queue: &mut Queue,
        given: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        for (attribute, value) in given {
            queue.set(attribute, value)?;
        }
        let Some(redrive) = queue.redrive.as_ref().filter(|_| given.contains_key("RedrivePolicy")) else {
            return Ok(());
        };
        let arn = &redrive.dead_letter_target_arn;
        let target = last_segment(arn);
        if arn.starts_with("arn:aws:sqs:") && target != name && self.find(target)?.is_some() {
            return Ok(());
        }
        Err(Error::Parameter {
            parameter: "RedrivePolicy",
            value: arn.clone(),
            reason: "the dead-letter target must be the ARN of another queue that exists".to_owned(),
        })
    }

    /// Returns the next number; each is returned once.
    pub(super) fn number(&mut self) -> Result<u64, Error> {
        let next = self.numbers.get("last")?.map_or(0, |row| row.value()) + 1;
        self.numbers.insert("last", next)?;
        Ok(next)
    }

    pub(super) fn delete_queue(&mut self, name: &str) -> Result<(), Error> {
        let queue = self.queue(name)?;
        self.purge(&queue)?;
        self.queues.remove(name)?;
        Ok(())
    }

    pub(super) fn purge(&mut self, queue: &Queue) -> Result<(), Error> {
        let all = (queue.id, 0)..=(queue.id, u64::MAX);
        self.messages.retain_in(all.clone(), |_, _| false)?;
        self.states.retain_in(all, |_, _| false)?;
        self.order
            .retain_in((queue.id, i64::MIN, 0)..=(queue.id, i64::MAX, u64::MAX), |_, _| false)?;
        Ok(())
    }

    /// Puts a new message into a queue.
    pub(super) fn put(&mut self, queue: u64, message: &Message, visible_ms: i64) -> Result<(), Error> {
        self.put_received(queue, message, State::new(visible_ms))
    }

    fn put_received(&mut self, queue: u64, message: &Message, state: State) -> Result<(), Error> {
        let number = self.number()?;
        self.messages.insert((queue, number), write(message).as_slice())?;
        self.states.insert((queue, number), state.to_row())?;
        // A message that was moved waits like a new one: it was never received from this queue.
        self.order
            .insert((queue, state.visible_ms, number), (false, message.sent_ms))?;
        Ok(())
    }

    fn ready(&self, queue: u64, after: (i64, u64), now_ms: i64, limit: usize) -> Result<Vec<(i64, u64)>, Error> {
        let rows = self
            .order
            .range((queue, after.0, after.1)..=(queue, now_ms, u64::MAX))?;
        let keys = rows.take(limit).map(|row| {
            let (key, _) = row?;
            let (_, visible_ms, number) = key.value();
            Ok((visible_ms, number))
        });
        keys.collect()
    }

    /// Deletes a message by its newest delivery. An older delivery deletes nothing and is no error, as on AWS.
    pub(super) fn delete(&mut self, receipt: Receipt) -> Result<(), Error> {
        match self.held(receipt)? {
            Some(state) => self.remove(receipt.queue, receipt.message, state),
            None => Ok(()),
        }
    }

    /// Hides a message by its newest delivery for `visibility_s` seconds from now; 0 makes it visible at once. This
    /// also works after the visibility timeout, as long as the message was not received again.
    pub(super) fn extend(&mut self, receipt: Receipt, now_ms: i64, visibility_s: u32) -> Result<(), Error> {
        let Some(state) = self.held(receipt)? else {
            return Err(Error::Superseded(receipt.to_handle()));
        };
        let next = State {
            visible_ms: now_ms + i64::from(visibility_s) * 1000,
            ..state
        };
        self.change(receipt.queue, receipt.message, state, next)
    }

    /// Makes every message that is in flight visible now and returns how many there were.
    pub(super) fn release(&mut self, now_ms: i64) -> Result<u64, Error> {
        let mut hidden = Vec::new();
        for row in self.order.iter()? {
            let (key, value) = row?;
            let ((queue, visible_ms, number), (received, _)) = (key.value(), value.value());
            if received && visible_ms > now_ms {
                hidden.push((queue, number));
            }
        }
        for (queue, number) in &hidden {
            let state = self.state(*queue, *number)?.expect("an ordered message has a state");
            let next = State {
                visible_ms: now_ms,
                ..state
            };
            self.change(*queue, *number, state, next)?;
        }
        Ok(hidden.len() as u64)
    }

    /// Returns the state of a message if this is its newest delivery; `None` where it is not or the message is gone.
    fn held(&self, receipt: Receipt) -> Result<Option<State>, Error> {
        let state = self.state(receipt.queue, receipt.message)?;
        Ok(state.filter(|state| state.nonce == receipt.nonce))
    }

    fn state(&self, queue: u64, number: u64) -> Result<Option<State>, Error> {
        Ok(self
            .states
            .get((queue, number))?
            .map(|row| State::from_row(row.value())))
    }

    fn message(&self, queue: u64, number: u64) -> Result<Message, Error> {
        let row = self
            .messages
            .get((queue, number))?
            .expect("an ordered message is stored");
        parse(row.value())
    }

    fn change(&mut self, queue: u64, number: u64, old: State, new: State) -> Result<(), Error> {
        let row = self.order.remove((queue, old.visible_ms, number))?;
        let (_, sent_ms) = row.map(|row| row.value()).expect("a state has its place in the order");
        self.order.insert((queue, new.visible_ms, number), (true, sent_ms))?;
        self.states.insert((queue, number), new.to_row())?;
        Ok(())
    }

    fn remove(&mut self, queue: u64, number: u64, state: State) -> Result<(), Error> {
        self.order.remove((queue, state.visible_ms, number))?;
        self.states.remove((queue, number))?;
        self.messages.remove((queue, number))?;
        Ok(())
    }
}

impl State {
    /// Returns the state of a message that was never received.
    fn new(visible_ms: i64) -> Self {
        Self {
            visible_ms,
            received: 0,
            first_received_ms: 0,
            nonce: 0,
        }
    }

    fn to_row(self) -> (i64, u32, i64, u128) {
        (self.visible_ms, self.received, self.first_received_ms, self.nonce)
    }

    fn from_row((visible_ms, received, first_received_ms, nonce): (i64, u32, i64, u128)) -> Self {
        Self {
            visible_ms,
            received,
            first_received_ms,
            nonce,
        }
    }
}

/// Reads a JSON row.
pub(super) fn parse<T: serde::de::DeserializeOwned>(row: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(row).map_err(|error| Error::Storage(Box::new(error)))
}

fn write(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain fields and text keys are JSON")
}
