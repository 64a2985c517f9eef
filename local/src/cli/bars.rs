//! Progress on a terminal: one line for each step, with what it does and for how long.

use std::{collections::HashMap, time::Duration};

use contract::{JobId, Stage};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use platform::ledger::{Ledger, State};

use super::watch::JobView;

/// The lines of one upload: first its own, then one for each job.
pub(super) struct Bars {
    all: MultiProgress,
    upload: Option<ProgressBar>,
    /// The line of each job, with the state that it shows; `None` before the job begins.
    jobs: HashMap<JobId, (ProgressBar, Option<State>)>,
}

impl Bars {
    /// Draws on a terminal.
    pub(super) fn on(target: ProgressDrawTarget) -> Self {
        Self {
            all: MultiProgress::with_draw_target(target),
            upload: None,
            jobs: HashMap::new(),
        }
    }

    /// Says what is done with the upload, in its line.
    pub(super) fn upload(&mut self, what: &str) {
        let bar = self.upload.get_or_insert_with(|| start(&self.all, "upload", what));
        bar.reset_elapsed();
        bar.set_message(what.to_owned());
    }

    /// Ends the line of the upload.
    pub(super) fn uploaded(&mut self, what: &str) {
        if let Some(bar) = self.upload.take() {
            end(&bar, what.to_owned());
        }
    }

    /// Shows a job that has not ended.
    pub(super) fn running(&mut self, name: &str, job: &JobView) {
        let ledger = job.step.ledger.as_ref();
        let state = ledger.map(|ledger| ledger.state);
        let what = doing(job.step.task.stage(), ledger);
        let (bar, shown) = self.line(name, job, &what);
        if bar.is_finished() {
            return;
        }
        if *shown != state {
            *shown = state;
            bar.reset_elapsed();
        }
        bar.set_message(what);
    }

    /// Shows how a job ended.
    pub(super) fn ended(&mut self, name: &str, job: &JobView, how: String) {
        let (bar, _) = self.line(name, job, &how);
        if !bar.is_finished() {
            end(bar, how);
        }
    }

    /// Prints a line above the others.
    pub(super) fn println(&self, text: &str) {
        let _ = self.all.println(text);
    }

    /// Stops all lines where they are.
    pub(super) fn finish(&mut self) {
        for bar in self.jobs.values().map(|(bar, _)| bar).chain(&self.upload) {
            bar.abandon();
        }
    }

    fn line(&mut self, name: &str, job: &JobView, what: &str) -> &mut (ProgressBar, Option<State>) {
        self.jobs
            .entry(job.step.job)
            .or_insert_with(|| (start(&self.all, name, what), None))
    }
}

/// Says what a job does now, in a few words: fits and large files take long.
fn doing(stage: Stage, ledger: Option<&Ledger>) -> String {
    let Some(ledger) = ledger else {
        return "waits for a free worker".to_owned();
    };
    let what = match ledger.state {
        State::Running => match stage {
            Stage::Preprocess => "reads the file and cleans it",
            Stage::Sample => "cuts training and holdout rows",
            Stage::Train => "fits the model",
            Stage::Eval => "scores the model on the holdout",
            Stage::Infer => "forecasts",
        },
        State::Released => "waits for another attempt",
        State::Yielded => "continues from a checkpoint",
        State::Committed | State::Failed => "is to be done again, its outputs are gone",
    };
    let epoch = ledger
        .progress
        .map_or(String::new(), |progress| format!(", from epoch {}", progress.epoch + 1));
    let attempt = if ledger.attempt > 0 {
        format!(", attempt {}", ledger.attempt + 1)
    } else {
        String::new()
    };
    format!("{what}{epoch}{attempt}")
}

fn start(all: &MultiProgress, name: &str, what: &str) -> ProgressBar {
    let bar = all.add(
        ProgressBar::new_spinner()
            .with_style(style("{spinner} {prefix:24} {msg} ({elapsed})"))
            .with_prefix(name.to_owned())
            .with_message(what.to_owned()),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn end(bar: &ProgressBar, how: String) {
    bar.set_style(style("{spinner} {prefix:24} {msg}"));
    bar.abandon_with_message(how);
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant")
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use indicatif::TermLike;
    use serde_json::json;

    use super::*;

    /// A terminal that keeps all text written to it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)?;
            self.write_str("\n")
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_line_of_an_upload_says_what_is_done_and_for_how_long_and_then_how_it_ended() {
        let screen = Screen::default();
        let shown = || std::mem::take(&mut *screen.0.lock().unwrap());
        let mut bars = Bars::on(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        bars.upload("reads load.csv");
        bars.finish();
        let text = shown();
        assert!(
            text.contains("upload") && text.contains("reads load.csv (0s)"),
            "{text:?}"
        );
        bars.upload("sends it");
        bars.uploaded("1.2 MB");
        let text = shown();
        assert!(text.contains("1.2 MB") && !text.contains("1.2 MB ("), "{text:?}");
    }

    fn ledger(state: &str, attempt: u32, epoch: Option<u32>) -> Ledger {
        let digest = contract::Digest::of(b"any");
        let mut ledger = json!({
            "version": 1, "job": digest, "work": digest, "stage": "train", "state": state, "token": 1, "nonce": "n",
            "owner": "local/1", "lease_s": 3, "attempt": attempt, "hop": 0, "sent": false, "started": 0, "seconds": 0.0,
        });
        if let Some(epoch) = epoch {
            ledger["progress"] = json!({"epoch": epoch, "batch": 0});
        }
        Ledger::parse(ledger.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_long_step_says_what_it_does() {
        for (stage, ledger, text) in [
            (Stage::Preprocess, None, "waits for a free worker"),
            (
                Stage::Preprocess,
                Some(ledger("RUNNING", 0, None)),
                "reads the file and cleans it",
            ),
            (
                Stage::Train,
                Some(ledger("RUNNING", 1, Some(6))),
                "fits the model, from epoch 7, attempt 2",
            ),
            (
                Stage::Eval,
                Some(ledger("RELEASED", 1, None)),
                "waits for another attempt, attempt 2",
            ),
        ] {
            assert_eq!(doing(stage, ledger.as_ref()), text);
        }
    }
}
