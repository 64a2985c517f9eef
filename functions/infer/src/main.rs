//! The function `infer`. The same binary runs on every host.

use std::process::ExitCode;

fn main() -> ExitCode {
    platform::run(platform::serve::serve_with(infer::Infer, |platform, _| {
        infer::face(platform)
    }))
}
