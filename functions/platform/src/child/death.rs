//! Why a child ended, in words.

use std::{fmt, os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use rustix::process::Signal;

use super::{Bounds, size};

/// Why a child ended without an answer. Its text continues a phrase that says what the child was doing: "reading
/// `a.parquet` needed more than 2 GiB of memory".
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Death {
    /// It asked for more memory than its bound, in bytes.
    Memory(u64),
    /// It used more CPU time than its bound.
    CpuTime(Duration),
    /// Its recursion was too deep for its stack.
    Stack,
    /// It panicked; the text of the panic.
    Panicked(String),
    /// A signal of the processor or the system ended it; the signal's name.
    Crashed(String),
    /// It was killed from outside, for example because the machine ran out of memory.
    Killed,
    /// It ended by itself without an answer; its exit status and its last line on standard error.
    Silent(String),
}

impl Death {
    /// Returns the bound that was broken, in words; `None` when no bound was.
    #[must_use]
    pub fn bound(&self) -> Option<String> {
        match self {
            Self::Memory(bound) => Some(format!("at most {} of memory", size(*bound))),
            Self::CpuTime(bound) => Some(format!("at most {} s of CPU time", bound.as_secs())),
            Self::Stack | Self::Panicked(_) | Self::Crashed(_) | Self::Killed | Self::Silent(_) => None,
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bound) => write!(f, "needed more than {} of memory", size(*bound)),
            Self::CpuTime(bound) => write!(f, "took longer than {} s of CPU time", bound.as_secs()),
            Self::Stack => f.write_str("needed more stack than there is: it is nested too deep"),
            Self::Panicked(what) => write!(f, "panicked: {what}"),
            Self::Crashed(signal) => write!(f, "crashed ({signal})"),
            Self::Killed => f.write_str("was killed (SIGKILL): the machine has probably run out of memory"),
            Self::Silent(what) => write!(f, "ended without an answer ({what})"),
        }
    }
}

/// Returns why a child ended, from its exit status and its standard error. `None` when it was told to end, which is not
/// a fault of its work.
pub(super) fn of(status: ExitStatus, complaint: &str, bounds: &Bounds) -> Option<Death> {
    let Some(signal) = status.signal() else {
        let last = complaint.trim().lines().last().unwrap_or("it said nothing");
        return Some(Death::Silent(format!("{status}; {last}")));
    };
    let is = |named: Signal| signal == named.as_raw();
    if [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT]
        .into_iter()
        .any(is)
    {
        return None;
    }
    // The standard library writes these texts before it aborts.
    Some(if complaint.contains("memory allocation of ") {
        Death::Memory(bounds.memory)
    } else if complaint.contains("has overflowed its stack") {
        Death::Stack
    } else if is(Signal::XCPU) {
        Death::CpuTime(bounds.cpu)
    } else if is(Signal::KILL) {
        Death::Killed
    } else {
        Death::Crashed(name(signal))
    })
}

fn name(signal: i32) -> String {
    const NAMES: [(Signal, &str); 8] = [
        (Signal::ABORT, "SIGABRT"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::BUS, "SIGBUS"),
        (Signal::ILL, "SIGILL"),
        (Signal::FPE, "SIGFPE"),
        (Signal::SYS, "SIGSYS"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::XFSZ, "SIGXFSZ"),
    ];
    let known = NAMES.into_iter().find(|(known, _)| known.as_raw() == signal);
    known.map_or_else(|| format!("signal {signal}"), |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_known_from_the_signal_and_the_standard_error() {
        let bounds = Bounds {
            memory: 2 << 30,
            cpu: Duration::from_mins(1),
            threads: 2,
        };
        let overflow = "thread 'main' has overflowed its stack\nfatal runtime error: stack overflow, aborting";
        for (status, complaint, expected) in [
            (
                6,
                "memory allocation of 223338299392 bytes failed\n",
                "needed more than 2 GiB of memory",
            ),
            (6, overflow, "needed more stack than there is: it is nested too deep"),
            (6, "", "crashed (SIGABRT)"),
            (11, "", "crashed (SIGSEGV)"),
            (64, "", "crashed (signal 64)"),
            (24, "", "took longer than 60 s of CPU time"),
            (
                9,
                "",
                "was killed (SIGKILL): the machine has probably run out of memory",
            ),
            (256, "a\nno file\n", "ended without an answer (exit status: 1; no file)"),
            (0, "", "ended without an answer (exit status: 0; it said nothing)"),
        ] {
            let death = of(ExitStatus::from_raw(status), complaint, &bounds).unwrap();
            assert_eq!(death.to_string(), expected);
        }
        for told_to_end in [1, 2, 3, 15] {
            assert_eq!(of(ExitStatus::from_raw(told_to_end), "", &bounds), None);
        }
    }

    #[test]
    fn bounds_are_written_in_the_largest_unit_that_is_whole() {
        for (bytes, text) in [
            (2 << 30, "2 GiB"),
            (512 << 20, "512 MiB"),
            (3 << 10, "3 KiB"),
            (1_000, "1000 bytes"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
