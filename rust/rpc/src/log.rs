//! The log sink: lines of the library and of what it uses (`tracing`), on their way to the program.
//!
//! Lines go through a bounded ring to one thread, which calls the sink: whoever logs never waits for it.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::OnceLock;
use std::thread::ThreadId;

use crossbeam_channel::{bounded, Receiver, Sender};
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::codec::Hexadecimal;
use crate::error::Error;

/// Lines that wait for the sink; those that come while it is full are counted and dropped.
const RING: usize = 4096;

/// `sr_log_sink`.
pub type Sink = unsafe extern "C" fn(*mut c_void, u32, *const c_char, usize, *const c_char, usize);

struct Line {
    level: u32,
    target: &'static str,
    message: String,
}

struct Log {
    ring: Sender<Line>,
    dropped: AtomicU64,
    sink: Mutex<Option<(Sink, Context)>>,
    thread: ThreadId,
}

struct Context(*mut c_void);
// SAFETY: the library only passes the pointer back; who set it said that it may be used from the log thread.
unsafe impl Send for Context {}

thread_local! {
    /// The trace of the request that this thread works on; zeros: none.
    static TRACE: Cell<[u8; 24]> = const { Cell::new([0; 24]) };
}

/// Runs `work` so that lines which it logs name this trace.
pub(crate) fn traced<T>(trace: &[u8; 24], work: impl FnOnce() -> T) -> T {
    struct Restore([u8; 24]);
    impl Drop for Restore {
        fn drop(&mut self) {
            TRACE.set(self.0);
        }
    }
    if *trace == [0; 24] {
        return work();
    }
    let _restore = Restore(TRACE.replace(*trace));
    work()
}

/// The highest level that is wanted, 0 where there is no sink.
static LEVEL: AtomicU32 = AtomicU32::new(0);
static LOG: OnceLock<Log> = OnceLock::new();
static START: Mutex<()> = Mutex::new(());

fn start() -> Result<&'static Log, Error> {
    let _once = START.lock();
    if let Some(log) = LOG.get() {
        return Ok(log);
    }
    let (ring, lines) = bounded(RING);
    let thread = std::thread::Builder::new()
        .name("sr-log".to_owned())
        .spawn(move || deliver(&lines))
        .map_err(|error| Error::system("starting the log thread", error))?;
    // Where the program is Rust and has its own subscriber, that one stays.
    let _ = tracing::subscriber::set_global_default(Lines);
    Ok(LOG.get_or_init(|| Log {
        ring,
        dropped: AtomicU64::new(0),
        sink: Mutex::new(None),
        thread: thread.thread().id(),
    }))
}

/// Sets the sink, or unsets it; when this returns, the one before is not called any more.
pub(crate) fn set(level: u32, sink: Option<(Sink, *mut c_void)>) -> Result<(), Error> {
    let log = match (LOG.get(), sink) {
        (Some(log), _) => log,
        (None, Some(_)) => start()?,
        (None, None) => return Ok(()),
    };
    if std::thread::current().id() == log.thread {
        return Err(Error::Malformed("the sink cannot be changed from inside it"));
    }
    let level = if sink.is_some() { level } else { 0 };
    *log.sink.lock() = sink.map(|(sink, context)| (sink, Context(context)));
    LEVEL.store(level, Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

fn deliver(lines: &Receiver<Line>) {
    while let Ok(line) = lines.recv() {
        let Some(log) = LOG.get() else { continue };
        let sink = log.sink.lock();
        let Some((sink, context)) = &*sink else { continue };
        call(*sink, context, &line);
        let dropped = log.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let message = format!("{dropped} log lines came faster than the sink takes them, and were dropped");
            call(*sink, context, &Line { level: 2, target: "rpc", message });
        }
    }
}

fn call(sink: Sink, context: &Context, line: &Line) {
    let (target, message) = (line.target, line.message.as_str());
    // SAFETY: the sink was set for being called from this thread with this context; the texts live until it returns. The
    // caller holds the lock that `set` takes before it lets the sink go.
    unsafe {
        sink(context.0, line.level, target.as_ptr().cast(), target.len(), message.as_ptr().cast(), message.len());
    }
}

fn number(level: &Level) -> u32 {
    match *level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// Turns events into lines. Spans are not shown.
struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && number(metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        use tracing::level_filters::LevelFilter;
        Some(match LEVEL.load(Ordering::Relaxed) {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(log) = LOG.get() else { return };
        let mut text = Text(String::new());
        event.record(&mut text);
        let trace = TRACE.get();
        if trace != [0; 24] {
            let (id, span) = trace.split_at(16);
            let _ = write!(text.0, " trace_id={} span_id={}", Hexadecimal(id), Hexadecimal(span));
        }
        let metadata = event.metadata();
        let line = Line { level: number(metadata.level()), target: metadata.target(), message: text.0 };
        if log.ring.try_send(line).is_err() {
            log.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The message, then the fields as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.insert_str(0, value);
        } else {
            let _ = write!(self.0, " {field}={value}");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.insert_str(0, &format!("{value:?}"));
        } else {
            let _ = write!(self.0, " {field}={value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    unsafe extern "C" fn keep(
        context: *mut c_void,
        level: u32,
        target: *const c_char,
        target_length: usize,
        message: *const c_char,
        length: usize,
    ) {
        // SAFETY: the test passes an `Arc`'s target that outlives the sink, and the library passes valid texts.
        let (seen, target, message) = unsafe {
            (
                &*context.cast::<Mutex<Vec<String>>>(),
                std::slice::from_raw_parts(target.cast::<u8>(), target_length),
                std::slice::from_raw_parts(message.cast::<u8>(), length),
            )
        };
        let line = format!("{level} {} {}", String::from_utf8_lossy(target), String::from_utf8_lossy(message));
        seen.lock().push(line);
    }

    // One test: the sink is one of the process.
    #[test]
    fn lines_reach_the_sink_until_it_is_unset() {
        let seen = Arc::new(Mutex::new(Vec::<String>::new()));
        let context = Arc::as_ptr(&seen).cast_mut().cast();
        set(3, Some((keep, context))).expect("sets");
        tracing::warn!(target: "test", count = 3, name = "x", "two {}", "words");
        tracing::debug!(target: "test", "too fine");
        tracing::info!(target: "test", "last");
        while seen.lock().iter().filter(|line| line.contains(" test ")).count() < 2 {
            std::thread::yield_now();
        }
        set(0, None).expect("unsets");
        tracing::error!(target: "test", "nobody listens");
        std::thread::sleep(std::time::Duration::from_millis(20));
        let lines: Vec<String> = seen.lock().iter().filter(|line| line.contains(" test ")).cloned().collect();
        assert_eq!(lines, ["2 test two words count=3 name=x", "3 test last"]);
    }
}
