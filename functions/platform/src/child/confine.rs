//! How a child confines itself before it reads a byte: it sets its limits and closes all descriptors but its pipes.
//!
//! The child does this itself, after `exec`, for two reasons. The parent then runs no code between `fork` and `exec`,
//! where a program with threads may do almost nothing. And starting a child does not copy a large parent's page tables.

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Bounds;

/// How many descriptors may be open: the three pipes, and files that the system libraries open for a moment.
const FILES: u64 = 32;

/// Seconds from SIGXCPU, which ends a child at its limit of CPU time, to SIGKILL, which it could not even catch.
const CPU_GRACE_S: u64 = 5;

/// Limits this process for the rest of its life.
///
/// # Errors
/// When the system refuses a limit. Then the child must not read its request.
pub(super) fn confine(bounds: &Bounds) -> rustix::io::Result<()> {
    prefer_for_out_of_memory();
    close_inherited();
    let cpu = bounds.cpu.as_secs().max(1);
    let limits = [
        // Not the address space: that counts what is only reserved (a heap of 64 MiB per thread, the whole binary), so
        // good files would fail on machines with many cores. `Data` counts memory that can be written to, touched or
        // not.
        (Resource::Data, bounds.memory, bounds.memory),
        (Resource::Cpu, cpu, cpu + CPU_GRACE_S),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, FILES, FILES),
        // A core dump would leave a user's data on the host's disk.
        (Resource::Core, 0, 0),
    ];
    for (resource, current, maximum) in limits {
        // A lower limit that the host has set stays.
        let held = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit {
            current: Some(current.min(held)),
            maximum: Some(maximum.min(held)),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// Makes the kernel kill this process and not its parent when the machine runs out of memory. Best effort.
fn prefer_for_out_of_memory() {
    if cfg!(target_os = "linux") {
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
}

/// Closes the descriptors that the parent itself inherited. Those that Rust opens are closed by `exec` anyway.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "close_range(2) has no safe binding")]
fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: called first in `main`, when this process knows of no open descriptor but the three standard streams, so
    // no descriptor that it holds becomes invalid. A kernel without this call closes nothing.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
}

#[cfg(not(target_os = "linux"))]
fn close_inherited() {}
