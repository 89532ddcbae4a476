//! The methods that every library has: waiting for memory, and filling it from a descriptor.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use tokio_util::sync::CancellationToken;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::request::Work;
use crate::service::{reply, Call, Context};

const ALLOC: u32 = 1;
const FILL: u32 = 2;

/// How often a read that waits for a pipe or socket looks whether its request is still wanted.
const LOOK_MILLISECONDS: i32 = 20;

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
            let descriptor = duplicate(descriptor)?;
            let filled = async move {
                let buffer = context.allocate(size).await?;
                // A cancelled call is answered when nothing is read any more: what comes then is the caller's.
                let _shield = context.shield();
                let token = context.cancellation();
                let filled = context.blocking(move || fill(&descriptor, buffer, &token)).await;
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

fn duplicate(descriptor: i32) -> Result<OwnedFd, Error> {
    // SAFETY: the call takes numbers only; one that is no descriptor makes an error.
    let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0) };
    if copy < 0 {
        return Err(Error::system("reading from the descriptor", std::io::Error::last_os_error()));
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    let copy = unsafe { OwnedFd::from_raw_fd(copy) };
    // The end of a pipe that is for writing never becomes readable, so the wait for it would go on for ever.
    // SAFETY: the call reads the flags of a descriptor that is open.
    let flags = unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_GETFL) };
    if flags >= 0 && flags & libc::O_ACCMODE == libc::O_WRONLY {
        return Err(Error::system("reading from the descriptor", std::io::Error::from_raw_os_error(libc::EBADF)));
    }
    Ok(copy)
}

/// Reads until the buffer is full or the file ends.
fn fill(descriptor: &OwnedFd, mut buffer: Buffer, token: &CancellationToken) -> Result<Buffer, Error> {
    let descriptor = descriptor.as_raw_fd();
    let mut filled = 0;
    let room = buffer.as_mut().unwrap_or_default();
    while filled < room.len() {
        if token.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let mut wait = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
        // SAFETY: `wait` is one pollfd, as the count says. A descriptor that is none makes an error.
        match unsafe { libc::poll(&mut wait, 1, LOOK_MILLISECONDS) } {
            0 => continue,
            ready if ready > 0 => {}
            _ => match std::io::Error::last_os_error() {
                // A signal: a read would wait, and look at no cancellation.
                error if error.kind() == std::io::ErrorKind::Interrupted => continue,
                error => return Err(Error::system("waiting for the descriptor", error)),
            },
        }
        let rest = &mut room[filled..];
        // SAFETY: the kernel writes at most `rest.len()` bytes into `rest`, which is borrowed for that.
        match unsafe { libc::read(descriptor, rest.as_mut_ptr().cast(), rest.len()) } {
            0 => break,
            read if read > 0 => filled += read as usize,
            _ => {
                let error = std::io::Error::last_os_error();
                if !matches!(error.kind(), std::io::ErrorKind::Interrupted | std::io::ErrorKind::WouldBlock) {
                    return Err(Error::system("reading from the descriptor", error));
                }
            }
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}
