//! A store, a queue and a few workers. The test chooses every step: which worker moves, what an answer does, which
//! worker dies.
//!
//! The workers decide with the real `transition` and write with the real `swap`. Every decision is compared with the
//! model, and every write that takes effect is checked against what the model allows its writer.

use std::{collections::BTreeSet, time::Duration};

use contract::{FailedStage, Stage};
use futures_util::FutureExt as _;
use platform::{
    Clock as _, ETag,
    ledger::{
        Action, Arrival, Claimant, Ledger, Nonce, State, lease,
        swap::{self, SwapError},
        transition,
    },
};
use proptest::sample::Index;

use crate::{
    act::{Act, after, failure, job, successor},
    model::{Claim, Fact, Verdict},
    register::{Fate, Meaning, Register, nonce, seconds},
};

pub(crate) const WORKERS: usize = 3;
const LEASE_S: u64 = 3;
const LEASE: Duration = Duration::from_secs(LEASE_S);
const MAX_ATTEMPTS: u32 = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hosts {
    /// Workers that do not know each other.
    Cloud,
    /// Workers of one process, which takes the next epoch when it starts again.
    Local,
}

/// How the store answers one write, try by try.
#[derive(Clone, Default, Debug)]
pub(crate) struct Answers {
    /// For how long the writer is frozen before its first try, in seconds.
    pub(crate) frozen_s: i64,
    /// What happens to its first tries; later ones are answered.
    pub(crate) fates: Vec<Fate>,
    /// Whether it has no time for a second try.
    pub(crate) hurried: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// An idle worker receives a message.
    Receive {
        worker: usize,
        pick: Index,
    },
    /// A busy worker takes its next step; `act` is what a holder does.
    GoOn {
        worker: usize,
        act: Act,
        answers: Answers,
    },
    /// A worker dies, and its message comes back.
    Crash {
        worker: usize,
    },
    /// The process of all local workers dies.
    Restart,
    Pass {
        seconds: i64,
    },
    /// A late write arrives.
    Land {
        pick: Index,
    },
    /// The queue delivers a message twice.
    Duplicate {
        pick: Index,
    },
}

/// A message in the queue.
#[derive(Clone, Copy, Debug)]
struct Letter {
    hop: u32,
    visible_at: i64,
}

/// What a worker is doing. Its next step takes this and returns what it does then.
enum Doing {
    Nothing,
    /// It has decided to claim, and has not written yet.
    Claiming(Claiming),
    Working(Holding),
    Sending(Ended),
    Marking(Ended),
}

struct Claiming {
    letter: Letter,
    ledger: Ledger,
    seen: Option<ETag>,
    exhausted: bool,
}

struct Holding {
    letter: Letter,
    ledger: Ledger,
    etag: ETag,
    asked: i64,
    claim: u64,
}

struct Ended {
    letter: Letter,
    ledger: Ledger,
    etag: ETag,
}

pub(crate) struct World {
    hosts: Hosts,
    epoch: u32,
    doing: Vec<Doing>,
    letters: Vec<Letter>,
    /// How often the successor of the job was sent.
    successors: usize,
    claims: u64,
    register: Register,
    corners: BTreeSet<&'static str>,
}

impl World {
    pub(crate) fn new(hosts: Hosts) -> Self {
        Self {
            hosts,
            epoch: 1,
            doing: (0..WORKERS).map(|_| Doing::Nothing).collect(),
            letters: vec![Letter { hop: 0, visible_at: 0 }],
            successors: 0,
            claims: 0,
            register: Register::default(),
            corners: BTreeSet::new(),
        }
    }

    /// Returns the rare cases that this history had.
    pub(crate) fn corners(&self) -> impl Iterator<Item = &'static str> {
        let mut corners = self.corners.clone();
        corners.extend(self.register.lock().corners.iter());
        corners.into_iter()
    }

    pub(crate) fn apply(&mut self, op: Op) {
        match op {
            Op::Receive { worker, pick } => self.receive(worker, pick),
            Op::GoOn { worker, act, answers } => self.go_on(worker, act, answers),
            Op::Crash { worker } => self.crash(worker),
            Op::Restart => self.restart(),
            Op::Pass { seconds } => self.register.lock().now_s += seconds,
            Op::Land { pick } => {
                let mut register = self.register.lock();
                let at = pick.index(register.late.len().max(1));
                register.land(at);
            }
            Op::Duplicate { pick } => {
                if !self.letters.is_empty() {
                    let copy = *pick.get(&self.letters);
                    self.letters.push(copy);
                }
            }
        }
        self.check();
    }

    /// Lets everything run without faults: the job must end, send its successors, and leave no message behind.
    pub(crate) fn recover(&mut self) {
        self.settle();
        assert!(self.successors > 0, "nobody sent the successor");
        // A mark that was lost is made up for by the next delivery.
        self.letters.push(Letter { hop: 0, visible_at: 0 });
        self.settle();
        let register = self.register.lock();
        let (ledger, ..) = register.there.as_ref().expect("the job was claimed");
        assert!(ledger.sent, "the job is not known to be sent on: {ledger:?}");
    }

    fn settle(&mut self) {
        for _ in 0..400 {
            for worker in 0..WORKERS {
                if matches!(self.doing[worker], Doing::Nothing) {
                    self.receive_any(worker);
                } else {
                    self.go_on(worker, Act::Commit, Answers::default());
                }
                self.check();
            }
            let mut register = self.register.lock();
            register.now_s += 1;
            register.land(0);
            let is_idle = self.doing.iter().all(|doing| matches!(doing, Doing::Nothing));
            if is_idle && self.letters.is_empty() && register.late.is_empty() {
                break;
            }
        }
        let register = self.register.lock();
        let (ledger, ..) = register.there.as_ref().expect("the job was claimed");
        assert!(ledger.state.is_final(), "the job has not ended: {ledger:?}");
        assert!(self.letters.is_empty(), "messages are left over: {:?}", self.letters);
    }

    fn owner(&self, worker: usize) -> String {
        match self.hosts {
            Hosts::Cloud => format!("host/{worker}"),
            Hosts::Local => format!("local/{}", self.epoch),
        }
    }

    fn receive_any(&mut self, worker: usize) {
        let now_s = self.register.lock().now_s;
        if let Some(at) = self.letters.iter().position(|letter| letter.visible_at <= now_s) {
            self.read(worker, at);
        }
    }

    fn receive(&mut self, worker: usize, pick: Index) {
        let now_s = self.register.lock().now_s;
        let visible: Vec<usize> = (0..self.letters.len())
            .filter(|&at| self.letters[at].visible_at <= now_s)
            .collect();
        if matches!(self.doing[worker], Doing::Nothing) && !visible.is_empty() {
            self.read(worker, *pick.get(&visible));
        }
    }

    /// Takes a message, reads the ledger, decides, and compares the decision with the model's.
    fn read(&mut self, worker: usize, at: usize) {
        let letter = self.letters.swap_remove(at);
        let owner = self.owner(worker);
        let found = swap::read(&self.register, job()).now_or_never().unwrap().unwrap();
        let register = self.register.lock();
        let now_s = register.now_s;
        let arrival = Arrival {
            job: job(),
            work: job(),
            stage: FailedStage::Stage(Stage::Preprocess),
            hop: letter.hop,
            again: false,
        };
        let me = Claimant {
            owner: &owner,
            lease_s: LEASE_S,
            max_attempts: MAX_ATTEMPTS,
            now_s,
        };
        let action = transition::arrive(found.as_ref(), &arrival, &me, Nonce::fresh());
        let verdict =
            register
                .history
                .verdict(letter.hop, &owner, i64::try_from(LEASE_S).unwrap(), MAX_ATTEMPTS, now_s);
        assert_eq!(
            verdict_of(&action),
            verdict,
            "at {now_s} s, hop {}, {found:?}",
            letter.hop
        );
        drop(register);
        let stale = found.as_ref().is_some_and(|found| found.ledger.hop > letter.hop);
        self.corners.extend(stale.then_some("stale"));
        let claiming = |ledger: Box<Ledger>, seen, exhausted| {
            Doing::Claiming(Claiming {
                letter,
                ledger: *ledger,
                seen,
                exhausted,
            })
        };
        let (corner, doing) = match (action, found) {
            (Action::Claim(ledger), _) => ("claim", claiming(ledger, None, false)),
            (Action::TakeOver(ledger), Some(found)) => ("take over", claiming(ledger, Some(found.etag), false)),
            (Action::Exhausted(ledger), Some(found)) => ("exhausted", claiming(ledger, Some(found.etag), true)),
            (Action::GiveBack { after }, _) => ("give back", self.give_back(letter, after)),
            (Action::SendNext, Some(found)) => (
                "send next",
                Doing::Sending(Ended {
                    letter,
                    ledger: found.ledger,
                    etag: found.etag,
                }),
            ),
            (Action::Acknowledge, _) => ("acknowledge", Doing::Nothing),
            (Action::Again, _) => panic!("nobody uploaded again"),
            (action, None) => panic!("{action:?} follows from a ledger"),
        };
        self.corners.insert(corner);
        self.doing[worker] = doing;
    }

    fn go_on(&mut self, worker: usize, act: Act, answers: Answers) {
        let doing = std::mem::replace(&mut self.doing[worker], Doing::Nothing);
        self.doing[worker] = match doing {
            Doing::Nothing => Doing::Nothing,
            Doing::Claiming(claiming) => self.claim(claiming, answers),
            Doing::Working(holding) => self.work(holding, act, answers),
            Doing::Sending(ended) => self.send(ended),
            Doing::Marking(ended) => self.mark(&ended, answers),
        };
    }

    fn claim(&mut self, claiming: Claiming, answers: Answers) -> Doing {
        let Claiming {
            letter,
            ledger,
            seen,
            exhausted,
        } = claiming;
        self.claims += 1;
        let claim = self.claims;
        let claimed = Fact::Claimed(Claim {
            id: claim,
            owner: ledger.owner.clone(),
        });
        let (ledger, facts) = if exhausted {
            let failed = transition::fail(&ledger, failure(), successor(), 0.0, Nonce::fresh());
            (failed, vec![claimed, Fact::Failed])
        } else {
            (ledger, vec![claimed])
        };
        let asked = self.register.lock().now_s;
        match self.write(&ledger, seen.as_ref(), facts, None, answers) {
            Ok(etag) if exhausted => Doing::Sending(Ended { letter, ledger, etag }),
            Ok(etag) => Doing::Working(Holding {
                letter,
                ledger,
                etag,
                asked,
                claim,
            }),
            Err(_) => self.give_back(letter, Duration::from_secs(1)),
        }
    }

    fn work(&mut self, holding: Holding, act: Act, answers: Answers) -> Doing {
        let Holding {
            letter,
            ledger,
            etag,
            asked,
            claim,
        } = holding;
        let now_s = self.register.lock().now_s;
        if seconds(now_s) >= lease::hold_until(seconds(asked), LEASE) {
            // The holder stops by itself, and nothing that it wrote takes effect.
            return self.give_back(letter, LEASE);
        }
        let (next, fact) = after(&ledger, act, now_s);
        let Ok(etag) = self.write(&next, Some(&etag), vec![fact], Some(claim), answers) else {
            self.corners.insert("lost");
            return self.give_back(letter, LEASE);
        };
        match next.state {
            State::Running => Doing::Working(Holding {
                letter,
                ledger: next,
                etag,
                asked: now_s,
                claim,
            }),
            State::Released => self.give_back(letter, Duration::from_secs(1)),
            State::Yielded | State::Committed | State::Failed => Doing::Sending(Ended {
                letter,
                ledger: next,
                etag,
            }),
        }
    }

    fn send(&mut self, ended: Ended) -> Doing {
        let next = ended
            .ledger
            .next
            .as_ref()
            .expect("what is unsent has something to send");
        if ended.ledger.state == State::Yielded {
            self.letters.push(Letter {
                hop: next.hop,
                visible_at: 0,
            });
        } else {
            self.successors += 1;
        }
        Doing::Marking(ended)
    }

    /// Marks, best effort, and acknowledges whatever the result was.
    fn mark(&mut self, ended: &Ended, answers: Answers) -> Doing {
        let marked = transition::mark_sent(&ended.ledger, Nonce::fresh());
        let _ = self.write(&marked, Some(&ended.etag), vec![Fact::Marked], None, answers);
        Doing::Nothing
    }

    fn crash(&mut self, worker: usize) {
        let letter = match &self.doing[worker] {
            Doing::Nothing => return,
            Doing::Claiming(Claiming { letter, .. })
            | Doing::Working(Holding { letter, .. })
            | Doing::Sending(Ended { letter, .. })
            | Doing::Marking(Ended { letter, .. }) => *letter,
        };
        self.doing[worker] = self.give_back(letter, Duration::ZERO);
    }

    /// The whole process dies and starts again. Its late requests die with it, because its servers run in it.
    fn restart(&mut self) {
        if self.hosts == Hosts::Local {
            (0..WORKERS).for_each(|worker| self.crash(worker));
            self.register.lock().late.clear();
            self.epoch += 1;
        }
    }

    fn give_back(&mut self, letter: Letter, after: Duration) -> Doing {
        let visible_at = self.register.lock().now_s + i64::try_from(after.as_secs()).unwrap();
        self.letters.push(Letter { visible_at, ..letter });
        Doing::Nothing
    }

    fn write(
        &self,
        ledger: &Ledger,
        seen: Option<&ETag>,
        facts: Vec<Fact>,
        holder: Option<u64>,
        answers: Answers,
    ) -> Result<ETag, SwapError> {
        {
            let mut register = self.register.lock();
            register.now_s += answers.frozen_s;
            register.fates = answers.fates.into();
            register.meanings.insert(nonce(ledger), Meaning { facts, holder });
        }
        let patience = if answers.hurried { Duration::ZERO } else { LEASE };
        let until = self.register.monotonic() + patience;
        let answer = swap::write(&self.register, &self.register, ledger, seen, until);
        let answer = answer.now_or_never().expect("neither this store nor this clock waits");
        let landed = self.register.lock().landed.contains(&nonce(ledger));
        if answer.is_ok() {
            assert!(landed, "a write that is said to have succeeded took effect");
        }
        answer
    }

    /// Checks what must hold at every moment.
    fn check(&self) {
        let register = self.register.lock();
        assert!(register.history.count(&Fact::Committed) <= 1, "committed twice");
        let holding = self.doing.iter().filter(|doing| match doing {
            Doing::Working(Holding { asked, .. }) => {
                seconds(register.now_s) < lease::hold_until(seconds(*asked), LEASE)
            }
            _ => false,
        });
        assert!(holding.count() <= 1, "two workers believe that they hold the job");
        if let Some((ledger, ..)) = &register.there {
            assert_eq!(
                usize::try_from(ledger.token).unwrap(),
                register.history.claims(),
                "one token for each claim"
            );
            assert_eq!(ledger.hop, register.history.hop(), "one hop for each yield");
            assert!(ledger.attempt <= MAX_ATTEMPTS + 1, "attempts are bounded");
            assert_eq!(ledger.state.is_final(), register.history.has_ended());
        }
    }
}

fn verdict_of(action: &Action) -> Verdict {
    match action {
        Action::Claim(_) => Verdict::Claim,
        Action::TakeOver(ledger) => Verdict::TakeOver {
            attempt: ledger.attempt,
        },
        Action::Exhausted(_) => Verdict::GiveUp,
        Action::GiveBack { after } => Verdict::GiveBack {
            rest_s: i64::try_from(after.as_secs()).unwrap(),
        },
        Action::SendNext => Verdict::SendNext,
        Action::Acknowledge => Verdict::Acknowledge,
        Action::Again => unreachable!("nobody uploads again"),
    }
}
