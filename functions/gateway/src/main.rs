//! The gateway as a program: it serves HTTP until SIGTERM.

use std::process::ExitCode;

fn main() -> ExitCode {
    platform::run(platform::serve::serve_face(|platform, _| gateway::face(platform)))
}
