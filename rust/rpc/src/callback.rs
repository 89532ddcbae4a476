//! Callbacks: objects of the caller's that a service calls. No foreign function is entered: a call is a frame on the
//! completion queue of the request that brought the callback, and the caller submits the answer (docs/boundary.md).

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use tokio::sync::oneshot;

use crate::buffer::Buffer;
use crate::codec::{Reader, Writer};
use crate::error::{Error, FromPayload};
use crate::frame::{append, append_to_callback, CALL, CANCEL, ERROR, RELEASE};
use crate::request::fits;
use crate::runtime::Core;

/// A callback. The caller is told when the last clone is dropped.
#[derive(Clone)]
pub struct Callback {
    held: Arc<Held>,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Callback({:#x})", self.held.handle)
    }
}

struct Held {
    /// Objects of the runtime may hold callbacks, and must not keep it alive.
    core: Weak<Core>,
    queue: u16,
    handle: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade() {
            let mut frame = Vec::new();
            append_to_callback(&mut frame, self.queue, 0, RELEASE, (self.handle, 0), &[], &[]);
            core.push(self.queue, &frame);
        }
    }
}

/// What the caller answered to a call.
pub(crate) struct Answered {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
    /// Buffers that moved with it.
    pub(crate) carried: Vec<(u64, Buffer)>,
}

/// A call that the caller has not answered.
pub(crate) struct Pending {
    pub(crate) queue: u16,
    pub(crate) answer: oneshot::Sender<Answered>,
}

/// Tells the caller that nobody waits any more, where the call was not answered.
struct Waiting<'a> {
    core: &'a Core,
    queue: u16,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.core.calls.remove(self.id).is_some() {
            let mut frame = Vec::new();
            append(&mut frame, self.queue, self.id, CANCEL, &[], &[]);
            self.core.push(self.queue, &frame);
        }
    }
}

impl Callback {
    pub(crate) fn new(core: &Arc<Core>, queue: u16, handle: u64) -> Self {
        Callback { held: Arc::new(Held { core: Arc::downgrade(core), queue, handle }) }
    }

    /// Calls a method with the arguments that `write` writes, and waits for the answer, of which `read` takes the result.
    /// Dropping the future cancels the call.
    pub async fn call<T, E: FromPayload>(
        &self,
        method: u32,
        write: impl FnOnce(&mut Writer<'_>),
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>,
    ) -> Result<T, E> {
        let core = self.held.core.upgrade().ok_or(Error::Cancelled)?;
        let mut payload = Vec::new();
        let mut writer = Writer::with_tables(&mut payload, &core.tables);
        write(&mut writer);
        writer.admit().await?;
        let handles = writer.into_handles();
        let answered = self.ask(&core, method, payload, handles)?.wait().await?;
        let mut reader = Reader::of_caller(&answered.payload, &core, self.held.queue, answered.carried);
        let read = match answered.kind {
            ERROR => E::decode_error(&mut reader).map(Err),
            _ => read(&mut reader).map(Ok),
        };
        reader.take_fault()?;
        read?
    }

    fn ask<'a>(&self, core: &'a Core, method: u32, payload: Vec<u8>, handles: Vec<u64>) -> Result<Asked<'a>, Error> {
        let Held { queue, handle, .. } = *self.held;
        if let Err(error) = fits(payload.len(), handles.len()) {
            core.tables.release(&handles);
            return Err(error);
        }
        let (sender, answer) = oneshot::channel();
        let id = core.calls.insert(Pending { queue, answer: sender });
        // Either this sees that the runtime ends, or the end sees the call.
        if core.ended.load(Ordering::SeqCst) {
            core.calls.remove(id);
            core.tables.release(&handles);
            return Err(Error::Cancelled);
        }
        let mut frame = Vec::new();
        append_to_callback(&mut frame, queue, id, CALL, (handle, method), &payload, &handles);
        core.push(queue, &frame);
        Ok(Asked { waiting: Waiting { core, queue, id }, answer })
    }
}

struct Asked<'a> {
    waiting: Waiting<'a>,
    answer: oneshot::Receiver<Answered>,
}

impl Asked<'_> {
    async fn wait(self) -> Result<Answered, Error> {
        let _waiting = self.waiting;
        self.answer.await.map_err(|_| Error::Cancelled)
    }
}
