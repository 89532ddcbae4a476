//! The C functions of `include/sr.h`. [`export!`](crate::export) gives them their names in a library's root crate.
//!
//! Every body runs inside [`contained`]: no panic reaches the caller's frames. A pointer that was passed in is used only
//! until the function returns.

use std::cell::UnsafeCell;
use std::ffi::{c_char, c_void, CStr};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Runtime as Workers;

use crate::bell;
use crate::codec::Reader;
use crate::compatible::compare;
use crate::error::Error;
use crate::fork;
use crate::frame::{Header, CALL, HEADER};
use crate::log;
use crate::panics::{contained, install_hook};
use crate::queue::Polled;
use crate::request::Final;
use crate::runtime::{Core, Submitted};
use crate::service::{Call, Service};

/// `SR_ABI_VERSION`.
pub const ABI_VERSION: u32 = 1;

const OK: i32 = 0;
const INVALID: i32 = -1;
const HANDLE: i32 = -2;
const BUSY: i32 = -3;
const NO_MEMORY: i32 = -4;
const TOO_SMALL: i32 = -5;
const CLOSED: i32 = -6;
const SYSTEM: i32 = -7;
const FORKED: i32 = -8;

const DEFAULT_BUFFER_MEMORY: u64 = 256 << 20;
const MOST_QUEUES: u32 = 64;
const MOST_WORKERS: u32 = 1024;

/// A request that neither ends nor lets itself be dropped holds `sr_runtime_free` up for at most this.
const GRACE: Duration = Duration::from_secs(10);

/// How long it waits for threads that still work.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// `sr_method`.
#[repr(C)]
pub struct Method {
    id: u32,
    immediate: u32,
    name: *const c_char,
}

// SAFETY: it is constant data; the name points to a text that lives for ever.
unsafe impl Sync for Method {}

impl Method {
    /// Describes a method.
    pub const fn new(id: u32, immediate: bool, name: &'static CStr) -> Self {
        Method { id, immediate: immediate as u32, name: name.as_ptr() }
    }
}

/// `sr_abi_info`.
#[repr(C)]
pub struct AbiInfo {
    version: u32,
    method_count: u32,
    schema: [u8; 16],
    methods: *const Method,
    text: *const u8,
    text_length: usize,
}

// SAFETY: it is constant data; the methods and the text live for ever.
unsafe impl Sync for AbiInfo {}

impl AbiInfo {
    /// Describes a schema: its hash, its canonical text, and its methods, which ascend by id.
    pub const fn new(schema: [u8; 16], text: &'static str, methods: &'static [Method]) -> Self {
        AbiInfo {
            version: ABI_VERSION,
            method_count: methods.len() as u32,
            schema,
            methods: methods.as_ptr(),
            text: text.as_ptr(),
            text_length: text.len(),
        }
    }

    fn text(&self) -> &'static str {
        // SAFETY: `new` took both from one text that lives for ever.
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.text, self.text_length)) }
    }
}

/// Names and ids of a service's methods.
pub fn methods(service: &'static Service) -> impl Iterator<Item = (&'static str, u32)> {
    let abi = service.abi;
    // SAFETY: `AbiInfo::new` took both from one slice that lives for ever.
    let methods = unsafe { std::slice::from_raw_parts(abi.methods, abi.method_count as usize) };
    methods.iter().map(|method| {
        // SAFETY: `Method::new` took the name from a `CStr` that lives for ever.
        (unsafe { CStr::from_ptr(method.name) }.to_str().unwrap_or_default(), method.id)
    })
}

/// `sr_options`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Options {
    /// Bytes of this struct that the caller knows.
    pub size: u32,
    /// Completion queues; 0: 1.
    pub queues: u32,
    /// Threads that run requests; 0: one a core.
    pub workers: u32,
    /// 0.
    pub reserved: u32,
    /// Bytes of buffers that callers may hold; 0: 256 MiB.
    pub buffer_memory: u64,
}

/// `sr_wake`.
#[repr(C)]
pub struct Wake {
    /// Kind of the handle.
    pub kind: u32,
    /// What to wait on.
    pub handle: i32,
    /// Bytes in the queue, while the runtime lives.
    pub pending: *const u64,
}

/// `sr_view`.
#[repr(C)]
pub struct View {
    /// The first byte.
    pub data: *mut u8,
    /// Number of bytes.
    pub length: usize,
}

/// `sr_statistics`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Requests that were accepted so far.
    pub requests: u64,
    /// Those that are not over.
    pub in_flight: u64,
    /// Buffers that callers hold.
    pub buffers: u64,
    /// Memory behind them.
    pub buffer_bytes: u64,
    /// Objects that callers hold.
    pub objects: u64,
    /// Frames for requests and calls that were over.
    pub stray: u64,
    /// Threads of the runtime.
    pub threads: u64,
}

/// What `sr_runtime *` points to. The shell itself is never freed (some 100 bytes a runtime), so that a binding's late
/// call, from a finaliser say, finds a closed runtime and not somebody else's memory.
pub struct Runtime {
    /// Calls that are inside, and [`GONE`].
    inside: AtomicUsize,
    core: UnsafeCell<Option<Arc<Core>>>,
    threads: Mutex<Option<Threads>>,
}

/// The threads of a runtime: those that start calls, and those that go on with what is not over at once.
struct Threads {
    pullers: Vec<JoinHandle<()>>,
    workers: Workers,
}

/// All shells, for tools that look for lost memory.
static SHELLS: Mutex<Vec<&'static Runtime>> = Mutex::new(Vec::new());

const GONE: usize = 1 << (usize::BITS - 1);

// SAFETY: `core` is written only by `free`, after `GONE` was set and `inside` came down to 0; it is read only between
// `enter`, which fails once `GONE` is set, and the drop of its answer. The other fields are `Sync`.
unsafe impl Sync for Runtime {}

/// A call that is inside a runtime.
struct Inside<'a>(&'a Runtime);

impl Runtime {
    fn enter(&self) -> Result<Inside<'_>, i32> {
        let inside = Inside(self);
        // Counted first and looked at afterwards, so that `free` either sees this call or is seen by it.
        if self.inside.fetch_add(1, Ordering::SeqCst) & GONE != 0 {
            return Err(CLOSED);
        }
        Ok(inside)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::ops::Deref for Inside<'_> {
    type Target = Arc<Core>;
    fn deref(&self) -> &Arc<Core> {
        // SAFETY: this call was counted before `GONE` was set, so `free` waits for it before it touches the core.
        let core = unsafe { &*self.0.core.get() };
        core.as_ref().expect("the core is there until the last call has left")
    }
}

fn status(error: &Error) -> i32 {
    match error {
        Error::Closed(_) => HANDLE,
        Error::Busy => BUSY,
        Error::NoMemory { .. } => NO_MEMORY,
        Error::Malformed(_) | Error::UnknownMethod(_) | Error::WrongType => INVALID,
        Error::Cancelled | Error::DeadlineExceeded => CLOSED,
        Error::System(_) | Error::Callback(_) => SYSTEM,
    }
}

/// Runs the body of a C function, but not in a forked child, whose locks may be held for ever. A panic in it would be a defect of this crate: the log has it, the caller gets a status.
fn boundary(body: impl FnOnce() -> Result<i32, i32>) -> i32 {
    if fork::is_child() {
        return FORKED;
    }
    match contained(body) {
        Ok(Ok(status) | Err(status)) => status,
        Err(_) => SYSTEM,
    }
}

fn inside<T>(runtime: *mut Runtime, body: impl FnOnce(&Arc<Core>) -> Result<T, i32>) -> Result<T, i32> {
    // SAFETY: the caller passes null or what `runtime_new` gave; shells are never freed.
    let runtime = unsafe { runtime.as_ref() }.ok_or(INVALID)?;
    let core = runtime.enter()?;
    body(&core)
}

/// Reads a caller's block.
///
/// # Safety
/// `data` is null, or valid for reads of `length` bytes during `'a`.
unsafe fn block<'a>(data: *const u8, length: usize) -> Result<&'a [u8], i32> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() || length > isize::MAX as usize {
        return Err(INVALID);
    }
    // SAFETY: not null, and valid as the caller of this function promises.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// Writes to a caller's block.
///
/// # Safety
/// `data` is null, or valid for writes of `length` bytes during `'a`, and nobody else uses them.
unsafe fn block_mut<'a>(data: *mut u8, length: usize) -> Result<&'a mut [MaybeUninit<u8>], i32> {
    if length == 0 {
        return Ok(&mut []);
    }
    if data.is_null() || length > isize::MAX as usize {
        return Err(INVALID);
    }
    // SAFETY: not null, and valid for writes as the caller of this function promises; whether anything was ever written to
    // it, as where it is fresh from `malloc`, does not matter for this type.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
}

/// Writes a result where the caller wants it.
///
/// # Safety
/// `place` is null or valid for a write.
unsafe fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: not null, and valid as the caller of this function promises.
        unsafe { place.write(value) }
    }
}

/// `sr_runtime_new`.
///
/// # Safety
/// `options` is null or points to `options.size` readable bytes; `out` is null or valid for a write.
pub unsafe fn runtime_new(service: &'static Service, options: *const Options, out: *mut *mut Runtime) -> i32 {
    boundary(|| {
        if out.is_null() {
            return Err(INVALID);
        }
        let mut wanted = Options { size: 0, queues: 0, workers: 0, reserved: 0, buffer_memory: 0 };
        if !options.is_null() {
            // SAFETY: the first field is there by the caller's promise.
            let size = unsafe { std::ptr::addr_of!((*options).size).read() } as usize;
            if size < 4 {
                return Err(INVALID);
            }
            let known = size.min(std::mem::size_of::<Options>());
            // SAFETY: `known` bytes are readable, and `Options` has at least as many and no invalid bit patterns.
            unsafe {
                std::ptr::copy_nonoverlapping(options.cast::<u8>(), std::ptr::addr_of_mut!(wanted).cast(), known)
            };
        }
        if wanted.queues > MOST_QUEUES || wanted.workers > MOST_WORKERS || wanted.reserved != 0 {
            return Err(INVALID);
        }
        let runtime = make(service, &wanted).map_err(|error| status(&error))?;
        let runtime: &'static Runtime = Box::leak(Box::new(runtime));
        SHELLS.lock().push(runtime);
        // SAFETY: not null, and valid by the caller's promise. Nobody writes through the pointer: a runtime is shared.
        unsafe { put(out, std::ptr::from_ref(runtime).cast_mut()) };
        Ok(OK)
    })
}

fn make(service: &'static Service, options: &Options) -> Result<Runtime, Error> {
    fork::watch()?;
    install_hook();
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if options.workers == 0 { cores() } else { options.workers as usize };
    let count = Arc::new(AtomicU64::new(0));
    let (up, down) = (count.clone(), count.clone());
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("sr-worker")
        .on_thread_start(move || {
            up.fetch_add(1, Ordering::Relaxed);
        })
        .on_thread_stop(move || {
            down.fetch_sub(1, Ordering::Relaxed);
        })
        .enable_all()
        .build()
        .map_err(|error| Error::system("starting the runtime's threads", error))?;
    let memory = if options.buffer_memory == 0 { DEFAULT_BUFFER_MEMORY } else { options.buffer_memory };
    let queues = options.queues.max(1) as u16;
    let core = Core::new(service, queues, workers, memory, threads.handle().clone(), count)?;
    let mut pullers = Vec::with_capacity(workers);
    for number in 0..workers {
        match puller(&core, number) {
            Ok(puller) => pullers.push(puller),
            Err(error) => {
                core.close(Duration::ZERO, Duration::ZERO);
                return Err(Error::system("starting the runtime's threads", error));
            }
        }
    }
    let threads = Threads { pullers, workers: threads };
    Ok(Runtime { inside: AtomicUsize::new(0), core: UnsafeCell::new(Some(core)), threads: Mutex::new(Some(threads)) })
}

fn puller(core: &Arc<Core>, number: usize) -> std::io::Result<JoinHandle<()>> {
    let core = core.clone();
    std::thread::Builder::new().name(format!("sr-call-{number}")).spawn(move || {
        core.threads.fetch_add(1, Ordering::Relaxed);
        core.pull();
        core.threads.fetch_sub(1, Ordering::Relaxed);
    })
}

impl Threads {
    /// Ends the threads of a runtime that was closed. Work that does not end is left behind after a second.
    fn end(self) {
        let until = Instant::now() + LAST_WAIT;
        while self.pullers.iter().any(|puller| !puller.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(100));
        }
        self.workers.shutdown_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// `sr_runtime_free`.
///
/// # Safety
/// `runtime` is null or was given by [`runtime_new`].
pub unsafe fn runtime_free(runtime: *mut Runtime, wait_ns: u64) -> i32 {
    boundary(|| {
        // SAFETY: the caller passes null or what `runtime_new` gave; shells are never freed.
        let runtime = unsafe { runtime.as_ref() }.ok_or(INVALID)?;
        // Who comes second has nothing to do.
        let threads = runtime.threads.lock().take().ok_or(CLOSED)?;
        runtime.enter()?.close(Duration::from_nanos(wait_ns), GRACE);
        runtime.inside.fetch_or(GONE, Ordering::SeqCst);
        while runtime.inside.load(Ordering::SeqCst) != GONE {
            std::thread::sleep(Duration::from_micros(100));
        }
        // SAFETY: no call is inside, and none comes in any more.
        let core = unsafe { (*runtime.core.get()).take() };
        // What objects do when they end may need the threads.
        let entered = threads.workers.enter();
        let _ = contained(|| drop(core));
        drop(entered);
        threads.end();
        Ok(OK)
    })
}

/// `sr_check`.
///
/// # Safety
/// `text` is valid for reads of `length` bytes, `message` for writes of `capacity` bytes, `needed` null or valid for a write.
pub unsafe fn check(
    service: &'static Service,
    text: *const c_char,
    length: usize,
    message: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> i32 {
    boundary(|| {
        // SAFETY: valid by the caller's promise.
        let (text, room) = unsafe { (block(text.cast(), length)?, block_mut(message.cast(), capacity)?) };
        let (status, told) = match compare(service.abi.text(), text) {
            Ok(()) => (OK, String::new()),
            Err(told) => (INVALID, told),
        };
        // SAFETY: valid by the caller's promise.
        unsafe { put(needed, told.len()) };
        let room = room.get_mut(..told.len()).ok_or(TOO_SMALL)?;
        room.write_copy_of_slice(told.as_bytes());
        Ok(status)
    })
}

/// `sr_submit`.
///
/// # Safety
/// As for [`runtime_free`]; `data` is valid for reads of `length` bytes, `taken` null or valid for a write.
pub unsafe fn submit(runtime: *mut Runtime, data: *const u8, length: usize, taken: *mut usize) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            // SAFETY: valid by the caller's promise.
            let frames = unsafe { block(data, length) }?;
            let (status, bytes) = match core.submit(frames) {
                Submitted::Taken { frames, bytes } => (i32::try_from(frames).unwrap_or(i32::MAX), bytes),
                Submitted::Malformed => (INVALID, 0),
                Submitted::Closed => (CLOSED, 0),
            };
            // SAFETY: valid by the caller's promise.
            unsafe { put(taken, bytes) };
            Ok(status)
        })
    })
}

/// `sr_poll`.
///
/// # Safety
/// As for [`runtime_free`]; `data` is valid for writes of `capacity` bytes, `used` and `needed` null or valid for a write.
pub unsafe fn poll(
    runtime: *mut Runtime,
    queue: u32,
    data: *mut u8,
    capacity: usize,
    wait_ns: u64,
    used: *mut usize,
    needed: *mut usize,
) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            let queue = core.queues.get(queue as usize).ok_or(INVALID)?;
            // SAFETY: valid by the caller's promise.
            let room = unsafe { block_mut(data, capacity) }?;
            let wait = if wait_ns == u64::MAX { None } else { Some(Duration::from_nanos(wait_ns)) };
            let (status, bytes, need) = match core.poll(queue, room, wait) {
                Polled::Frames { count, bytes, .. } => (i32::try_from(count).unwrap_or(i32::MAX), bytes, 0),
                Polled::TooSmall(needed) => (TOO_SMALL, 0, needed),
                Polled::Empty => (0, 0, 0),
                Polled::Closed => (CLOSED, 0, 0),
            };
            // SAFETY: valid by the caller's promise.
            unsafe {
                put(used, bytes);
                put(needed, need);
            }
            Ok(status)
        })
    })
}

/// `sr_queue_wake`.
///
/// # Safety
/// As for [`runtime_free`]; `out` is null or valid for a write.
pub unsafe fn queue_wake(runtime: *mut Runtime, queue: u32, out: *mut Wake) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            let queue = core.queues.get(queue as usize).ok_or(INVALID)?;
            if out.is_null() {
                return Err(INVALID);
            }
            // SAFETY: not null, and valid by the caller's promise.
            unsafe { put(out, Wake { kind: bell::KIND, handle: queue.descriptor(), pending: queue.pending() }) };
            Ok(OK)
        })
    })
}

/// `sr_call_immediate`. Where the block is too small, `*used` says what is needed.
///
/// # Safety
/// As for [`runtime_free`]; `frame` is valid for reads of `length` bytes, `data` for writes of `capacity` bytes, `used`
/// null or valid for a write.
pub unsafe fn call_immediate(
    runtime: *mut Runtime,
    frame: *const u8,
    length: usize,
    data: *mut u8,
    capacity: usize,
    used: *mut usize,
) -> i32 {
    let answer = |run: &dyn Fn(&mut Call<'_>) -> Result<Final, Error>| {
        inside(runtime, |core| {
            // SAFETY: valid by the caller's promise.
            let (frame, room) = unsafe { (block(frame, length)?, block_mut(data, capacity)?) };
            let header = Header::parse(frame).filter(|header| header.kind == CALL).ok_or(INVALID)?;
            let arguments = Reader::of_caller(&frame[HEADER..header.length], core, header.queue, Vec::new());
            let mut call = Call { core, method: header.method, object: header.object, arguments };
            let result = run(&mut call).unwrap_or_else(|error| Final::error(core, error));
            let needed = result.frame_size();
            // SAFETY: valid by the caller's promise.
            unsafe { put(used, needed) };
            match room.get_mut(..needed) {
                Some(room) => {
                    result.write_to(room, header.queue, header.request);
                    Ok(OK)
                }
                None => {
                    result.release(core);
                    Err(TOO_SMALL)
                }
            }
        })
    };
    if fork::is_child() {
        return FORKED;
    }
    // One catch for all of it: for a getter, a second one would show.
    match contained(|| answer(&|call| (call.core.service.immediate)(call))) {
        Ok(Ok(status) | Err(status)) => status,
        Err(message) => boundary(|| answer(&|call| Ok(Final::panic(call.core, &message)))),
    }
}

/// `sr_object_close`.
///
/// # Safety
/// As for [`runtime_free`].
pub unsafe fn object_close(runtime: *mut Runtime, object: u64) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            let object = core.tables.objects.remove(object).ok_or(HANDLE)?;
            // What an object does when it ends is not for the caller's thread.
            core.handle.spawn(async move {
                let _ = contained(|| drop(object));
            });
            Ok(OK)
        })
    })
}

/// `sr_buffer_try_alloc`.
///
/// # Safety
/// As for [`runtime_free`]; `handle` is null or valid for a write.
pub unsafe fn buffer_try_alloc(runtime: *mut Runtime, size: u64, handle: *mut u64) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            if handle.is_null() {
                return Err(INVALID);
            }
            let buffer = core.tables.budget.try_allocate(size).map_err(|error| status(&error))?.ok_or(NO_MEMORY)?;
            // SAFETY: not null, and valid by the caller's promise.
            unsafe { put(handle, core.tables.buffers.give(buffer)) };
            Ok(OK)
        })
    })
}

/// `sr_buffer_view`.
///
/// # Safety
/// As for [`runtime_free`]; `out` is null or valid for a write. What is read from the library must not be written to
/// through the view.
pub unsafe fn buffer_view(runtime: *mut Runtime, handle: u64, out: *mut View) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            if out.is_null() {
                return Err(INVALID);
            }
            let (data, length) = core.tables.buffers.view(handle).map_err(|error| status(&error))?;
            // SAFETY: not null, and valid by the caller's promise.
            unsafe { put(out, View { data, length }) };
            Ok(OK)
        })
    })
}

/// `sr_buffer_unview`.
///
/// # Safety
/// As for [`runtime_free`].
pub unsafe fn buffer_unview(runtime: *mut Runtime, handle: u64) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            core.tables.buffers.unview(handle).map_err(|error| status(&error))?;
            Ok(OK)
        })
    })
}

/// `sr_buffer_shrink`.
///
/// # Safety
/// As for [`runtime_free`].
pub unsafe fn buffer_shrink(runtime: *mut Runtime, handle: u64, length: u64) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            core.tables.buffers.shrink(handle, length).map_err(|error| status(&error))?;
            Ok(OK)
        })
    })
}

/// `sr_buffer_free`.
///
/// # Safety
/// As for [`runtime_free`].
pub unsafe fn buffer_free(runtime: *mut Runtime, handle: u64) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            drop(core.tables.buffers.take(handle).map_err(|error| status(&error))?);
            Ok(OK)
        })
    })
}

/// `sr_log_set`.
///
/// # Safety
/// The sink may be called from any one thread with this context until it is unset.
pub unsafe fn log_set(level: u32, sink: Option<log::Sink>, context: *mut c_void) -> i32 {
    boundary(|| match fork::watch().and_then(|()| log::set(level, sink.map(|sink| (sink, context)))) {
        Ok(()) => Ok(OK),
        Err(error) => Err(status(&error)),
    })
}

/// `sr_runtime_statistics`.
///
/// # Safety
/// As for [`runtime_free`]; `out` is null or valid for a write.
pub unsafe fn runtime_statistics(runtime: *mut Runtime, out: *mut Statistics) -> i32 {
    boundary(|| {
        inside(runtime, |core| {
            if out.is_null() {
                return Err(INVALID);
            }
            let statistics = Statistics {
                requests: core.accepted(),
                in_flight: core.in_flight(),
                buffers: core.tables.buffers.len(),
                buffer_bytes: core.tables.buffers.bytes(),
                objects: core.tables.objects.len(),
                stray: core.stray.load(Ordering::Relaxed),
                threads: core.threads.load(Ordering::Relaxed),
            };
            // SAFETY: not null, and valid by the caller's promise.
            unsafe { put(out, statistics) };
            Ok(OK)
        })
    })
}

macro_rules! functions {
    ($(fn $field:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        /// `sr_functions`: the C functions as a table.
        #[repr(C)]
        pub struct Functions {
            /// Bytes of this table.
            pub size: u32,
            /// `SR_ABI_VERSION`.
            pub version: u32,
            $(
                /// The C function of this name.
                pub $field: unsafe extern "C" fn($($type),*) -> $result,
            )*
        }
    };
}
functions! {
    fn abi() -> *const AbiInfo;
    fn runtime_new(options: *const Options, out: *mut *mut Runtime) -> i32;
    fn runtime_free(runtime: *mut Runtime, wait_ns: u64) -> i32;
    fn submit(runtime: *mut Runtime, block: *const u8, length: usize, taken: *mut usize) -> i32;
    fn poll(
        runtime: *mut Runtime, queue: u32, block: *mut u8, capacity: usize, wait_ns: u64, used: *mut usize,
        needed: *mut usize
    ) -> i32;
    fn queue_wake(runtime: *mut Runtime, queue: u32, out: *mut Wake) -> i32;
    fn call_immediate(
        runtime: *mut Runtime, frame: *const u8, length: usize, block: *mut u8, capacity: usize, used: *mut usize
    ) -> i32;
    fn object_close(runtime: *mut Runtime, object: u64) -> i32;
    fn buffer_try_alloc(runtime: *mut Runtime, size: u64, handle: *mut u64) -> i32;
    fn buffer_view(runtime: *mut Runtime, handle: u64, out: *mut View) -> i32;
    fn buffer_unview(runtime: *mut Runtime, handle: u64) -> i32;
    fn buffer_shrink(runtime: *mut Runtime, handle: u64, length: u64) -> i32;
    fn buffer_free(runtime: *mut Runtime, handle: u64) -> i32;
    fn log_set(level: u32, sink: Option<log::Sink>, context: *mut c_void) -> i32;
    fn runtime_statistics(runtime: *mut Runtime, out: *mut Statistics) -> i32;
    fn check(text: *const c_char, length: usize, message: *mut c_char, capacity: usize, needed: *mut usize) -> i32;
}

/// Gives a library the C functions of `sr.h` for one [`Service`]. It stands once, in the root crate of the library, so that
/// they are exported from it whatever the linker drops.
#[macro_export]
macro_rules! export {
    ($service:path) => {
        $crate::export! { @functions
            runtime_free(runtime: *mut $crate::ffi::Runtime, wait_ns: u64) as sr_runtime_free;
            submit(
                runtime: *mut $crate::ffi::Runtime, block: *const u8, length: usize, taken: *mut usize
            ) as sr_submit;
            poll(
                runtime: *mut $crate::ffi::Runtime, queue: u32, block: *mut u8, capacity: usize, wait_ns: u64,
                used: *mut usize, needed: *mut usize
            ) as sr_poll;
            queue_wake(runtime: *mut $crate::ffi::Runtime, queue: u32, out: *mut $crate::ffi::Wake) as sr_queue_wake;
            call_immediate(
                runtime: *mut $crate::ffi::Runtime, frame: *const u8, length: usize, block: *mut u8, capacity: usize,
                used: *mut usize
            ) as sr_call_immediate;
            object_close(runtime: *mut $crate::ffi::Runtime, object: u64) as sr_object_close;
            buffer_try_alloc(
                runtime: *mut $crate::ffi::Runtime, size: u64, handle: *mut u64
            ) as sr_buffer_try_alloc;
            buffer_view(
                runtime: *mut $crate::ffi::Runtime, handle: u64, out: *mut $crate::ffi::View
            ) as sr_buffer_view;
            buffer_unview(runtime: *mut $crate::ffi::Runtime, handle: u64) as sr_buffer_unview;
            buffer_shrink(runtime: *mut $crate::ffi::Runtime, handle: u64, length: u64) as sr_buffer_shrink;
            buffer_free(runtime: *mut $crate::ffi::Runtime, handle: u64) as sr_buffer_free;
            log_set(
                level: u32, sink: Option<$crate::LogSink>, context: *mut ::std::ffi::c_void
            ) as sr_log_set;
            runtime_statistics(
                runtime: *mut $crate::ffi::Runtime, out: *mut $crate::ffi::Statistics
            ) as sr_runtime_statistics;
        }

        /// See `sr.h`.
        #[no_mangle]
        pub extern "C" fn sr_abi() -> *const $crate::ffi::AbiInfo {
            $service.abi
        }

        /// See `sr.h`.
        ///
        /// # Safety
        /// As `sr.h` says.
        #[no_mangle]
        pub unsafe extern "C" fn sr_runtime_new(
            options: *const $crate::ffi::Options, out: *mut *mut $crate::ffi::Runtime
        ) -> i32 {
            // SAFETY: the caller of this function promises what that one asks for.
            unsafe { $crate::ffi::runtime_new(&$service, options, out) }
        }

        /// See `sr.h`.
        ///
        /// # Safety
        /// As `sr.h` says.
        #[no_mangle]
        pub unsafe extern "C" fn sr_check(
            text: *const ::std::ffi::c_char, length: usize, message: *mut ::std::ffi::c_char, capacity: usize,
            needed: *mut usize
        ) -> i32 {
            // SAFETY: the caller of this function promises what that one asks for.
            unsafe { $crate::ffi::check(&$service, text, length, message, capacity, needed) }
        }

        /// See `sr.h`.
        #[no_mangle]
        pub extern "C" fn sr_table() -> *const $crate::ffi::Functions {
            static TABLE: $crate::ffi::Functions = $crate::ffi::Functions {
                size: ::std::mem::size_of::<$crate::ffi::Functions>() as u32,
                version: $crate::ffi::ABI_VERSION,
                abi: sr_abi,
                runtime_new: sr_runtime_new,
                runtime_free: sr_runtime_free,
                submit: sr_submit,
                poll: sr_poll,
                queue_wake: sr_queue_wake,
                call_immediate: sr_call_immediate,
                object_close: sr_object_close,
                buffer_try_alloc: sr_buffer_try_alloc,
                buffer_view: sr_buffer_view,
                buffer_unview: sr_buffer_unview,
                buffer_shrink: sr_buffer_shrink,
                buffer_free: sr_buffer_free,
                log_set: sr_log_set,
                runtime_statistics: sr_runtime_statistics,
                check: sr_check,
            };
            &TABLE
        }
    };
    (@functions $($name:ident($($argument:ident: $type:ty),*) as $symbol:ident;)*) => {$(
        /// See `sr.h`.
        ///
        /// # Safety
        /// As `sr.h` says.
        #[no_mangle]
        pub unsafe extern "C" fn $symbol($($argument: $type),*) -> i32 {
            // SAFETY: the caller of this function promises what that one asks for.
            unsafe { $crate::ffi::$name($($argument),*) }
        }
    )*};
}
