//! A caller in Rust over the C functions, for tests and measurements. It does what a binding does, on one thread.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::codec::Writer;
use crate::ffi::{Functions, Options, Runtime, Statistics, View};
use crate::frame::{padded, CALL, CANCEL, CREDIT, END, ERROR, HEADER, ITEM, PANIC, RELEASE, REPLY};

/// A frame that the library answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// One of `SR_CALL` … `SR_RELEASE`.
    pub kind: u8,
    /// The request that it answers; of a call, cancel or release of a callback: the library's own.
    pub request: u64,
    /// The callback that is called or released.
    pub object: u64,
    /// The method of the callback.
    pub method: u32,
    /// The payload, without the handles after it.
    pub payload: Vec<u8>,
    /// The handles that the payload carries; the top bit marks objects.
    pub handles: Vec<u64>,
}

impl Answer {
    /// Whether it is the last of its request.
    pub fn is_last(&self) -> bool {
        matches!(self.kind, END | REPLY | ERROR | PANIC)
    }

    /// Domain, variant and message of an error.
    pub fn error(&self) -> Option<(u32, u32, String)> {
        if self.kind != ERROR {
            return None;
        }
        let number =
            |at: usize| self.payload.get(at..at + 4).map(|part| part.iter().rev().fold(0, |n, b| n << 8 | *b as u32));
        let length = number(8)? as usize;
        let message = String::from_utf8_lossy(self.payload.get(12..12 + length)?).into_owned();
        Some((number(0)?, number(4)?, message))
    }
}

/// A frame that a caller sends.
pub fn frame(kind: u8, queue: u16, request: u64, object: u64, method: u32, left: Duration, payload: &[u8]) -> Vec<u8> {
    let length = HEADER + payload.len();
    let mut frame = vec![0; padded(length)];
    frame[0..4].copy_from_slice(&(length as u32).to_le_bytes());
    frame[4..6].copy_from_slice(&queue.to_le_bytes());
    frame[6] = kind;
    frame[8..16].copy_from_slice(&request.to_le_bytes());
    frame[16..24].copy_from_slice(&object.to_le_bytes());
    frame[24..28].copy_from_slice(&method.to_le_bytes());
    frame[32..40].copy_from_slice(&u64::try_from(left.as_nanos()).unwrap_or(u64::MAX).to_le_bytes());
    frame[HEADER..length].copy_from_slice(payload);
    frame
}

/// An item, or the answer to a callback's call, with the handles of the buffers in its payload.
pub fn carrying(kind: u8, queue: u16, request: u64, payload: &[u8], handles: &[u64]) -> Vec<u8> {
    let mut whole = payload.to_vec();
    whole.extend(handles.iter().flat_map(|handle| handle.to_le_bytes()));
    let mut frame = frame(kind, queue, request, 0, 0, Duration::ZERO, &whole);
    frame[7] = u8::try_from(handles.len()).expect("a frame carries at most 255 handles");
    frame
}

/// Arguments, one after the other.
pub fn arguments(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Writer::new(&mut bytes));
    bytes
}

/// Cuts what `sr_poll` wrote into answers.
pub fn parse(mut block: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(header) = block.first_chunk::<HEADER>() {
        let number =
            |at: usize, size: usize| header[at..at + size].iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let length = number(0, 4) as usize;
        let carried = usize::from(header[7]);
        let (payload, handles) = block[HEADER..length].split_at(length - HEADER - 8 * carried);
        answers.push(Answer {
            kind: header[6],
            request: number(8, 8),
            object: number(16, 8),
            method: number(24, 4) as u32,
            payload: payload.to_vec(),
            handles: handles.chunks(8).map(|h| h.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))).collect(),
        });
        block = &block[padded(length).min(block.len())..];
    }
    answers
}

/// A runtime and the requests that were made of it. It is freed at the end.
pub struct Client {
    functions: &'static Functions,
    runtime: *mut Runtime,
    slot: u32,
    waiting: HashMap<u64, VecDeque<Answer>>,
    callbacks: VecDeque<Answer>,
    block: Vec<u8>,
}

impl Client {
    /// Makes a runtime. 0 means what it means in `sr_options`.
    pub fn new(functions: &'static Functions, workers: u32, queues: u32, buffer_memory: u64) -> Self {
        let size = std::mem::size_of::<Options>() as u32;
        let options = Options { size, queues, workers, reserved: 0, buffer_memory };
        let mut runtime = std::ptr::null_mut();
        // SAFETY: both pointers are good for the call.
        let status = unsafe { (functions.runtime_new)(&options, &mut runtime) };
        assert_eq!(status, 0, "a runtime is made");
        Client {
            functions,
            runtime,
            slot: 0,
            waiting: HashMap::new(),
            callbacks: VecDeque::new(),
            block: vec![0; 1 << 20],
        }
    }

    /// The runtime, for what this type does not do.
    pub fn runtime(&self) -> *mut Runtime {
        self.runtime
    }

    /// A request id that was not used before.
    pub fn fresh_id(&mut self) -> u64 {
        self.slot += 1;
        1 << 32 | u64::from(self.slot)
    }

    /// Submits frames; answers the status and the bytes that were taken.
    pub fn submit(&self, frames: &[u8]) -> (i32, usize) {
        let mut taken = 0;
        // SAFETY: the block and `taken` are good for the call.
        let status = unsafe { (self.functions.submit)(self.runtime, frames.as_ptr(), frames.len(), &mut taken) };
        (status, taken)
    }

    /// Starts a call and answers its id.
    pub fn start(&mut self, method: u32, object: u64, payload: &[u8], left: Duration) -> u64 {
        let id = self.fresh_id();
        assert_eq!(self.submit(&frame(CALL, 0, id, object, method, left, payload)).0, 1, "the call is taken");
        id
    }

    /// Cancels a request.
    pub fn cancel(&self, id: u64) {
        assert_eq!(self.submit(&frame(CANCEL, 0, id, 0, 0, Duration::ZERO, &[])).0, 1);
    }

    /// Gives a stream credit.
    pub fn credit(&self, id: u64, bytes: u64) {
        assert_eq!(self.submit(&frame(CREDIT, 0, id, 0, 0, Duration::ZERO, &bytes.to_le_bytes())).0, 1);
    }

    /// Sends an item of a stream.
    pub fn item(&self, id: u64, payload: &[u8], handles: &[u64]) {
        assert_eq!(self.submit(&carrying(ITEM, 0, id, payload, handles)).0, 1);
    }

    /// Ends a stream.
    pub fn end(&self, id: u64) {
        assert_eq!(self.submit(&frame(END, 0, id, 0, 0, Duration::ZERO, &[])).0, 1);
    }

    /// Answers a callback's call.
    pub fn reply(&self, call: &Answer, payload: &[u8], handles: &[u64]) {
        assert_eq!(self.submit(&carrying(REPLY, 0, call.request, payload, handles)).0, 1);
    }

    /// Fails a callback's call; `fields` are those of the variant.
    pub fn fail(&self, call: &Answer, domain: u32, variant: u32, message: &str, fields: &[u8]) {
        let payload = arguments(|writer| {
            writer.u32(domain);
            writer.u32(variant);
            writer.text(message);
            writer.blob(fields);
        });
        assert_eq!(self.submit(&carrying(ERROR, 0, call.request, &payload, &[])).0, 1);
    }

    /// The next frame for a callback, or `None` where there is none in time.
    pub fn callback(&mut self, wait: Duration) -> Option<Answer> {
        let until = Instant::now() + wait;
        loop {
            if let Some(frame) = self.callbacks.pop_front() {
                return Some(frame);
            }
            let left = until.saturating_duration_since(Instant::now());
            if self.poll(left) < 0 || left.is_zero() && self.callbacks.is_empty() {
                return None;
            }
        }
    }

    /// The request's next frame, where it is there already.
    pub fn ready(&mut self, id: u64) -> Option<Answer> {
        self.waiting.get_mut(&id).and_then(VecDeque::pop_front)
    }

    /// Polls queue 0 once, and answers the status.
    pub fn poll(&mut self, wait: Duration) -> i32 {
        let (mut used, mut needed) = (0, 0);
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let (block, capacity) = (self.block.as_mut_ptr(), self.block.len());
        // SAFETY: the block and both numbers are good for the call.
        let status = unsafe { (self.functions.poll)(self.runtime, 0, block, capacity, wait, &mut used, &mut needed) };
        for answer in parse(&self.block[..used]) {
            match answer.kind {
                CALL | CANCEL | RELEASE => self.callbacks.push_back(answer),
                _ => self.waiting.entry(answer.request).or_default().push_back(answer),
            }
        }
        status
    }

    /// The request's next frame, or `None` where there is none in time.
    pub fn next(&mut self, id: u64, wait: Duration) -> Option<Answer> {
        let until = Instant::now() + wait;
        loop {
            if let Some(answer) = self.ready(id) {
                return Some(answer);
            }
            let left = until.saturating_duration_since(Instant::now());
            if self.poll(left) < 0 || left.is_zero() && self.waiting.get(&id).is_none_or(VecDeque::is_empty) {
                return None;
            }
        }
    }

    /// The request's last frame.
    pub fn last(&mut self, id: u64) -> Answer {
        loop {
            let answer = self.next(id, Duration::from_secs(30)).expect("the request is answered within 30 s");
            if answer.is_last() {
                assert_eq!(self.next(id, Duration::ZERO), None, "nothing comes after the last frame");
                return answer;
            }
        }
    }

    /// Calls, and waits for the last frame.
    pub fn call(&mut self, method: u32, object: u64, payload: &[u8]) -> Answer {
        let id = self.start(method, object, payload, Duration::ZERO);
        self.last(id)
    }

    /// Calls an `@immediate` method.
    pub fn immediate(&self, method: u32, object: u64, payload: &[u8]) -> Result<Answer, i32> {
        let call = frame(CALL, 0, 1, object, method, Duration::ZERO, payload);
        let (mut block, mut used) = (vec![0; 1 << 16], 0);
        // SAFETY: the blocks and `used` are good for the call.
        let status = unsafe {
            (self.functions.call_immediate)(
                self.runtime,
                call.as_ptr(),
                call.len(),
                block.as_mut_ptr(),
                block.len(),
                &mut used,
            )
        };
        match status {
            0 => Ok(parse(&block[..used]).remove(0)),
            status => Err(status),
        }
    }

    /// Asks whether a binding of the schema with this text understands the library; answers status and message.
    pub fn check(&self, text: &[u8]) -> (i32, String) {
        let (mut message, mut needed) = (vec![0u8; 1 << 16], 0);
        // SAFETY: the blocks and `needed` are good for the call.
        let status = unsafe {
            (self.functions.check)(
                text.as_ptr().cast(),
                text.len(),
                message.as_mut_ptr().cast(),
                message.len(),
                &mut needed,
            )
        };
        message.truncate(needed);
        (status, String::from_utf8(message).expect("is UTF-8"))
    }

    /// A new buffer with these bytes.
    pub fn buffer(&self, bytes: &[u8]) -> Result<u64, i32> {
        let mut handle = 0;
        // SAFETY: `handle` is good for the call.
        match unsafe { (self.functions.buffer_try_alloc)(self.runtime, bytes.len() as u64, &mut handle) } {
            0 => {}
            status => return Err(status),
        }
        let view = self.view(handle)?;
        // SAFETY: the view is open, has this length, and nobody else knows the handle.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), view.data, bytes.len()) };
        assert_eq!(self.unview(handle), 0);
        Ok(handle)
    }

    /// Opens a view.
    pub fn view(&self, handle: u64) -> Result<View, i32> {
        let mut view = View { data: std::ptr::null_mut(), length: 0 };
        // SAFETY: `view` is good for the call.
        match unsafe { (self.functions.buffer_view)(self.runtime, handle, &mut view) } {
            0 => Ok(view),
            status => Err(status),
        }
    }

    /// Closes a view.
    pub fn unview(&self, handle: u64) -> i32 {
        // SAFETY: the runtime is alive.
        unsafe { (self.functions.buffer_unview)(self.runtime, handle) }
    }

    /// A copy of a buffer's bytes.
    pub fn read(&self, handle: u64) -> Result<Vec<u8>, i32> {
        let view = self.view(handle)?;
        // SAFETY: the view is open, and nobody writes to it.
        let bytes = unsafe { std::slice::from_raw_parts(view.data, view.length) }.to_vec();
        assert_eq!(self.unview(handle), 0);
        Ok(bytes)
    }

    /// Frees a buffer.
    pub fn free(&self, handle: u64) -> i32 {
        // SAFETY: the runtime is alive.
        unsafe { (self.functions.buffer_free)(self.runtime, handle) }
    }

    /// Closes an object.
    pub fn close(&self, object: u64) -> i32 {
        // SAFETY: the runtime is alive.
        unsafe { (self.functions.object_close)(self.runtime, object) }
    }

    /// The runtime's numbers.
    pub fn statistics(&self) -> Statistics {
        let mut statistics = Statistics::default();
        // SAFETY: `statistics` is good for the call.
        assert_eq!(unsafe { (self.functions.runtime_statistics)(self.runtime, &mut statistics) }, 0);
        statistics
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: it is freed once; a test that freed it already gets a status.
        unsafe { (self.functions.runtime_free)(self.runtime, 0) };
    }
}
