//! Streams from the caller: an argument whose items come after the call, on credit that the service gives as it reads.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{ready, Context as TaskContext, Poll};

use futures::Stream;
use tokio::task::coop::poll_proceed;

use crate::buffer::Buffer;
use crate::codec::Reader;
use crate::error::Error;
use crate::frame::{append, CREDIT};
use crate::service::Context;
use crate::sync::{AtomicWaker, Mutex};

/// The items of a request that have come and were not read, and whether the request is over. Every request has one: what is
/// sent to a method that takes no stream finds no credit.
pub(crate) struct Input {
    state: Mutex<State>,
    reader: AtomicWaker,
}

impl Default for Input {
    fn default() -> Self {
        Input { state: Mutex::default(), reader: AtomicWaker::new() }
    }
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Bytes that the caller may still send.
    credit: i64,
    ended: bool,
    /// Whether somebody may wait for what comes.
    awaited: bool,
    /// Whether nobody will read what comes.
    closed: bool,
    /// Whether the request's last frame is on its way.
    over: bool,
}

pub(crate) struct Item {
    pub(crate) payload: Vec<u8>,
    /// Buffers that moved with it.
    pub(crate) carried: Vec<(u64, Buffer)>,
}

impl Item {
    fn cost(&self) -> i64 {
        let buffers: usize = self.carried.iter().map(|(_, buffer)| buffer.len()).sum();
        i64::try_from(self.payload.len() + buffers).unwrap_or(i64::MAX)
    }
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Kept,
    /// Nobody reads any more.
    Stray,
    /// It may not be sent.
    Refused,
}

enum Next {
    Item(Item),
    Nothing,
    End,
    Closed,
}

impl Input {
    pub(crate) fn item(&self, item: Item) -> Received {
        let mut state = self.state.lock();
        if state.closed {
            return Received::Stray;
        }
        if state.ended || state.credit <= 0 {
            return Received::Refused;
        }
        state.credit = state.credit.saturating_sub(item.cost());
        state.items.push_back(item);
        drop(state);
        self.reader.wake();
        Received::Kept
    }

    pub(crate) fn end(&self) -> Received {
        let mut state = self.state.lock();
        if state.closed {
            return Received::Stray;
        }
        if std::mem::replace(&mut state.ended, true) {
            return Received::Refused;
        }
        drop(state);
        self.reader.wake();
        Received::Kept
    }

    /// Drops what was not read, and what comes from now on.
    fn close(&self) {
        self.shut(false);
    }

    /// The request's last frame goes out next.
    pub(crate) fn finish(&self) {
        self.shut(true);
    }

    fn shut(&self, over: bool) {
        let mut state = self.state.lock();
        state.closed = true;
        state.over |= over;
        let (left, awaited) = (std::mem::take(&mut state.items), state.awaited);
        drop(state);
        drop(left);
        if awaited {
            self.reader.wake();
        }
    }

    pub(crate) fn is_request_over(&self) -> bool {
        self.state.lock().over
    }

    /// Runs `emit` where the request is not over; `None` where it is. The end of the request waits for it, so that nothing is
    /// emitted after the last frame.
    pub(crate) fn unless_over(&self, emit: impl FnOnce()) -> Option<()> {
        let state = self.state.lock();
        (!state.over).then(emit)
    }

    /// Has the task woken by what comes from now on; who calls it looks afterwards at what has come.
    fn wake_by_next(&self, cx: &TaskContext<'_>) {
        self.state.lock().awaited = true;
        self.reader.register(cx.waker());
    }

    fn next(&self) -> Next {
        let mut state = self.state.lock();
        match state.items.pop_front() {
            Some(item) => Next::Item(item),
            None if state.closed => Next::Closed,
            None if state.ended => Next::End,
            None => Next::Nothing,
        }
    }

    fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.items.is_empty() && (state.ended || state.closed)
    }

    /// Answers whether there is use in more credit.
    fn grant(&self, bytes: u64) -> bool {
        let mut state = self.state.lock();
        if state.ended || state.closed {
            return false;
        }
        state.credit = state.credit.saturating_add_unsigned(bytes);
        true
    }
}

/// A stream from the caller. Nothing is sent before it is read for the first time; from then on the caller may be ahead
/// by a window of bytes. What is left when it is dropped is thrown away.
pub struct Incoming<T> {
    cx: Context,
    /// Credit that the caller has at most.
    window: u64,
    /// Credit that the caller has to get.
    owed: u64,
    /// Whether the stream has ended or failed.
    over: bool,
    decode: fn(&mut Reader<'_>) -> Result<T, Error>,
}

impl<T> Drop for Incoming<T> {
    fn drop(&mut self) {
        self.cx.request.input.close();
    }
}

impl<T> Incoming<T> {
    pub(crate) fn new(cx: &Context, window: u64, decode: fn(&mut Reader<'_>) -> Result<T, Error>) -> Self {
        Incoming { cx: cx.clone(), window, owed: window, over: false, decode }
    }

    /// The next item; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Waits until all items were read and no others come. It asks the caller for none.
    pub async fn ended(&mut self) {
        let input = &self.cx.request.input;
        std::future::poll_fn(|cx| {
            input.wake_by_next(cx);
            if input.is_over() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn poll_item(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<T, Error>>> {
        if self.over {
            return Poll::Ready(None);
        }
        // Where items come as fast as they are read, the request must learn all the same that it is cancelled.
        let turn = ready!(poll_proceed(cx));
        let mut next = self.cx.request.input.next();
        if matches!(next, Next::Nothing) {
            self.cx.request.input.wake_by_next(cx);
            next = self.cx.request.input.next();
        }
        if !matches!(next, Next::Nothing) {
            turn.made_progress();
        }
        match next {
            Next::Item(item) => Poll::Ready(Some(self.read(item))),
            Next::Nothing => {
                self.pay();
                Poll::Pending
            }
            Next::End => {
                self.over = true;
                Poll::Ready(None)
            }
            Next::Closed => {
                self.over = true;
                Poll::Ready(Some(Err(Error::Closed("stream"))))
            }
        }
    }

    fn read(&mut self, item: Item) -> Result<T, Error> {
        let request = &self.cx.request;
        let mut reader = Reader::of_caller(&item.payload, &request.core, request.queue, item.carried);
        let read = (self.decode)(&mut reader);
        let value = reader.take_fault().and(read);
        self.owed = self.owed.saturating_add(item.payload.len() as u64).saturating_add(reader.buffer_bytes());
        self.over = value.is_err();
        // Half of the window is left to the caller while the frame is on its way.
        if self.owed >= self.window / 2 {
            self.pay();
        }
        value
    }

    fn pay(&mut self) {
        let owed = std::mem::take(&mut self.owed);
        let request = &self.cx.request;
        if owed == 0 || !request.input.grant(owed) {
            return;
        }
        let mut frame = Vec::new();
        append(&mut frame, request.queue, request.id, CREDIT, &owed.to_le_bytes(), &[]);
        let _ = request.input.unless_over(|| request.core.push(request.queue, &frame));
    }
}

impl<T> Stream for Incoming<T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: usize) -> Item {
        Item { payload: vec![0; bytes], carried: Vec::new() }
    }

    #[test]
    fn items_need_credit() {
        let input = Input::default();
        assert_eq!(input.item(item(1)), Received::Refused);
        assert!(input.grant(5));
        assert_eq!(input.item(item(4)), Received::Kept);
        assert_eq!(input.item(item(1000)), Received::Kept, "any credit admits one item");
        assert!(input.grant(995));
        assert_eq!(input.item(item(0)), Received::Refused, "which has to be paid for");
        assert!(input.grant(u64::MAX) && input.grant(u64::MAX));
        assert_eq!(input.item(item(0)), Received::Kept);
    }

    #[test]
    fn nothing_comes_after_the_end() {
        let input = Input::default();
        assert!(input.grant(100));
        assert_eq!(input.item(item(1)), Received::Kept);
        assert_eq!(
            (input.end(), input.end(), input.item(item(1))),
            (Received::Kept, Received::Refused, Received::Refused)
        );
        assert!(matches!(input.next(), Next::Item(_)));
        assert!(matches!(input.next(), Next::End));
        assert!(!input.grant(1), "a caller that is done needs no credit");
    }

    #[test]
    fn what_comes_when_nobody_reads_is_stray() {
        let input = Input::default();
        assert!(input.grant(100));
        assert_eq!(input.item(item(1)), Received::Kept);
        input.close();
        assert!(matches!(input.next(), Next::Closed), "what was not read is gone");
        assert_eq!((input.item(item(1)), input.end()), (Received::Stray, Received::Stray));
        assert!(!input.grant(1));
    }
}
