//! The runtime: takes batches of frames, runs their requests on its threads, and queues what they answer.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::backlog::Backlog;
use crate::builtin;
use crate::callback::{Answered, Pending};
use crate::codec::Reader;
use crate::error::Error;
use crate::frame::{Header, CALL, CANCEL, CREDIT, END, ERROR, HEADER, ITEM, REPLY};
use crate::incoming::{Item, Received};
use crate::panics::contained;
use crate::queue::{Polled, Queue};
use crate::request::{Draft, Final, Request, Running, SMALL};
use crate::requests::Requests;
use crate::service::{Call, Context, Service};
use crate::slots::{Change, Slots};
use crate::sync::Mutex;
use crate::tables::Tables;

/// Requests that were submitted and whose last frame has not been polled. Beyond this, the library is full: it bounds the
/// memory of a caller that submits and never polls.
const MOST_REQUESTS: u64 = 1 << 17;

/// How long answers are gathered before they are shown to pollers.
const GATHER: Duration = Duration::from_micros(20);

/// A block of answers that grew beyond this is not kept for the next ones.
const KEPT_FRAMES: usize = 64 << 10;

/// How many calls share the budget of one poll of a task, and a look at the clock where they have been short.
const SHARERS: usize = 8;

/// How often a closing runtime looks whether it can go on.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) struct Core {
    pub(crate) service: &'static Service,
    pub(crate) tables: Tables,
    pub(crate) queues: Vec<Queue>,
    pub(crate) handle: Handle,
    pub(crate) threads: Arc<AtomicU64>,
    /// Calls of callbacks that were not answered.
    pub(crate) calls: Slots<Pending>,
    /// Whether callbacks can no longer be called.
    pub(crate) ended: AtomicBool,
    /// Those of each queue.
    requests: Vec<Mutex<Requests>>,
    backlog: Backlog<Queued>,
    closing: AtomicBool,
    accepted: AtomicU64,
    /// Accepted, and not over yet.
    running: AtomicU64,
    /// Threads that are about to add to `running`, or have taken from it what they are about to push.
    moving: AtomicU64,
    /// Accepted, and the last frame not polled yet.
    unpolled: AtomicU64,
    pub(crate) stray: AtomicU64,
}

/// A call between its submission and its start.
struct Queued {
    request: Arc<Request>,
    object: u64,
    method: u32,
    arguments: Arguments,
}

enum Arguments {
    /// So many bytes, in the request.
    Small(usize),
    /// Between these places of the block that they came in.
    Large(Arc<[u8]>, usize, usize),
}

/// What is being submitted.
struct Batch<'a> {
    block: &'a [u8],
    /// A copy of the block, where arguments are large.
    kept: Option<Arc<[u8]>>,
    calls: Vec<Queued>,
    now: Option<Instant>,
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// So many frames were taken, and so many bytes.
    Taken {
        frames: usize,
        bytes: usize,
    },
    Malformed,
    Closed,
}

impl Core {
    pub(crate) fn new(
        service: &'static Service,
        queues: u16,
        workers: usize,
        buffer_memory: u64,
        handle: Handle,
        threads: Arc<AtomicU64>,
    ) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Core {
            service,
            tables: Tables::new(buffer_memory),
            queues: (0..queues).map(Queue::new).collect::<Result<_, _>>()?,
            handle,
            threads,
            calls: Slots::new(),
            ended: AtomicBool::new(false),
            requests: (0..queues).map(|_| Mutex::new(Requests::default())).collect(),
            backlog: Backlog::new(workers),
            closing: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            running: AtomicU64::new(0),
            moving: AtomicU64::new(0),
            unpolled: AtomicU64::new(0),
            stray: AtomicU64::new(0),
        }))
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }

    /// Counts last frames that come to a queue without a request of theirs.
    pub(crate) fn expect_polled(&self, finals: u64) {
        self.unpolled.fetch_add(finals, Ordering::Relaxed);
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Takes frames from the block, as `sr_submit` says.
    pub(crate) fn submit(self: &Arc<Self>, block: &[u8]) -> Submitted {
        let _moving = Moving::begin(&self.moving);
        // Requests in flight may end in good order: only new ones are refused.
        let closing = self.closing.load(Ordering::SeqCst);
        let room = MOST_REQUESTS.saturating_sub(self.unpolled.load(Ordering::Relaxed)) as usize;
        let calls = Vec::with_capacity((block.len() / HEADER).min(room).min(1024));
        let mut batch = Batch { block, kept: None, calls, now: None };
        let (mut at, mut frames) = (0, 0);
        // Frames of one queue mostly come together, so that its table is locked once for all of them.
        let mut locked = None;
        let mut malformed = false;
        while at < block.len() {
            let header = match Header::parse(&block[at..]) {
                Some(header) if header.request != 0 && usize::from(header.queue) < self.queues.len() => header,
                _ => {
                    malformed = true;
                    break;
                }
            };
            if header.kind == CALL && closing && frames == 0 {
                return Submitted::Closed;
            }
            if header.kind == CALL && (closing || batch.calls.len() == room) {
                break;
            }
            let requests = match &mut locked {
                Some((queue, requests)) if *queue == header.queue => requests,
                other => {
                    // Never two at a time: somebody else may want them in another order.
                    *other = None;
                    &mut other.insert((header.queue, self.requests[usize::from(header.queue)].lock())).1
                }
            };
            if !self.take(&header, at, requests, &mut batch) {
                malformed = true;
                break;
            }
            at = (at + header.stride()).min(block.len());
            frames += 1;
        }
        drop(locked);
        if malformed && frames == 0 {
            return Submitted::Malformed;
        }
        self.start(batch.calls);
        Submitted::Taken { frames, bytes: at }
    }

    /// Takes one frame; answers whether it makes sense.
    fn take(self: &Arc<Self>, header: &Header, at: usize, requests: &mut Requests, batch: &mut Batch<'_>) -> bool {
        let block = batch.block;
        match header.kind {
            CALL => {
                let deadline = match header.remaining_ns {
                    0 => None,
                    left => batch.now.get_or_insert_with(Instant::now).checked_add(Duration::from_nanos(left)),
                };
                let (start, end) = (at + HEADER, at + header.length);
                let small = if end - start <= SMALL { &block[start..end] } else { &[] };
                let (queue, id, trace) = (header.queue, header.request, header.trace);
                let draft = Draft { queue, id, deadline, trace, arguments: small };
                let Some(request) = requests.insert(self, &draft) else { return false };
                let arguments = match end - start {
                    length @ ..=SMALL => Arguments::Small(length),
                    _ => Arguments::Large(batch.kept.get_or_insert_with(|| block.into()).clone(), start, end),
                };
                batch.calls.push(Queued { request, object: header.object, method: header.method, arguments });
            }
            CANCEL => match requests.get(header.request) {
                Some(request) => request.cancel(),
                None => self.count_stray(),
            },
            CREDIT => {
                let Some(bytes) = block[at + HEADER..at + header.length].first_chunk() else { return false };
                match requests.get(header.request) {
                    Some(request) => request.add_credit(u64::from_le_bytes(*bytes)),
                    None => self.count_stray(),
                }
            }
            ITEM => {
                let (payload, handles) = header.carried(&block[at..]);
                let carried = self.tables.receive(handles);
                match requests.get(header.request) {
                    Some(request) => {
                        let received = request.input.item(Item { payload: payload.to_vec(), carried });
                        self.judge(request, received);
                    }
                    None => self.count_stray(),
                }
            }
            END => match requests.get(header.request) {
                Some(request) => self.judge(request, request.input.end()),
                None => self.count_stray(),
            },
            REPLY | ERROR => {
                let (payload, handles) = header.carried(&block[at..]);
                let answered =
                    Answered { kind: header.kind, payload: payload.to_vec(), carried: self.tables.receive(handles) };
                let pending = self.calls.change(header.request, |pending| match pending.queue == header.queue {
                    true => Change::Remove(()),
                    false => Change::Keep(()),
                });
                let sent = match pending {
                    Some((_, Some(pending))) => pending.answer.send(answered).is_ok(),
                    _ => false,
                };
                if !sent {
                    self.count_stray();
                }
            }
            _ => return false,
        }
        true
    }

    fn judge(&self, request: &Request, received: Received) {
        match received {
            Received::Kept => {}
            Received::Stray => self.count_stray(),
            Received::Refused => request.refuse(),
        }
    }

    fn count_stray(&self) {
        self.stray.fetch_add(1, Ordering::Relaxed);
    }

    fn start(&self, calls: Vec<Queued>) {
        if calls.is_empty() {
            return;
        }
        let count = calls.len() as u64;
        self.accepted.fetch_add(count, Ordering::Relaxed);
        self.running.fetch_add(count, Ordering::SeqCst);
        self.unpolled.fetch_add(count, Ordering::Relaxed);
        self.backlog.push(calls);
    }

    /// Starts calls until the runtime is closed.
    pub(crate) fn pull(self: &Arc<Self>) {
        let mut frames = Vec::new();
        self.backlog.pull(|calls| self.run(calls, &mut frames));
    }

    /// Polls each call once. Those that are done then are answered together; the others become tasks.
    fn run(self: &Arc<Self>, calls: &mut Vec<Queued>, frames: &mut Vec<u8>) {
        let mut answers = Answers { core: self, frames, queue: 0, count: 0 };
        let short = self.backlog.is_short();
        let mut shown = Instant::now();
        let mut calls = calls.drain(..);
        // As a future of the runtime's, so that calls have a budget as its tasks have: a stream whose items all find credit
        // would else never let go.
        self.handle.block_on(std::future::poll_fn(|cx| {
            for _ in 0..SHARERS {
                let Some(call) = calls.next() else { return Poll::Ready(()) };
                self.begin(call, &mut answers);
                if !short {
                    answers.flush_if_late(&mut shown);
                }
            }
            answers.flush_if_late(&mut shown);
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        answers.flush();
    }

    /// Polls a call once, and answers its request where it is over.
    fn begin(self: &Arc<Self>, call: Queued, answers: &mut Answers<'_>) {
        let bytes = match &call.arguments {
            Arguments::Small(length) => call.request.arguments(*length),
            Arguments::Large(block, start, end) => &block[*start..*end],
        };
        let arguments = Reader::of_caller(bytes, self, call.request.queue, Vec::new());
        let mut input = Call { core: self, method: call.method, object: call.object, arguments };
        let context = Context { request: call.request.clone() };
        let work = contained(|| match call.method {
            method if builtin::has(method) => builtin::dispatch(&mut input, &context),
            _ => (self.service.dispatch)(&mut input, context),
        });
        let work = work.map(|work| input.arguments.take_fault().and(work));
        let result = match work {
            Err(message) => Some(Final::panic(self, &message)),
            Ok(Err(error)) => Some(Final::error(self, error)),
            Ok(Ok(work)) => {
                let mut work = Some(work);
                // A task polls it again at once, so nothing that happens meanwhile is missed.
                let result = call.request.poll_work(&mut work, &mut TaskContext::from_waker(Waker::noop()));
                if let (None, Some(work)) = (&result, work) {
                    tokio::spawn(Running::new(call.request.clone(), work));
                }
                result
            }
        };
        if let Some(result) = result {
            answers.add(&call.request, &result);
        }
    }

    /// Answers a request that had a task of its own.
    pub(crate) fn complete(&self, request: &Request, result: &Final) {
        let mut frames = Vec::with_capacity(result.frame_size());
        let mut answers = Answers { core: self, frames: &mut frames, queue: request.queue, count: 0 };
        answers.add(request, result);
        answers.flush();
    }

    pub(crate) fn push(&self, queue: u16, frames: &[u8]) {
        self.queues[usize::from(queue)].push(frames);
    }

    pub(crate) fn poll(&self, queue: &Queue, block: &mut [MaybeUninit<u8>], wait: Option<Duration>) -> Polled {
        let polled = queue.poll(block, wait, || self.backlog.rouse());
        if let Polled::Frames { finals, .. } = polled {
            if finals > 0 {
                self.unpolled.fetch_sub(finals as u64, Ordering::Relaxed);
            }
        }
        polled
    }

    /// Refuses new requests, waits for those in flight, cancels what is left after `wait`, and closes the queues.
    /// Requests that neither end nor let themselves be dropped are given up after `grace`.
    pub(crate) fn close(&self, wait: Duration, grace: Duration) {
        self.closing.store(true, Ordering::SeqCst);
        self.wait_until(wait, || self.is_idle());
        self.wait_until(grace, || {
            // Again and again: a submit may have been on its way.
            self.requests.iter().for_each(|requests| requests.lock().cancel());
            self.is_idle()
        });
        self.backlog.close();
        self.end();
        // Requests hold the core that holds them.
        self.requests.iter().for_each(|requests| *requests.lock() = Requests::default());
        self.queues.iter().for_each(Queue::close);
        // Pollers, where there are any, take what is left.
        self.wait_until(Duration::from_millis(200), || self.queues.iter().all(Queue::is_empty));
    }

    /// Drops what the service holds for callers, so that they are told which callbacks are released, and fails what waits
    /// for an answer of theirs outside a request.
    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(self.calls.clear());
        // What objects do when they end may need the threads.
        let _entered = self.handle.enter();
        for object in self.tables.objects.clear() {
            let _ = contained(|| drop(object));
        }
    }

    /// Whether all requests that a closing runtime took have their last frame in its queue.
    fn is_idle(&self) -> bool {
        let still = || self.moving.load(Ordering::SeqCst) == 0;
        // The first look: every submit that has not seen `closing` has counted its requests. The last: every answer that
        // is no longer counted has been pushed.
        still() && self.running.load(Ordering::SeqCst) == 0 && still()
    }

    fn wait_until(&self, wait: Duration, done: impl Fn() -> bool) {
        let until = Instant::now().checked_add(wait);
        while !done() && until.is_none_or(|until| Instant::now() < until) {
            std::thread::sleep(LOOK);
        }
    }
}

/// Counts a thread in `moving` while it lives.
struct Moving<'a>(&'a AtomicU64);

impl<'a> Moving<'a> {
    fn begin(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Moving(count)
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Last frames for one queue, on their way.
struct Answers<'a> {
    core: &'a Core,
    frames: &'a mut Vec<u8>,
    queue: u16,
    count: u64,
}

impl Answers<'_> {
    fn add(&mut self, request: &Request, result: &Final) {
        if request.queue != self.queue {
            self.flush();
            self.queue = request.queue;
        }
        // The id may come back as soon as the frame has been polled.
        request.input.finish();
        result.append_to(self.frames, request.queue, request.id);
        self.count += 1;
    }

    fn flush_if_late(&mut self, shown: &mut Instant) {
        if shown.elapsed() > GATHER {
            self.flush();
            *shown = Instant::now();
        }
    }

    fn flush(&mut self) {
        if self.count == 0 {
            return;
        }
        let _moving = Moving::begin(&self.core.moving);
        // Before the push: who has the answer finds the request gone.
        self.core.running.fetch_sub(self.count, Ordering::SeqCst);
        self.core.push(self.queue, self.frames);
        if self.frames.capacity() > KEPT_FRAMES {
            *self.frames = Vec::new();
        }
        self.frames.clear();
        self.count = 0;
    }
}
