//! A child process and all the ways in which it can end. Not run by the usual harness: this program starts itself again
//! as the child.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]
#![expect(clippy::disallowed_methods, reason = "the environment is what must not be inherited")]

use std::{
    hint::black_box,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use platform::{
    Stop,
    child::{self, Bounds, ChildError, Program},
};

const TASK: &str = "try";
const PARENT: &str = "parent-that-waits";
const MIB: usize = 1 << 20;

/// The longest time that anything here may take, far more than it does.
const PATIENCE: Duration = Duration::from_mins(1);

const BOUNDS: Bounds = Bounds {
    memory: 256 << 20,
    cpu: Duration::from_secs(2),
    threads: 2,
};

fn main() -> ExitCode {
    if let Some(code) = child::answer(TASK, work) {
        return code;
    }
    if std::env::args().nth(1).as_deref() == Some(PARENT) {
        // Killed from outside.
        let _ = ask("wait");
        return ExitCode::FAILURE;
    }
    let tests: [(&str, fn()); 8] = [
        ("what_a_child_answers_reaches_its_parent_whole", answers_arrive),
        (
            "what_ends_a_child_is_told_in_words_and_the_parent_lives",
            deaths_are_told,
        ),
        (
            "a_child_has_no_environment_no_descriptors_and_cannot_write_files",
            nothing_is_inherited,
        ),
        ("a_stop_kills_the_child", a_stop_kills),
        ("a_child_ends_when_its_parent_is_killed", an_orphan_ends),
        ("a_child_that_is_told_to_end_is_no_fault_of_its_work", interrupted),
        ("a_program_that_is_not_there_is_no_fault_of_the_work", no_program),
        ("only_a_program_that_can_be_a_child_starts_itself_again", this_program),
    ];
    let mut failed = false;
    for (name, test) in tests {
        let result = catch_unwind(AssertUnwindSafe(test));
        eprintln!("test {name} ... {}", if result.is_ok() { "ok" } else { "FAILED" });
        failed |= result.is_err();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The work of the child: does what the request says.
fn work(parts: Vec<Bytes>) -> Vec<Bytes> {
    match &parts[0][..] {
        b"echo" => parts,
        b"environment" => std::env::vars().map(|(name, _)| name.into()).collect(),
        b"descriptors" => {
            let open = (3..32).filter(|fd| std::fs::metadata(format!("/proc/self/fd/{fd}")).is_ok());
            open.map(|fd| format!("{fd}").into()).collect()
        }
        b"write" => {
            let path = std::env::temp_dir().join(format!("flits-child-{}", std::process::id()));
            let written = std::fs::write(&path, "x");
            let _ = std::fs::remove_file(path);
            written.expect("the file size is limited");
            Vec::new()
        }
        b"memory" => {
            let all: Vec<Vec<u8>> = (0..64).map(|_| black_box(vec![1; 8 * MIB])).collect();
            vec![format!("{}", all.len()).into()]
        }
        b"one allocation" => vec![black_box(vec![0_u8; 8_usize << 35]).into()],
        b"within" => vec![format!("{}", black_box(vec![1_u8; 128 * MIB]).len()).into()],
        b"threads" => {
            let threads = (0..8).map(|_| std::thread::spawn(|| black_box(vec![1_u8; MIB]).len()));
            let sum: usize = threads.map(|thread| thread.join().expect("it only allocates")).sum();
            vec![format!("{sum}").into()]
        }
        b"stack" => vec![format!("{}", deep(1)).into()],
        b"panic" => panic!("row {} of {}", 7, 5),
        b"abort" => std::process::abort(),
        b"exit" => std::process::exit(3),
        b"spin" => loop {
            black_box(0);
        },
        b"wait" => loop {
            std::thread::park();
        },
        other => panic!("no such task: {other:?}"),
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deep(n: u64) -> u64 {
    black_box(deep(black_box(n + 1))) + 1
}

fn ask(what: &'static str) -> Result<Vec<Bytes>, ChildError> {
    ask_under(&[Bytes::from_static(what.as_bytes())], &Stop::never())
}

fn ask_under(request: &[Bytes], stop: &Stop) -> Result<Vec<Bytes>, ChildError> {
    let program = Program::this().expect("`main` has called `answer`");
    ask_of(&program, request, stop)
}

fn ask_of(program: &Program, request: &[Bytes], stop: &Stop) -> Result<Vec<Bytes>, ChildError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime of the test");
    runtime.block_on(async {
        let running = child::start(program, TASK, BOUNDS)?;
        let answer = tokio::time::timeout(PATIENCE, running.ask(request, stop)).await;
        answer.expect("it ends long before")
    })
}

fn answers_arrive() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let request = [Bytes::from_static(b"echo"), Bytes::new(), large.into()];
    let answer = ask_under(&request, &Stop::never()).expect("it only answers");
    assert_eq!(answer, request);
    assert_eq!(ask("threads").expect("stacks and heaps of threads fit"), ["8388608"]);
    assert_eq!(ask("within").expect("half of the bound fits"), ["134217728"]);
}

fn deaths_are_told() {
    for (task, expected) in [
        ("memory", "needed more than 256 MiB of memory"),
        ("one allocation", "needed more than 256 MiB of memory"),
        ("stack", "needed more stack than there is: it is nested too deep"),
        ("spin", "took longer than 2 s of CPU time"),
        ("panic", "panicked: row 7 of 5"),
        ("abort", "crashed (SIGABRT)"),
        ("exit", "ended without an answer (exit status: 3; it said nothing)"),
    ] {
        let error = ask(task).expect_err(task);
        assert!(matches!(error, ChildError::Died(_)), "{task}: {error:?}");
        assert_eq!(error.to_string(), expected, "{task}");
    }
}

fn nothing_is_inherited() {
    // Without `CLOEXEC`, as a parent's parent may have left one open.
    let secret = std::fs::File::open("/proc/self/status").expect("this process has one");
    let left_open = rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty());
    left_open.expect("a descriptor of the test");
    assert!(std::env::vars().count() > 2, "there is an environment to inherit");
    let mut names = ask("environment").expect("it only looks");
    names.retain(|name| name != "LD_LIBRARY_PATH");
    assert_eq!(names, ["POLARS_MAX_THREADS", "RAYON_NUM_THREADS"]);
    assert_eq!(ask("descriptors").expect("it only looks"), Vec::<Bytes>::new());
    assert_eq!(ask("write").unwrap_err().to_string(), "crashed (SIGXFSZ)");
}

fn a_stop_kills() {
    let stop = Stop::never();
    let (asked, began) = (stop.clone(), Instant::now());
    let asking = std::thread::spawn(move || {
        while children(std::process::id()).is_empty() && began.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        asked.ask();
    });
    let error = ask_under(&[Bytes::from_static(b"wait")], &stop).unwrap_err();
    assert!(matches!(error, ChildError::Stopped), "{error:?}");
    asking.join().expect("it only looks and asks");
    assert_eq!(children(std::process::id()), Vec::<u32>::new(), "the child is gone");
}

fn an_orphan_ends() {
    let this = std::env::current_exe().expect("a test has a file");
    let mut parent = Command::new(this)
        .arg(PARENT)
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts itself");
    let child = wait_for_child(parent.id());
    parent.kill().expect("it is ours");
    parent.wait().expect("it was killed");
    let began = Instant::now();
    while is_running(child) {
        assert!(began.elapsed() < PATIENCE, "the child lives on without its parent");
        std::thread::yield_now();
    }
}

fn interrupted() {
    let waiting = std::thread::spawn(|| ask("wait"));
    let child = wait_for_child(std::process::id());
    let pid = rustix::process::Pid::from_raw(i32::try_from(child).expect("a process id")).expect("not 0");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is ours");
    let error = waiting.join().expect("it only asks").unwrap_err();
    assert!(matches!(error, ChildError::Interrupted), "{error:?}");
}

fn no_program() {
    let nowhere = Program::at("/nowhere/flits");
    let error = ask_of(&nowhere, &[Bytes::from_static(b"echo")], &Stop::never()).unwrap_err();
    assert!(matches!(error, ChildError::Unable(_)), "{error:?}");
}

fn this_program() {
    assert!(Program::this().is_some());
    assert!(
        child::answer("another", |parts| parts).is_none(),
        "this process is no child"
    );
}

fn wait_for_child(parent: u32) -> u32 {
    let began = Instant::now();
    loop {
        if let Some(child) = children(parent).pop() {
            return child;
        }
        assert!(began.elapsed() < PATIENCE, "no child was started");
        std::thread::yield_now();
    }
}

/// Returns the running processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux has it");
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| stat(*id).is_some_and(|(state, of)| of == parent && state != "Z"))
        .collect()
}

fn is_running(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state != "Z")
}

/// Reads the state and the parent of a process.
fn stat(process: u32) -> Option<(String, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut words = text.rsplit_once(") ")?.1.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}
