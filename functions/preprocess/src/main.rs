//! The function `preprocess`. The same binary runs on every host.

use std::process::ExitCode;

use preprocess::Preprocess;

fn main() -> ExitCode {
    if let Some(code) = preprocess::child() {
        return code;
    }
    platform::run(platform::serve(Preprocess::default()))
}
