//! Frames that nobody asked for. A library that is made for tests shows with them how its callers, and this runtime, take what comes
//! late, doubled or from nowhere; no other has a use for them.

use std::time::Duration;

use crate::buffer::Buffer;
use crate::client::{carrying, frame};
use crate::frame::{append, CALL, CANCEL, CREDIT, END, ERROR, PANIC, REPLY};
use crate::runtime::Submitted;
use crate::service::Context;

impl Context {
    /// The id that the caller gave this request: slot and generation.
    pub fn request_id(&self) -> u64 {
        self.request.id
    }

    /// Sends the caller a frame of this kind for the request with this id, on the queue of this one. The buffer goes with it.
    pub fn forge_for_caller(&self, kind: u8, request: u64, payload: &[u8], buffer: Option<Buffer>) {
        let core = &self.request.core;
        let handles: Vec<u64> = buffer.into_iter().map(|buffer| core.tables.buffers.give(buffer)).collect();
        if matches!(kind, END | REPLY | ERROR | PANIC) {
            core.expect_polled(1);
        }
        let mut forged = Vec::new();
        append(&mut forged, self.request.queue, request, kind, payload, &handles);
        core.push(self.request.queue, &forged);
    }

    /// Takes a frame of this kind for the request with this id as if the caller had sent it, with the buffer in it; answers
    /// whether it was taken.
    pub fn forge_from_caller(&self, kind: u8, request: u64, payload: &[u8], buffer: Option<Buffer>) -> bool {
        let core = &self.request.core;
        let handles: Vec<u64> = buffer.into_iter().map(|buffer| core.tables.buffers.give(buffer)).collect();
        let forged = match kind {
            CALL | CANCEL | CREDIT | END => frame(kind, self.request.queue, request, 0, 0, Duration::ZERO, payload),
            _ => carrying(kind, self.request.queue, request, payload, &handles),
        };
        matches!(core.submit(&forged), Submitted::Taken { frames: 1, .. })
    }
}
