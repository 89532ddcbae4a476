//! Frames of a caller: written, and read as docs/boundary.md says.

pub const CALL: u8 = 1;
pub const CANCEL: u8 = 2;
pub const CREDIT: u8 = 3;
pub const ITEM: u8 = 4;
pub const END: u8 = 5;
pub const REPLY: u8 = 6;
pub const ERROR: u8 = 7;
pub const PANIC: u8 = 8;
pub const EMIT: u8 = 9;
pub const RELEASE: u8 = 10;

const HEADER: usize = 64;

#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub kind: u8,
    pub queue: u16,
    pub request: u64,
    pub object: u64,
    pub method: u32,
    /// Nanoseconds to the deadline.
    pub left: u64,
    pub payload: Vec<u8>,
    /// Those that follow the payload.
    pub handles: Vec<u64>,
}

impl Frame {
    /// The frame, padded.
    pub fn bytes(&self) -> Vec<u8> {
        let length = HEADER + self.payload.len() + 8 * self.handles.len();
        let mut bytes = Vec::with_capacity(length + 7);
        bytes.extend((length as u32).to_le_bytes());
        bytes.extend(self.queue.to_le_bytes());
        bytes.extend([self.kind, self.handles.len() as u8]);
        bytes.extend(self.request.to_le_bytes());
        bytes.extend(self.object.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.left.to_le_bytes());
        bytes.extend([0; 24]);
        bytes.extend(&self.payload);
        self.handles.iter().for_each(|handle| bytes.extend(handle.to_le_bytes()));
        bytes.resize(length.next_multiple_of(8), 0);
        bytes
    }

    /// The frame that a block begins with, where it is one that a caller may send.
    pub fn first(block: &[u8]) -> Option<Frame> {
        let header = block.first_chunk::<HEADER>()?;
        let number =
            |at: usize, size: usize| header[at..at + size].iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let (kind, carried) = (header[6], 8 * usize::from(header[7]));
        let inside = block.get(HEADER..number(0, 4) as usize)?;
        let right = match kind {
            CALL | CANCEL | END => carried == 0,
            CREDIT => carried == 0 && inside.len() >= 8,
            ITEM | REPLY | ERROR => carried <= inside.len(),
            _ => false,
        };
        if !right || number(28, 4) != 0 {
            return None;
        }
        let (payload, handles) = inside.split_at(inside.len() - carried);
        Some(Frame {
            kind,
            queue: number(4, 2) as u16,
            request: number(8, 8),
            object: number(16, 8),
            method: number(24, 4) as u32,
            left: number(32, 8),
            payload: payload.to_vec(),
            handles: handles.chunks(8).map(|h| h.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))).collect(),
        })
    }

    /// The right frames that a block begins with, each with where it ends.
    pub fn read(block: &[u8], queues: u16) -> Vec<(Frame, usize)> {
        let (mut frames, mut at) = (Vec::new(), 0);
        while let Some(frame) = Frame::first(&block[at..]).filter(|frame| frame.request != 0 && frame.queue < queues) {
            let length = HEADER + frame.payload.len() + 8 * frame.handles.len();
            at = (at + length.next_multiple_of(8)).min(block.len());
            frames.push((frame, at));
        }
        frames
    }

    /// Whether this is a call with the same id.
    pub fn is_call_of(&self, other: &Frame) -> bool {
        self.kind == CALL && (self.queue, self.request) == (other.queue, other.request)
    }
}
