//! Completion scripts and manual pages know every command and its options.

use super::flits::Workspace;

/// The commands that `flits --help` lists, without `help` itself.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| line.starts_with("  "));
    names
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

fn printed(workspace: &Workspace, arguments: &[&str]) -> String {
    let output = workspace.output(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_completes_every_command() {
    let workspace = Workspace::new();
    let commands = commands(&printed(&workspace, &["--help"]));
    assert!(commands.len() > 10, "{commands:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&workspace, &["completions", shell]);
        for word in commands.iter().map(String::as_str).chain(["isolated"]) {
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page_with_its_options() {
    let workspace = Workspace::new();
    let page = printed(&workspace, &["man"]);
    assert!(page.contains(".TH flits 1"), "{page}");
    for command in commands(&printed(&workspace, &["--help"])) {
        assert!(page.contains(&format!("flits\\-{command}(1)")), "{command} in {page}");
        let own = printed(&workspace, &["man", &command]);
        assert!(own.contains(&format!("flits\\-{command} \\-")), "{own}");
    }
    let run = printed(&workspace, &["man", "run"]);
    for option in ["\\-\\-isolated", "\\-\\-horizon", "\\-\\-dir"] {
        assert!(run.contains(option), "{option} in {run}");
    }
    let unknown = workspace.output(&["man", "walk"]);
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert!(
        !unknown.status.success() && told.contains("`flits walk` is no command"),
        "{told}"
    );
}
