//! A request from its submission to its last frame.

use std::future::Future;
use std::hash::{BuildHasherDefault, Hasher};
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
use crate::sync::{fence, AtomicI64, AtomicU32, AtomicWaker, Mutex, OnceLock};

const CANCELLED: u32 = 1;
const EXPIRED: u32 = 2;
const REFUSED: u32 = 4;

/// What a request ends with: kind and payload of its last frame, and the handles that the payload carries.
pub struct Final {
    kind: u8,
    payload: Vec<u8>,
    handles: Vec<u64>,
}

impl Final {
    pub(crate) fn build(core: &Core, kind: u8, write: impl FnOnce(&mut Writer<'_>)) -> Final {
        let mut payload = Vec::new();
        let mut writer = Writer::with_tables(&mut payload, &core.tables);
        write(&mut writer);
        let handles = writer.into_handles();
        Final::carried(core, kind, payload, handles)
    }

    /// An answer, once the caller may hold the buffers in it.
    pub(crate) async fn admitted(core: &Core, write: impl FnOnce(&mut Writer<'_>)) -> Final {
        let mut payload = Vec::new();
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

/// What is known of a request while it runs.
pub(crate) struct Request {
    pub(crate) queue: u16,
    pub(crate) id: u64,
    pub(crate) deadline: Option<Instant>,
    pub(crate) trace: [u8; 24],
    flags: AtomicU32,
    /// How many shields stand.
    shields: AtomicU32,
    task: AtomicWaker,
    /// Bytes of stream items that the caller can take.
    credit: AtomicI64,
    stream: AtomicWaker,
    pub(crate) input: Input,
    token: OnceLock<CancellationToken>,
    /// Whether the last frame is on its way. Emitters hold the lock while they emit, so none comes after it.
    over: Mutex<bool>,
}

impl Request {
    pub(crate) fn new(queue: u16, id: u64, deadline: Option<Instant>, trace: [u8; 24]) -> Self {
        Request {
            queue,
            id,
            deadline,
            trace,
            flags: AtomicU32::new(0),
            shields: AtomicU32::new(0),
            task: AtomicWaker::new(),
            credit: AtomicI64::new(0),
            stream: AtomicWaker::new(),
            input: Input::default(),
            token: OnceLock::new(),
            over: Mutex::new(false),
        }
    }

    /// A request in the place of one that is over, where nobody else knows that any more.
    pub(crate) fn renew(
        mut place: Arc<Self>,
        queue: u16,
        id: u64,
        deadline: Option<Instant>,
        trace: [u8; 24],
    ) -> Arc<Self> {
        let request = Request::new(queue, id, deadline, trace);
        match Arc::get_mut(&mut place) {
            Some(old) => {
                *old = request;
                place
            }
            None => Arc::new(request),
        }
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

    /// Runs `emit` where the request is not over; `None` where it is.
    pub(crate) fn unless_over(&self, emit: impl FnOnce()) -> Option<()> {
        let over = self.over.lock();
        (!*over).then(emit)
    }

    /// The last frame goes out next.
    pub(crate) fn finish(&self) {
        *self.over.lock() = true;
        self.input.close();
    }

    /// Polls the work once. `None`: it goes on.
    pub(crate) fn poll_work(&self, core: &Core, work: &mut Option<Work>, cx: &mut TaskContext<'_>) -> Option<Final> {
        let stopped = self.stopped().or_else(|| self.check_deadline());
        if let Some(why) = stopped {
            if !self.shielded() {
                return Some(self.drop_work(core, work, why));
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
                Some(Final::panic(core, &message))
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

    fn drop_work(&self, core: &Core, work: &mut Option<Work>, why: Error) -> Final {
        match contained(|| *work = None) {
            Ok(()) => Final::error(core, why),
            Err(message) => Final::panic(core, &message),
        }
    }
}

/// A request that did not end at once, as a task of its own.
pub(crate) struct Running {
    core: Arc<Core>,
    request: Arc<Request>,
    work: Option<Work>,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Running {
    /// Must be called inside the runtime, whose timer it uses.
    pub(crate) fn new(core: Arc<Core>, request: Arc<Request>, work: Work) -> Self {
        let timer = request.deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline.into())));
        Running { core, request, work: Some(work), timer }
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
        match this.request.poll_work(&this.core, &mut this.work, cx) {
            None => Poll::Pending,
            Some(result) => {
                this.core.complete(&this.request, &result);
                Poll::Ready(())
            }
        }
    }
}

/// The requests in flight, by queue and id.
pub(crate) struct Requests {
    shards: Vec<Mutex<Shard>>,
}

type Shard = std::collections::HashMap<Key, Arc<Request>, BuildHasherDefault<IdHasher>>;

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
struct Key {
    id: u64,
    queue: u16,
}

/// Ids are slots of a table: multiplying spreads them well, and who chooses them shares the process anyway.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }
    fn write_u64(&mut self, value: u64) {
        // 2^64 / golden ratio, as in Fibonacci hashing (Knuth, TAOCP 3, 6.4).
        let mixed = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

const SHARDS: usize = 64;

impl Requests {
    pub(crate) fn new() -> Self {
        Requests { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    fn shard(&self, id: u64) -> &Mutex<Shard> {
        &self.shards[id as usize % SHARDS]
    }

    /// Answers whether the id was free.
    pub(crate) fn insert(&self, request: &Arc<Request>) -> bool {
        let key = Key { id: request.id, queue: request.queue };
        match self.shard(request.id).lock().entry(key) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(request.clone());
                true
            }
        }
    }

    pub(crate) fn get(&self, queue: u16, id: u64) -> Option<Arc<Request>> {
        self.shard(id).lock().get(&Key { id, queue }).cloned()
    }

    pub(crate) fn remove(&self, request: &Request) {
        self.shard(request.id).lock().remove(&Key { id: request.id, queue: request.queue });
    }

    pub(crate) fn all(&self) -> Vec<Arc<Request>> {
        self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
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
