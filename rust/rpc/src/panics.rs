//! Panics end at the boundary: they become the answer of the request in which they happened.

use std::any::Any;
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// How many `contained` calls this thread is in.
    static CONTAINED: Cell<u32> = const { Cell::new(0) };
}

/// Runs `work`, and answers the message of its panic where it panics.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    CONTAINED.with(|depth| depth.set(depth.get() + 1));
    // What a panicking request leaves behind is dropped with it; what is shared with others is behind locks that do not
    // poison, and each of their sections leaves it whole.
    let result = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.with(|depth| depth.set(depth.get() - 1));
    result.map_err(|payload| message(&*payload))
}

/// The text that a panic carries.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

/// Sends the panics of requests, with their place, to the log instead of standard error, which is the program's.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if CONTAINED.with(Cell::get) > 0 {
                tracing::error!(target: "rpc", "a request panicked: {info}");
            } else {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_kept() {
        install_hook();
        assert_eq!(contained(|| 7), Ok(7));
        assert_eq!(contained(|| -> () { panic!("{} went wrong", "this") }), Err("this went wrong".to_owned()));
        assert_eq!(contained(|| -> () { std::panic::panic_any(3) }), Err("a panic without a message".to_owned()));
        assert_eq!(CONTAINED.with(Cell::get), 0);
    }
}
