//! A request from its submission to its last frame.

use std::cell::Cell;
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::task::{ready, Context as TaskContext, Poll};
use std::time::Instant;

use tokio::task::coop::poll_proceed;
use tokio_util::sync::CancellationToken;

use crate::codec::{Writer, MAX_HANDLES, MAX_PAYLOAD};
use crate::error::{Error, IntoPayload};
use crate::frame::{append, header, padded, END, ERROR, HEADER, PANIC, REPLY};
use crate::incoming::Input;
use crate::log::traced;
use crate::panics::contained;
use crate::runtime::Core;
use crate::sync::{fence, AtomicI64, AtomicU32, AtomicWaker, OnceLock};

const CANCELLED: u32 = 1;
const EXPIRED: u32 = 2;
const REFUSED: u32 = 4;

/// Arguments of at most so many bytes have room in the request itself.
pub(crate) const SMALL: usize = 64;

/// A block that grew beyond this is not kept for the next answer.
const KEPT_ANSWER: usize = 4 << 10;

thread_local! {
    /// The block of the last answer that this thread sent, for the next one.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a request ends with: kind and payload of its last frame, and the handles that the payload carries.
pub struct Final {
    kind: u8,
    payload: Vec<u8>,
    handles: Vec<u64>,
}

impl Drop for Final {
    fn drop(&mut self) {
        if (1..=KEPT_ANSWER).contains(&self.payload.capacity()) {
            self.payload.clear();
            // A thread that ends may have dropped its block before.
            let _ = SPARE.try_with(|spare| spare.set(std::mem::take(&mut self.payload)));
        }
    }
}

fn block() -> Vec<u8> {
    SPARE.try_with(Cell::take).unwrap_or_default()
}

impl Final {
    pub(crate) fn build(core: &Core, kind: u8, write: impl FnOnce(&mut Writer<'_>)) -> Final {
        let mut payload = block();
        let mut writer = Writer::with_tables(&mut payload, &core.tables);
        write(&mut writer);
        let handles = writer.into_handles();
        Final::carried(core, kind, payload, handles)
    }

    /// An answer, once the caller may hold the buffers in it.
    pub(crate) async fn admitted(core: &Core, write: impl FnOnce(&mut Writer<'_>)) -> Final {
        let mut payload = block();
        let mut writer = Writer::with_tables(&mut payload, &core.tables);
        write(&mut writer);
        if let Err(error) = writer.admit().await {
            return Final::error(core, error);
        }
        let handles = writer.into_handles();
        Final::carried(core, REPLY, payload, handles)
    }

    fn carried(core: &Core, kind: u8, payload: Vec<u8>, handles: Vec<u64>) -> Final {
        if let Err(error) = fits(payload.len(), handles.len()) {
            core.tables.release(&handles);
            return Final::error(core, error);
        }
        Final { kind, payload, handles }
    }

    pub(crate) fn reply(core: &Core, write: impl FnOnce(&mut Writer<'_>)) -> Final {
        Final::build(core, REPLY, write)
    }

    pub(crate) fn end() -> Final {
        Final { kind: END, payload: Vec::new(), handles: Vec::new() }
    }

    pub(crate) fn error(core: &Core, error: impl IntoPayload) -> Final {
        Final::build(core, ERROR, |writer| error.encode_error(writer))
    }

    pub(crate) fn panic(core: &Core, message: &str) -> Final {
        Final::build(core, PANIC, |writer| writer.text(message))
    }

    /// Frees what the payload carries, where it will not reach the caller.
    pub(crate) fn release(self, core: &Core) {
        core.tables.release(&self.handles);
    }

    /// Bytes of the frame.
    pub(crate) fn frame_size(&self) -> usize {
        padded(HEADER + self.payload.len() + 8 * self.handles.len())
    }

    /// Writes the frame into a place of its size.
    pub(crate) fn write_to(&self, place: &mut [MaybeUninit<u8>], queue: u16, request: u64) {
        let carried = (self.payload.as_slice(), self.handles.as_slice());
        place[..HEADER].write_copy_of_slice(&header(queue, request, self.kind, (0, 0), carried));
        let (payload, rest) = place[HEADER..].split_at_mut(self.payload.len());
        payload.write_copy_of_slice(&self.payload);
        rest.fill(MaybeUninit::new(0));
        for (place, handle) in rest.chunks_mut(8).zip(&self.handles) {
            place.write_copy_of_slice(&handle.to_le_bytes());
        }
    }

    pub(crate) fn append_to(&self, block: &mut Vec<u8>, queue: u16, request: u64) {
        append(block, queue, request, self.kind, &self.payload, &self.handles);
    }
}

/// Refuses what no frame can carry.
pub(crate) fn fits(payload: usize, handles: usize) -> Result<(), Error> {
    if handles > MAX_HANDLES {
        return Err(Error::System(format!(
            "a frame would carry {handles} buffers and objects, and {MAX_HANDLES} are the most; use a stream"
        )));
    }
    if payload > MAX_PAYLOAD {
        return Err(Error::System(format!(
            "a frame would carry {payload} bytes, and {MAX_PAYLOAD} are the most; use a stream or buffers"
        )));
    }
    Ok(())
}

/// A request's work; dropping it cancels it.
pub type Work = Pin<Box<dyn Future<Output = Final> + Send>>;

/// What a call says of its request.
pub(crate) struct Draft<'a> {
    pub(crate) queue: u16,
    pub(crate) id: u64,
    pub(crate) deadline: Option<Instant>,
    pub(crate) trace: [u8; 24],
    /// At most [`SMALL`] bytes; none where there are more.
    pub(crate) arguments: &'a [u8],
}

/// What is known of a request while it runs.
pub(crate) struct Request {
    pub(crate) core: Arc<Core>,
    pub(crate) queue: u16,
    pub(crate) id: u64,
    pub(crate) deadline: Option<Instant>,
    pub(crate) trace: [u8; 24],
    arguments: [u8; SMALL],
    flags: AtomicU32,
    /// How many shields stand.
    shields: AtomicU32,
    task: AtomicWaker,
    /// Bytes of stream items that the caller can take.
    credit: AtomicI64,
    stream: AtomicWaker,
    pub(crate) input: Input,
    token: OnceLock<CancellationToken>,
}

impl Request {
    pub(crate) fn new(core: Arc<Core>, draft: &Draft<'_>) -> Self {
        let mut request = Request {
            core,
            queue: draft.queue,
            id: draft.id,
            deadline: draft.deadline,
            trace: draft.trace,
            arguments: [0; SMALL],
            flags: AtomicU32::new(0),
            shields: AtomicU32::new(0),
            task: AtomicWaker::new(),
            credit: AtomicI64::new(0),
            stream: AtomicWaker::new(),
            input: Input::default(),
            token: OnceLock::new(),
        };
        request.arguments[..draft.arguments.len()].copy_from_slice(draft.arguments);
        request
    }

    /// Makes another request of the same queue of one that is over.
    pub(crate) fn renew(&mut self, draft: &Draft<'_>) {
        self.id = draft.id;
        self.deadline = draft.deadline;
        self.trace = draft.trace;
        self.arguments[..draft.arguments.len()].copy_from_slice(draft.arguments);
        self.flags = AtomicU32::new(0);
        self.shields = AtomicU32::new(0);
        self.task = AtomicWaker::new();
        self.credit = AtomicI64::new(0);
        self.stream = AtomicWaker::new();
        self.input = Input::default();
        self.token = OnceLock::new();
    }

    /// The arguments of its call, of which there are so many bytes.
    pub(crate) fn arguments(&self, length: usize) -> &[u8] {
        &self.arguments[..length]
    }

    /// Whether its last frame is on its way.
    pub(crate) fn is_over(&self) -> bool {
        self.input.is_request_over()
    }

    pub(crate) fn cancel(&self) {
        self.stop(CANCELLED);
        self.task.wake();
    }

    /// The caller sent an item that it may not send.
    pub(crate) fn refuse(&self) {
        self.stop(REFUSED);
        self.task.wake();
    }

    fn stop(&self, why: u32) {
        self.flags.fetch_or(why, Ordering::SeqCst);
        // Pairs with the fence in `token`: either this sees the token, or that sees the flag.
        fence(Ordering::SeqCst);
        if let Some(token) = self.token.get() {
            token.cancel();
        }
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        let token = self.token.get_or_init(CancellationToken::new);
        fence(Ordering::SeqCst);
        if self.stopped().is_some() {
            token.cancel();
        }
        token
    }

    /// Why the request has to stop, where it has to.
    pub(crate) fn stopped(&self) -> Option<Error> {
        let flags = self.flags.load(Ordering::SeqCst);
        if flags & CANCELLED != 0 {
            Some(Error::Cancelled)
        } else if flags & EXPIRED != 0 {
            Some(Error::DeadlineExceeded)
        } else if flags & REFUSED != 0 {
            Some(Error::Malformed("an item came without credit, or after the end of its stream"))
        } else {
            None
        }
    }

    /// From now on the request is told that it is cancelled, and ends by itself.
    pub(crate) fn shield(&self, on: bool) {
        if on {
            self.shields.fetch_add(1, Ordering::SeqCst);
        } else if self.shields.fetch_sub(1, Ordering::SeqCst) == 1 {
            // A cancellation that was held off acts now.
            self.task.wake();
        }
    }

    fn shielded(&self) -> bool {
        self.shields.load(Ordering::SeqCst) != 0
    }

    pub(crate) fn add_credit(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let _ =
            self.credit.fetch_update(Ordering::AcqRel, Ordering::Acquire, |credit| Some(credit.saturating_add(bytes)));
        self.stream.wake();
    }

    pub(crate) fn take_credit(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let _ =
            self.credit.fetch_update(Ordering::AcqRel, Ordering::Acquire, |credit| Some(credit.saturating_sub(bytes)));
    }

    pub(crate) fn poll_credit(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        // A stream that has credit for all of its items would else never let go of its thread, nor learn that it is cancelled.
        let turn = ready!(poll_proceed(cx));
        if self.credit.load(Ordering::Acquire) <= 0 {
            self.stream.register(cx.waker());
            if self.credit.load(Ordering::Acquire) <= 0 {
                return Poll::Pending;
            }
        }
        turn.made_progress();
        Poll::Ready(())
    }

    /// Polls the work once. `None`: it goes on.
    pub(crate) fn poll_work(&self, work: &mut Option<Work>, cx: &mut TaskContext<'_>) -> Option<Final> {
        let stopped = self.stopped().or_else(|| self.check_deadline());
        if let Some(why) = stopped {
            if !self.shielded() {
                return Some(self.drop_work(work, why));
            }
        }
        let running = work.as_mut()?;
        match contained(|| traced(&self.trace, || running.as_mut().poll(cx))) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(result)) => {
                // The future is dropped inside too: what it owns may panic as well, and the result stands.
                let _ = contained(|| *work = None);
                Some(result)
            }
            Err(message) => {
                let _ = contained(|| *work = None);
                Some(Final::panic(&self.core, &message))
            }
        }
    }

    fn check_deadline(&self) -> Option<Error> {
        let deadline = self.deadline?;
        if Instant::now() < deadline {
            return None;
        }
        self.stop(EXPIRED);
        Some(Error::DeadlineExceeded)
    }

    fn drop_work(&self, work: &mut Option<Work>, why: Error) -> Final {
        match contained(|| *work = None) {
            Ok(()) => Final::error(&self.core, why),
            Err(message) => Final::panic(&self.core, &message),
        }
    }
}

/// A request that did not end at once, as a task of its own.
pub(crate) struct Running {
    request: Arc<Request>,
    work: Option<Work>,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Running {
    /// Must be called inside the runtime, whose timer it uses.
    pub(crate) fn new(request: Arc<Request>, work: Work) -> Self {
        let timer = request.deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline.into())));
        Running { request, work: Some(work), timer }
    }
}

impl Future for Running {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.request.task.register(cx.waker());
        if let Some(timer) = &mut this.timer {
            if timer.as_mut().poll(cx).is_ready() {
                this.timer = None;
            }
        }
        match this.request.poll_work(&mut this.work, cx) {
            None => Poll::Pending,
            Some(result) => {
                // It holds this task's memory, which else the next request in this place would free, on another thread.
                drop(this.request.task.take());
                this.request.core.complete(&this.request, &result);
                Poll::Ready(())
            }
        }
    }
}

#[cfg(all(test, feature = "loom"))]
#[path = "models/request.rs"]
mod model;

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_cannot_carry_is_refused() {
        assert_eq!(fits(MAX_PAYLOAD, MAX_HANDLES), Ok(()));
        assert!(u32::try_from(crate::frame::HEADER + MAX_PAYLOAD + 8 * MAX_HANDLES).is_ok());
        assert!(fits(MAX_PAYLOAD + 1, 0).is_err());
        assert!(fits(0, MAX_HANDLES + 1).is_err());
    }
}
