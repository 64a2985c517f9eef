//! The rules once more, stated over the whole history of a job instead of over one small document.

/// One thing that happened to a job.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Fact {
    /// A worker claimed it.
    Claimed(Claim),
    /// The holder renewed its claim.
    Renewed,
    /// The holder gave it back after a failed attempt.
    Later,
    /// The holder gave it back without counting an attempt.
    Excused,
    /// The holder stopped with progress.
    Yielded,
    /// The holder finished it.
    Committed,
    /// The claimant failed it.
    Failed,
    /// A worker marked what comes next as sent.
    Marked,
}

/// A claim.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Claim {
    pub(crate) id: u64,
    pub(crate) owner: String,
}

/// What a message should lead to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Claim,
    TakeOver { attempt: u32 },
    GiveUp,
    GiveBack { rest_s: i64 },
    SendNext,
    Acknowledge,
}

/// Everything that happened, in the order in which it took effect in the store.
#[derive(Default)]
pub(crate) struct History {
    facts: Vec<(i64, Fact)>,
}

impl History {
    pub(crate) fn add(&mut self, now_s: i64, fact: Fact) {
        self.facts.push((now_s, fact));
    }

    /// Returns the last fact that moved the job, and all facts after it.
    fn position(&self) -> Option<(&Fact, &[(i64, Fact)])> {
        let moved = |fact: &Fact| !matches!(fact, Fact::Renewed | Fact::Marked);
        let at = self.facts.iter().rposition(|(_, fact)| moved(fact))?;
        Some((&self.facts[at].1, &self.facts[at + 1..]))
    }

    /// Returns the claim whose holder may change the job.
    pub(crate) fn holder(&self) -> Option<u64> {
        match self.position() {
            Some((Fact::Claimed(claim), _)) => Some(claim.id),
            _ => None,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.position(), Some((Fact::Committed | Fact::Failed, _)))
    }

    pub(crate) fn count(&self, fact: &Fact) -> usize {
        self.facts.iter().filter(|(_, other)| other == fact).count()
    }

    pub(crate) fn claims(&self) -> usize {
        self.facts
            .iter()
            .filter(|(_, fact)| matches!(fact, Fact::Claimed(_)))
            .count()
    }

    pub(crate) fn hop(&self) -> u32 {
        u32::try_from(self.count(&Fact::Yielded)).unwrap()
    }

    fn is_sent(&self) -> bool {
        self.position()
            .is_some_and(|(_, since)| since.iter().any(|(_, fact)| *fact == Fact::Marked))
    }

    /// Returns the number of attempts that ended without a result since the last progress: those that were given back,
    /// and those whose claim was followed by another one.
    fn attempts(&self) -> u32 {
        let begin = self
            .facts
            .iter()
            .rposition(|(_, fact)| *fact == Fact::Yielded)
            .map_or(0, |at| at + 1);
        let moves: Vec<&Fact> = self.facts[begin..]
            .iter()
            .map(|(_, fact)| fact)
            .filter(|fact| **fact != Fact::Renewed)
            .collect();
        let given_back = moves.iter().filter(|fact| ***fact == Fact::Later).count();
        let vanished = moves
            .windows(2)
            .filter(|pair| matches!(pair, [Fact::Claimed(_), Fact::Claimed(_)]))
            .count();
        u32::try_from(given_back + vanished).unwrap()
    }

    /// Returns for how long the last writer's lease still holds, in seconds.
    fn rest_s(&self, me: &str, lease_s: i64, now_s: i64) -> i64 {
        let last_claim = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::Claimed(claim) => Some(claim),
            _ => None,
        });
        let is_local = |name: &str| name.starts_with("local/");
        let owner = last_claim.map_or("", |claim| claim.owner.as_str());
        if is_local(owner) && is_local(me) && owner != me {
            return 0;
        }
        let last_write_s = self.facts.last().map_or(now_s, |(at, _)| *at);
        (last_write_s + lease_s + 1 - now_s).max(0)
    }

    pub(crate) fn verdict(&self, message_hop: u32, me: &str, lease_s: i64, max_attempts: u32, now_s: i64) -> Verdict {
        let take = |attempt| {
            if attempt > max_attempts {
                Verdict::GiveUp
            } else {
                Verdict::TakeOver { attempt }
            }
        };
        let rest_s = self.rest_s(me, lease_s, now_s);
        let give_back_or = |verdict| {
            if rest_s > 0 {
                Verdict::GiveBack { rest_s }
            } else {
                verdict
            }
        };
        match self.position() {
            None => Verdict::Claim,
            Some((Fact::Claimed(_), _)) => give_back_or(take(self.attempts() + 1)),
            Some((Fact::Later | Fact::Excused, _)) => take(self.attempts()),
            Some((Fact::Yielded, _)) if message_hop == self.hop() => take(0),
            Some(_) if self.is_sent() => Verdict::Acknowledge,
            Some(_) => give_back_or(Verdict::SendNext),
        }
    }
}
