//! What the heap of a binary keeps and returns, seen in the resident memory of this process. In a file of its own, so
//! that nothing else runs.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::{fs, process::ExitCode};

const MIB: usize = 1 << 20;
const PAGE: usize = 4 << 10; // The smallest that the kernel counts in.

#[test]
fn memory_that_was_freed_is_kept_until_the_process_rests() {
    let ended = platform::run(async {
        let before = resident();
        let buffers: Vec<Vec<u8>> = (0..64).map(|number| vec![number; MIB]).collect();
        assert!(resident() >= before + 60 * MIB, "they are there");
        drop(buffers);
        assert!(resident() >= before + 60 * MIB, "what comes next finds their pages");
        platform::process::release_memory();
        assert!(resident() <= before + 16 * MIB, "the kernel has them again");
        Ok(ExitCode::SUCCESS)
    });
    assert_eq!(ended, ExitCode::SUCCESS);
}

fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let resident = pages.split(' ').nth(1).expect("the second field");
    resident.parse::<usize>().expect("a number of pages") * PAGE
}
