//! Frames: a header of 64 bytes, then the payload (docs/boundary.md, and `sr_frame` in sr.h).

/// Bytes of a header.
pub(crate) const HEADER: usize = 64;

pub(crate) const CALL: u8 = 1;
pub(crate) const CANCEL: u8 = 2;
pub(crate) const CREDIT: u8 = 3;
pub(crate) const ITEM: u8 = 4;
pub(crate) const END: u8 = 5;
pub(crate) const REPLY: u8 = 6;
pub(crate) const ERROR: u8 = 7;
pub(crate) const PANIC: u8 = 8;
pub(crate) const EMIT: u8 = 9;
pub(crate) const RELEASE: u8 = 10;

/// The header of a frame that a caller made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: usize,
    pub(crate) queue: u16,
    pub(crate) kind: u8,
    pub(crate) request: u64,
    pub(crate) object: u64,
    pub(crate) method: u32,
    pub(crate) remaining_ns: u64,
    pub(crate) trace: [u8; 24],
    /// Handles of buffers that follow the payload.
    handles: usize,
}

fn array<const N: usize>(bytes: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

impl Header {
    /// Reads the header of the first frame in `block`; `None` where it is not one that a caller may send.
    #[inline]
    pub(crate) fn parse(block: &[u8]) -> Option<Header> {
        let bytes = block.first_chunk::<HEADER>()?;
        let header = Header {
            length: u32::from_le_bytes(array(bytes, 0)) as usize,
            queue: u16::from_le_bytes(array(bytes, 4)),
            kind: bytes[6],
            request: u64::from_le_bytes(array(bytes, 8)),
            object: u64::from_le_bytes(array(bytes, 16)),
            method: u32::from_le_bytes(array(bytes, 24)),
            remaining_ns: u64::from_le_bytes(array(bytes, 32)),
            trace: array(bytes, 40),
            handles: usize::from(bytes[7]),
        };
        let reserved = u32::from_le_bytes(array(bytes, 28));
        let sane = (HEADER..=block.len()).contains(&header.length)
            && reserved == 0
            && match header.kind {
                CALL | CANCEL | CREDIT | END => header.handles == 0,
                ITEM | REPLY | ERROR => header.length - HEADER >= 8 * header.handles,
                _ => false,
            };
        sane.then_some(header)
    }

    /// The payload of the frame that starts `block`, and the handles that it carries.
    pub(crate) fn carried<'a>(&self, block: &'a [u8]) -> (&'a [u8], impl Iterator<Item = u64> + 'a) {
        let (payload, handles) = block[HEADER..self.length].split_at(self.length - HEADER - 8 * self.handles);
        let (handles, _) = handles.as_chunks();
        (payload, handles.iter().map(|handle| u64::from_le_bytes(*handle)))
    }

    /// Where the next frame starts, seen from the start of this one.
    pub(crate) fn stride(&self) -> usize {
        padded(self.length)
    }
}

/// Rounds up to where a frame may start.
pub(crate) fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// The header of a frame with this payload and these handles. `target` is the handle and the method of a callback.
pub(crate) fn header(
    queue: u16,
    request: u64,
    kind: u8,
    target: (u64, u32),
    (payload, handles): (&[u8], &[u64]),
) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let length = HEADER + payload.len() + 8 * handles.len();
    let size = u32::try_from(length).expect("a frame has less than 4 GiB");
    header[0..4].copy_from_slice(&size.to_le_bytes());
    header[4..6].copy_from_slice(&queue.to_le_bytes());
    header[6] = kind;
    header[7] = u8::try_from(handles.len()).expect("a frame carries at most 255 handles");
    header[8..16].copy_from_slice(&request.to_le_bytes());
    header[16..24].copy_from_slice(&target.0.to_le_bytes());
    header[24..28].copy_from_slice(&target.1.to_le_bytes());
    header
}

/// Appends a frame for the caller, with the handles that its payload carries.
pub(crate) fn append(block: &mut Vec<u8>, queue: u16, request: u64, kind: u8, payload: &[u8], handles: &[u64]) {
    append_to_callback(block, queue, request, kind, (0, 0), payload, handles);
}

/// Appends a frame for a callback of the caller's: `target` is its handle, and the method.
pub(crate) fn append_to_callback(
    block: &mut Vec<u8>,
    queue: u16,
    request: u64,
    kind: u8,
    target: (u64, u32),
    payload: &[u8],
    handles: &[u64],
) {
    let length = HEADER + payload.len() + 8 * handles.len();
    let stride = padded(length);
    let header = header(queue, request, kind, target, (payload, handles));
    block.reserve(stride);
    block.extend_from_slice(&header);
    block.extend_from_slice(payload);
    for handle in handles {
        block.extend_from_slice(&handle.to_le_bytes());
    }
    block.resize(block.len() + stride - length, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(block in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(header) = Header::parse(&block) {
                prop_assert!(header.length >= HEADER && header.length <= block.len());
                let (payload, handles) = header.carried(&block);
                prop_assert_eq!(payload.len() + 8 * handles.count(), header.length - HEADER);
            }
        }

        #[test]
        fn nearly_right_headers_are_parsed_or_refused(
            mut block in proptest::collection::vec(any::<u8>(), 64..200), kind in 0u8..12, length in 0u32..220, handles in prop_oneof![Just(0u8), 0u8..20]
        ) {
            block[0..4].copy_from_slice(&length.to_le_bytes());
            block[6] = kind;
            block[7] = handles;
            block[28..32].fill(0);
            let length = length as usize;
            let expected = (HEADER..=block.len()).contains(&length)
                && match kind {
                    CALL | CANCEL | CREDIT | END => handles == 0,
                    ITEM | REPLY | ERROR => HEADER + 8 * usize::from(handles) <= length,
                    _ => false,
                };
            prop_assert_eq!(Header::parse(&block).is_some(), expected);
        }
    }
}
