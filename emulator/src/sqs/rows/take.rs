//! Receiving: what is visible, minus what is too old, minus what was received too often.

use uuid::Uuid;

use super::{Rows, State};
use crate::faults::Faults;
use crate::sqs::{
    attributes::{Queue, Redrive, last_segment},
    error::Error,
    message::Message,
    receipt::Receipt,
};

/// One delivery.
#[derive(Clone, Debug)]
pub(in crate::sqs) struct Taken {
    pub(in crate::sqs) message: Message,
    pub(in crate::sqs) receipt: Receipt,
    pub(in crate::sqs) received: u32,
    /// When the message was first received, UTC milliseconds.
    pub(in crate::sqs) first_received_ms: i64,
}

/// What a receive asks for.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqs) struct Take {
    pub(in crate::sqs) now_ms: i64,
    pub(in crate::sqs) max: usize,
    /// `None` means the queue's own timeout.
    pub(in crate::sqs) visibility_s: Option<u32>,
}

/// The queue that takes messages received too often.
struct DeadLetter {
    name: String,
    id: u64,
    max_receive_count: u32,
}

/// What a receive did with one visible message.
enum Received {
    Taken(Box<Taken>),
    Moved,
    Expired,
}

impl Rows<'_> {
    /// Receives what is visible, oldest first. Drops what is over its retention and moves what was received too often
    /// to the dead-letter queue; returns that queue's name when it moved something.
    pub(in crate::sqs) fn take(
        &mut self,
        name: &str,
        take: Take,
        faults: &Faults,
        arn: &str,
    ) -> Result<(Vec<Taken>, Option<String>), Error> {
        let queue = self.queue(name)?;
        let dead_letter = self.dead_letter(&queue)?;
        let (mut taken, mut moved) = (Vec::<Taken>::new(), false);
        let mut after = (i64::MIN, 0);
        while taken.len() < take.max {
            let wanted = faults.window(take.max - taken.len());
            let mut ready = self.ready(queue.id, after, take.now_ms, wanted)?;
            let Some(last) = ready.last() else { break };
            after = (last.0, last.1 + 1);
            faults.shuffle(&mut ready);
            for (_, number) in ready {
                // With a visibility timeout of 0 a message stays visible after it was received.
                if taken.len() == take.max || taken.iter().any(|one| one.receipt.message == number) {
                    continue;
                }
                match self.receive(&queue, number, take, dead_letter.as_ref(), arn)? {
                    Received::Taken(one) => taken.push(*one),
                    Received::Moved => moved = true,
                    Received::Expired => {}
                }
            }
        }
        self.duplicate(&queue, &taken, faults, take.now_ms)?;
        Ok((taken, dead_letter.filter(|_| moved).map(|queue| queue.name)))
    }

    fn dead_letter(&self, queue: &Queue) -> Result<Option<DeadLetter>, Error> {
        let Some(Redrive {
            dead_letter_target_arn,
            max_receive_count,
        }) = &queue.redrive
        else {
            return Ok(None);
        };
        let name = last_segment(dead_letter_target_arn).to_owned();
        // When the target was deleted since, the message stays, as on AWS.
        let target = self.find(&name)?;
        Ok(target.map(|target| DeadLetter {
            name,
            id: target.id,
            max_receive_count: *max_receive_count,
        }))
    }

    fn receive(
        &mut self,
        queue: &Queue,
        number: u64,
        take: Take,
        dead_letter: Option<&DeadLetter>,
        arn: &str,
    ) -> Result<Received, Error> {
        let state = self.state(queue.id, number)?.expect("an ordered message has a state");
        let message = self.message(queue.id, number)?;
        if message.sent_ms.saturating_add(i64::from(queue.retention_s) * 1000) <= take.now_ms {
            self.remove(queue.id, number, state)?;
            return Ok(Received::Expired);
        }
        if let Some(target) = dead_letter.filter(|target| state.received >= target.max_receive_count) {
            self.remove(queue.id, number, state)?;
            let message = Message {
                dead_letter_source: Some(arn.to_owned()),
                ..message
            };
            self.put_received(
                target.id,
                &message,
                State {
                    visible_ms: take.now_ms,
                    nonce: 0,
                    ..state
                },
            )?;
            return Ok(Received::Moved);
        }
        let next = state.received(take.now_ms, take.visibility_s.unwrap_or(queue.visibility_s));
        self.change(queue.id, number, state, next)?;
        Ok(Received::Taken(Box::new(Taken {
            message,
            receipt: Receipt {
                queue: queue.id,
                message: number,
                nonce: next.nonce,
            },
            received: next.received,
            first_received_ms: next.first_received_ms,
        })))
    }

    /// Puts copies of messages that are received for the first time into the queue, where duplication is injected.
    fn duplicate(&mut self, queue: &Queue, taken: &[Taken], faults: &Faults, now_ms: i64) -> Result<(), Error> {
        let first = |one: &&Taken| one.received == 1 && !one.message.copy;
        for one in taken.iter().filter(first) {
            let copy = Message {
                copy: true,
                ..one.message.clone()
            };
            for _ in 1..faults.duplicate {
                self.put(queue.id, &copy, now_ms)?;
            }
        }
        Ok(())
    }
}

impl State {
    /// Returns the state after one more receive, which makes the handles of earlier ones invalid.
    fn received(self, now_ms: i64, visibility_s: u32) -> Self {
        Self {
            visible_ms: now_ms + i64::from(visibility_s) * 1000,
            received: self.received + 1,
            first_received_ms: if self.received == 0 {
                now_ms
            } else {
                self.first_received_ms
            },
            nonce: Uuid::new_v4().as_u128(),
        }
    }
}
