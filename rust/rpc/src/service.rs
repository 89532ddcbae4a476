//! What a library offers through the boundary: the tables that the IDL compiler generates, and how they run a call.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::buffer::Buffer;
use crate::codec::{Reader, Writer};
use crate::error::{Error, IntoPayload};
use crate::ffi::AbiInfo;
use crate::frame::{append, ITEM};
use crate::incoming::Incoming;
use crate::panics::{contained, message};
use crate::request::{fits, Final, Request, Work};
use crate::runtime::Core;

/// The methods of a library.
pub struct Service {
    /// What `sr_abi` answers.
    pub abi: &'static AbiInfo,
    /// Decodes the arguments of a call, and makes its work.
    pub dispatch: fn(&mut Call<'_>, Context) -> Result<Work, Error>,
    /// Runs an `@immediate` method on the caller's thread.
    pub immediate: fn(&mut Call<'_>) -> Result<Final, Error>,
}

/// A call that is about to be made.
pub struct Call<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) method: u32,
    pub(crate) object: u64,
    pub(crate) arguments: Reader<'a>,
}

impl<'a> Call<'a> {
    /// Id of the method.
    pub fn method(&self) -> u32 {
        self.method
    }

    /// The arguments. They must be read before the object is looked up: buffers in them move also where the call fails.
    pub fn arguments(&mut self) -> &mut Reader<'a> {
        &mut self.arguments
    }

    /// The object that is called.
    pub fn object<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        self.core.tables.object(self.object)
    }

    /// The answer of an `@immediate` method, whose result `encode` writes.
    pub fn answer<T, E: IntoPayload>(&self, result: Result<T, E>, encode: fn(T, &mut Writer<'_>)) -> Final {
        match result {
            Ok(value) => Final::reply(self.core, |writer| encode(value, writer)),
            Err(error) => Final::error(self.core, error),
        }
    }
}

/// What a method knows of the request that called it.
#[derive(Clone)]
pub struct Context {
    pub(crate) request: Arc<Request>,
}

impl Context {
    /// Is cancelled when the request is cancelled or its deadline passes, for work outside the request's future.
    pub fn cancellation(&self) -> CancellationToken {
        self.request.token().clone()
    }

    /// What a request fails with whose work was told to stop through [`Context::cancellation`].
    pub fn why_stopped(&self) -> Error {
        self.request.stopped().unwrap_or(Error::Cancelled)
    }

    /// When the request will be given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.request.deadline
    }

    /// W3C trace id and span id of the caller; zeros: none.
    pub fn trace(&self) -> [u8; 24] {
        self.request.trace
    }

    /// Requests that the library works on, this one among them.
    pub fn in_flight(&self) -> u64 {
        self.request.core.in_flight()
    }

    /// A buffer of the callers' memory, once there is room. Its bytes are whatever they were.
    pub async fn allocate(&self, size: u64) -> Result<Buffer, Error> {
        self.request.core.tables.budget.allocate(size).await
    }

    /// Runs work that blocks on a thread where it may. A panic in it becomes the request's. Where the request ends first,
    /// the work goes on to its end, so long work should watch [`Context::cancellation`].
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match tokio::task::spawn_blocking(move || contained(work)).await {
            Ok(Ok(value)) => value,
            // `resume_unwind` does not call the hook again.
            Ok(Err(text)) => std::panic::resume_unwind(Box::new(text)),
            Err(error) => match error.try_into_panic() {
                Ok(payload) => std::panic::resume_unwind(Box::new(message(&*payload))),
                // The runtime is going away, and this future with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// While the answer lives, cancellation and deadline do not drop the request's future: they only cancel
    /// [`Context::cancellation`], and the request ends with the result that it then has. For steps whose outcome the
    /// caller must learn, like a commit; they have to end promptly by themselves.
    pub fn shield(&self) -> Shield {
        self.request.shield(true);
        Shield { request: self.request.clone() }
    }
}

/// See [`Context::shield`].
pub struct Shield {
    request: Arc<Request>,
}

impl Drop for Shield {
    fn drop(&mut self) {
        self.request.shield(false);
    }
}

/// Where a method that answers a stream puts its items.
pub struct Sink<T> {
    cx: Context,
    scratch: Vec<u8>,
    encode: fn(T, &mut Writer<'_>),
}

impl<T: Send> Sink<T> {
    /// Waits until the caller has given credit, for methods that must not begin with an item before it can go out.
    pub async fn ready(&mut self) {
        std::future::poll_fn(|cx| self.cx.request.poll_credit(cx)).await;
    }

    /// Waits until the caller has given credit, and may hold the item's buffers, and sends the item. Fails where the
    /// request is over.
    pub async fn send(&mut self, item: T) -> Result<(), Error> {
        let request = &self.cx.request;
        let core = &request.core;
        std::future::poll_fn(|cx| request.poll_credit(cx)).await;
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        let mut writer = Writer::with_tables(&mut payload, &core.tables);
        (self.encode)(item, &mut writer);
        let buffers = writer.admit().await?;
        let handles = writer.into_handles();
        if let Err(error) = fits(payload.len(), handles.len()) {
            core.tables.release(&handles);
            return Err(error);
        }
        request.take_credit(payload.len() as u64 + buffers);
        let mut frame = Vec::with_capacity(payload.len() + 128);
        append(&mut frame, request.queue, request.id, ITEM, &payload, &handles);
        self.scratch = payload;
        if request.input.unless_over(|| core.push(request.queue, &frame)).is_none() {
            core.tables.release(&handles);
            return Err(Error::Closed("stream"));
        }
        Ok(())
    }
}

/// Where a method tells how far it is. It may be called from any thread, at any rate.
pub struct Emitter<T> {
    cx: Context,
    encode: fn(T, &mut Writer<'_>),
}

impl<T> Clone for Emitter<T> {
    fn clone(&self) -> Self {
        Emitter { cx: self.cx.clone(), encode: self.encode }
    }
}

impl<T> Emitter<T> {
    /// Replaces the value that the caller has not taken yet. Once the request is over, it does nothing.
    pub fn emit(&self, value: T) {
        let request = &self.cx.request;
        let mut payload = Vec::new();
        // Without tables: what may never be delivered must not carry handles.
        (self.encode)(value, &mut Writer::new(&mut payload));
        let queue = &request.core.queues[usize::from(request.queue)];
        let _ = request.input.unless_over(|| queue.emit(request.id, payload));
    }
}

/// The sink of a stream whose items `encode` writes. For generated code.
pub fn sink<T>(cx: &Context, encode: fn(T, &mut Writer<'_>)) -> Sink<T> {
    Sink { cx: cx.clone(), scratch: Vec::new(), encode }
}

/// Credit that a stream of values from the caller has at most: enough to keep a sender busy while what it sent is worked on.
pub const VALUE_WINDOW: u64 = 256 << 10;

/// The same for a stream of buffers: a few blocks of the usual size.
pub const BUFFER_WINDOW: u64 = 8 << 20;

/// The stream that the caller sends after its call, of whose items `decode` reads one. For generated code.
pub fn incoming<T>(cx: &Context, window: u64, decode: fn(&mut Reader<'_>) -> Result<T, Error>) -> Incoming<T> {
    Incoming::new(cx, window, decode)
}

/// The emitter of a request, whose values `encode` writes. For generated code.
pub fn emitter<T>(cx: &Context, encode: fn(T, &mut Writer<'_>)) -> Emitter<T> {
    Emitter { cx: cx.clone(), encode }
}

/// The work of a method that answers once, and whose result `encode` writes. For generated code.
pub fn reply<T, E, F>(cx: &Context, method: F, encode: fn(T, &mut Writer<'_>)) -> Work
where
    T: Send + 'static,
    E: IntoPayload,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let cx = cx.clone();
    Box::pin(async move {
        match method.await {
            Ok(value) => Final::admitted(&cx.request.core, |writer| encode(value, writer)).await,
            Err(error) => Final::error(&cx.request.core, error),
        }
    })
}

/// The work of a call that is over already. For generated code.
pub fn ready(result: Final) -> Work {
    Box::pin(std::future::ready(result))
}

/// The work of a method that answers a stream. For generated code.
pub fn stream<E, F>(cx: &Context, method: F) -> Work
where
    E: IntoPayload,
    F: Future<Output = Result<(), E>> + Send + 'static,
{
    let cx = cx.clone();
    Box::pin(async move {
        match method.await {
            Ok(()) => Final::end(),
            Err(error) => Final::error(&cx.request.core, error),
        }
    })
}
