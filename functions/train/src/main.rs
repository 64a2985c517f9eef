//! The function `train`. The same binary runs on every host.

use std::process::ExitCode;

fn main() -> ExitCode {
    platform::run(platform::serve(train::Train))
}
