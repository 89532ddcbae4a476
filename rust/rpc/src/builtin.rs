//! The methods that every library has: waiting for memory, and filling it from a descriptor.

use tokio_util::sync::CancellationToken;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::request::Work;
use crate::service::{reply, Call, Context};
use crate::source::{Read, Source};

const ALLOC: u32 = 1;
const FILL: u32 = 2;

pub(crate) fn has(method: u32) -> bool {
    method < 16
}

pub(crate) fn dispatch(call: &mut Call<'_>, cx: &Context) -> Result<Work, Error> {
    let context = cx.clone();
    match call.method() {
        ALLOC => {
            let reader = call.arguments();
            let size = if reader.more() { reader.u64()? } else { 0 };
            Ok(reply(cx, async move { context.allocate(size).await }, |buffer, writer| writer.buffer(buffer)))
        }
        FILL => {
            let reader = call.arguments();
            let descriptor = if reader.more() { reader.i32()? } else { -1 };
            let size = if reader.more() { reader.u64()? } else { 0 };
            // The caller may close its own while the call goes on, and the system give the number to another file.
            let source = Source::duplicate(descriptor)?;
            let filled = async move {
                let buffer = context.allocate(size).await?;
                // A cancelled call is answered when nothing is read any more: what comes then is the caller's.
                let _shield = context.shield();
                let token = context.cancellation();
                let filled = context.blocking(move || fill(&source, buffer, &token)).await;
                filled.map_err(|error| match error {
                    Error::Cancelled => context.why_stopped(),
                    error => error,
                })
            };
            Ok(reply(cx, filled, |buffer, writer| writer.buffer(buffer)))
        }
        method => Err(Error::UnknownMethod(method)),
    }
}

/// Reads until the buffer is full or the source ends.
fn fill(source: &Source, mut buffer: Buffer, token: &CancellationToken) -> Result<Buffer, Error> {
    let mut filled = 0;
    let room = buffer.as_mut().unwrap_or_default();
    while filled < room.len() {
        if token.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match source.read(&mut room[filled..])? {
            Read::Some(read) => filled += read.get(),
            Read::End => break,
            Read::NotYet => {}
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}
