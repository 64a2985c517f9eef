//! What the child does to itself before it reads a byte: limits, and nothing open but its pipes.
//!
//! It does so itself, after `exec`, so that the parent need not run code between `fork` and `exec`, where a program with
//! threads may do almost nothing, and so that starting a child does not copy a large parent's page tables.

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Bounds;

/// Descriptors that may be open at once: the three pipes, and what the system libraries look into for a moment.
const FILES: u64 = 32;

/// Seconds between the signal that ends a child whose CPU time is over and the one that it could not even catch.
const CPU_GRACE_S: u64 = 5;

/// Limits this process for the rest of its life.
///
/// # Errors
/// When the system refuses a limit: then nothing may be read.
pub(super) fn confine(bounds: &Bounds) -> rustix::io::Result<()> {
    prefer_for_out_of_memory();
    close_inherited();
    let cpu = bounds.cpu.as_secs().max(1);
    let limits = [
        // Not the address space: it counts what is only reserved, a heap of 64 MiB for a thread and the whole binary, so
        // honest files would fail by the number of cores. This one counts what can be written to, touched or not.
        (Resource::Data, bounds.memory, bounds.memory),
        (Resource::Cpu, cpu, cpu + CPU_GRACE_S),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, FILES, FILES),
        // A dump would leave a user's data on the host's disk.
        (Resource::Core, 0, 0),
    ];
    for (resource, current, maximum) in limits {
        // A limit that the host has already set lower holds.
        let held = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit {
            current: Some(current.min(held)),
            maximum: Some(maximum.min(held)),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// Where the machine runs out of memory, this process is to go and not its parent. Best effort.
fn prefer_for_out_of_memory() {
    if cfg!(target_os = "linux") {
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
}

/// Closes what whoever started the parent left open; what Rust opens is closed by `exec` anyway.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "close_range(2) has no safe binding")]
fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: called first in `main`, before anything but the three standard streams is open that this process knows of,
    // so no descriptor that it holds becomes invalid. A kernel that does not know the call closes nothing.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
}

#[cfg(not(target_os = "linux"))]
fn close_inherited() {}
