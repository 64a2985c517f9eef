//! `flits completions` and `flits man`: what shells and `man` know about the command, made from its arguments.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Cli;

/// Prints a shell's completion script.
///
/// # Errors
/// When it cannot be printed.
pub(super) fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "flits", &mut script);
    print(&script)
}

/// Prints the manual page of `flits`, or of one of its commands, in roff.
///
/// # Errors
/// When there is no such command or the page cannot be printed.
pub(super) fn man(command: Option<&str>) -> anyhow::Result<()> {
    // Names the commands `flits-run` and so on, as their pages are called.
    let mut flits = Cli::command();
    flits.build();
    let page = match command {
        None => flits,
        Some(name) => flits
            .find_subcommand(name)
            .with_context(|| format!("`flits {name}` is no command; `flits --help` lists them"))?
            .clone(),
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    print(&text)
}

/// Prints text as it is. A reader that went away is no error.
fn print(text: &[u8]) -> anyhow::Result<()> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        Ok(()) | Err(_) => Ok(()),
    }
}
