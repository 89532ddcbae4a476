//! What a binding without a runtime of its own calls: C functions that hold the caller's thread until the answer is there, or that call back. The
//! work is done by the workers of a tokio runtime, as it is where a request is.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::{clock, VALUE};

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().build().expect("the threads of a benchmark start"))
}

fn wait(answer: impl Future<Output = u64> + Send + 'static) -> u64 {
    let (sender, receiver) = oneshot::channel();
    runtime().spawn(async move { sender.send(answer.await) });
    receiver.blocking_recv().expect("the task does not panic")
}

/// Answers the same number.
#[no_mangle]
pub extern "C" fn crossing_plain_number(value: u64) -> u64 {
    wait(async move { value })
}

/// Answers the same number after so many nanoseconds.
#[no_mangle]
pub extern "C" fn crossing_plain_later(value: u64, nanoseconds: u64) -> u64 {
    wait(async move {
        clock::sleep(Duration::from_nanos(nanoseconds)).await;
        value
    })
}

/// A getter.
#[no_mangle]
pub extern "C" fn crossing_plain_value() -> u64 {
    std::hint::black_box(VALUE)
}

/// Answers the same number by calling a function of the caller's, with what the caller knows the request by, on a thread of the library.
#[no_mangle]
pub extern "C" fn crossing_plain_start(value: u64, request: u64, answered: extern "C" fn(request: u64, value: u64)) {
    runtime().spawn(async move { answered(request, value) });
}
