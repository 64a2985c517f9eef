//! Logs: events with fields. One JSON object per line for machines, plain lines for people. Fields may hold text of
//! strangers; it can neither start a line of its own nor send commands to a terminal.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::Write as _,
    panic::PanicHookInfo,
};

use contract::text;
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::RecordFields,
    fmt,
    fmt::{
        MakeWriter,
        format::{DefaultFields, FormatFields, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    config::{LogConfig, LogFormat},
    traces::Traces,
};

/// A log filter that cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[error("log filter `{filter}` cannot be parsed")]
struct FilterError {
    /// The filter as it was configured.
    filter: String,
    /// What is wrong with it.
    #[source]
    source: tracing_subscriber::filter::ParseError,
}

/// What must live as long as a process logs: it sends the last spans when it is dropped.
#[derive(Debug)]
pub struct Logging(#[expect(dead_code, reason = "held for what its end does")] Option<Traces>);

/// Starts logging to standard error for this process, and sends spans where an endpoint is configured; standard output is
/// for results. Later calls do nothing, so that several functions can run in one process.
///
/// # Errors
/// When the filter cannot be parsed, or the endpoint is not a URL.
pub fn start(config: &LogConfig, on_lambda: bool) -> anyhow::Result<Logging> {
    let unreadable = |source| FilterError {
        filter: config.filter.clone(),
        source,
    };
    let filter = EnvFilter::builder().parse(&config.filter).map_err(unreadable)?;
    let traces = config.traces.as_deref().map(Traces::to).transpose()?;
    let json = match config.format {
        LogFormat::Auto => on_lambda,
        LogFormat::Json => true,
        LogFormat::Human => false,
    };
    let spans = traces.as_ref().map(Traces::layer);
    let registry = tracing_subscriber::registry().with(filter).with(spans);
    // An error means that logging has started already.
    let _ = if json {
        registry.with(machine(std::io::stderr)).try_init()
    } else {
        let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
        registry.with(human(std::io::stderr, color)).try_init()
    };
    Ok(Logging(traces))
}

/// Makes every panic one line of the log, or of standard error when logging has not started. The line has the thread,
/// the place and the message, and with `RUST_BACKTRACE` the backtrace.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let place = panic.location().map_or_else(String::new, ToString::to_string);
    let what = panic.payload_as_str().unwrap_or("a value that is no text");
    let way = Backtrace::capture();
    let way = (way.status() == BacktraceStatus::Captured).then(|| way.to_string());
    if tracing::enabled!(Level::ERROR) {
        tracing::error!(thread, place, what, way, "panicked");
    } else {
        let way = way.map_or_else(String::new, |way| format!(" way={way}"));
        let line = format!("panicked thread={thread} place={place} what={what}{way}");
        // When standard error is closed, the line is lost.
        let _ = writeln!(std::io::stderr(), "{}", text::plain(&line));
    }
}

fn machine<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fmt::layer().json().flatten_event(true).with_writer(writer)
}

fn human<S, W>(writer: W, color: bool) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fmt::layer()
        .fmt_fields(PlainFields)
        .with_ansi(color)
        .with_target(false)
        .with_writer(writer)
}

/// Writes fields as `tracing` does, but on one line.
struct PlainFields;

impl<'writer> FormatFields<'writer> for PlainFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> std::fmt::Result {
        let mut written = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut written), fields)?;
        writer.write_str(&text::plain(&written))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{Registry, fmt::writer::BoxMakeWriter};

    use super::*;

    /// Text that an attacker could write into a message of the queue, an object's key or a file's header.
    const FORGED: &str = "x\n2026-01-01T00:00:00Z  INFO champion=evil\u{1b}[2J\u{202e}\u{2028}\r";

    /// The bytes that a layer wrote.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged<L>(layer: impl FnOnce(BoxMakeWriter) -> L, log: impl FnOnce()) -> String
    where
        L: Layer<Registry> + Send + Sync,
    {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = layer(BoxMakeWriter::new(move || writer.clone()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    fn forge() {
        let cause = std::io::Error::other(FORGED);
        let span = tracing::info_span!("walk", trace = %FORGED, job = ?FORGED);
        let _entered = span.enter();
        tracing::info!(key = FORGED, display = %FORGED, error = &cause as &dyn std::error::Error, "told {FORGED}");
    }

    #[test]
    fn text_of_strangers_cannot_forge_a_line_of_a_human_log_or_command_a_terminal() {
        for color in [false, true] {
            let text = logged(|writer| human(writer, color), forge);
            assert_eq!(text.lines().count(), 1, "{text:?}");
            assert!(!text.contains(FORGED) && !text.contains("\u{1b}[2J"), "{text:?}");
            let unseen = |c: char| (c.is_control() && c != '\n' && c != '\u{1b}') || c == '\u{202e}' || c == '\u{2028}';
            assert!(!text.contains(unseen), "{text:?}");
            assert!(color || !text.contains('\u{1b}'), "{text:?}");
        }
    }

    #[test]
    fn a_panic_is_one_line_with_thread_place_and_message() {
        let before = std::panic::take_hook();
        log_panics();
        let text = logged(
            |writer| human(writer, false),
            || drop(std::panic::catch_unwind(|| panic!("row 7: {FORGED}"))),
        );
        std::panic::set_hook(before);
        assert_eq!(text.lines().count(), 1, "{text:?}");
        for part in [
            "ERROR panicked",
            "a_panic_is_one_line_with_thread_place_and_message",
            "logging.rs:",
            "row 7: x\\n2026",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.trim_end().contains(char::is_control), "{text:?}");
    }

    #[test]
    fn an_event_of_a_machine_log_is_one_line_whatever_its_fields_hold() {
        let text = logged(machine, forge);
        let [line] = text.lines().collect::<Vec<_>>()[..] else {
            panic!("{text:?}")
        };
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&event["key"], &event["display"]), (&FORGED.into(), &FORGED.into()));
        assert_eq!(event["span"]["trace"], FORGED);
    }
}
