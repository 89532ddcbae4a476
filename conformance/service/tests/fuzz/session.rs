//! A caller that sends frames which are right or nearly right, and knows of each what may come of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use rpc::client::{parse, Answer};
use rpc::ffi::{Options, Runtime, Statistics, View};

use crate::frame::{Frame, CALL, CANCEL, CREDIT, EMIT, END, ERROR, ITEM, PANIC, RELEASE, REPLY};
use crate::grammar::{Grammar, Kind, Method, Type};
use crate::random::Random;
use crate::value::{error, Fault, Handles, Judge, Maker};

const QUEUES: u16 = 2;
const MEMORY: u64 = 16 << 20;
/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(30);

const INVALID: i32 = -1;
const HANDLE: i32 = -2;
const BUSY: i32 = -3;
const NO_MEMORY: i32 = -4;
const TOO_SMALL: i32 = -5;
const CLOSED: i32 = -6;

/// Variants of the runtime's own errors.
mod own {
    pub const CANCELLED: u32 = 1;
    pub const DEADLINE_EXCEEDED: u32 = 2;
    pub const CLOSED: u32 = 3;
    pub const MALFORMED: u32 = 4;
    pub const UNKNOWN_METHOD: u32 = 5;
    pub const BUSY: u32 = 6;
    pub const NO_MEMORY: u32 = 7;
    pub const SYSTEM: u32 = 8;
    pub const CALLBACK: u32 = 10;
}

/// What has to come of a call, as far as its payload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    UnknownMethod,
    Malformed,
    NoCallback,
    Runs,
}

/// A call that was taken and not answered.
struct Live {
    method: u32,
    object: u64,
    /// Whether the object was open, and known to be.
    open: bool,
    /// Whether it was closed before the call. A handle that is neither may be one whose answer was not polled yet.
    closed: bool,
    verdict: Verdict,
    /// What a method that gives its argument back has to answer.
    echo: Option<Vec<u8>>,
    buffers: bool,
    cancelled: bool,
    deadline: bool,
    /// Whether items, or an end of them, were sent to it.
    stirred: bool,
    /// Bytes of items that it may send, and has sent.
    granted: u64,
    spent: u64,
    /// How many calls have this id, where it was used again before it was free.
    calls: u32,
    /// Whether there was more than one: which answer is whose is not known, only that each comes.
    twice: bool,
}

pub struct Session<'a> {
    grammar: &'a Grammar,
    pub random: Random,
    runtime: *mut Runtime,
    next: u32,
    live: HashMap<(u16, u64), Live>,
    /// Ids that were answered.
    ended: Vec<(u16, u64)>,
    handles: Handles,
    open: HashSet<u64>,
    closed: HashSet<u64>,
    viewed: Vec<u64>,
    /// How often each callback was given, and released.
    given: HashMap<u64, u32>,
    released: HashMap<u64, u32>,
    /// Calls of callbacks: queue, id and method.
    asked: Vec<(u16, u64, u32)>,
    settling: bool,
    /// Readable for ever.
    zeros: std::fs::File,
    pub last_block: Vec<u8>,
    pub seen: BTreeMap<String, u64>,
}

impl<'a> Session<'a> {
    pub fn new(grammar: &'a Grammar, seed: u64) -> Self {
        let size = std::mem::size_of::<Options>() as u32;
        let options = Options { size, queues: QUEUES.into(), workers: 2, reserved: 0, buffer_memory: MEMORY };
        let mut runtime = std::ptr::null_mut();
        // SAFETY: both pointers are good for the call.
        assert_eq!(unsafe { conformance::sr_runtime_new(&options, &mut runtime) }, 0);
        Session {
            grammar,
            random: Random(seed),
            runtime,
            next: 0,
            live: HashMap::new(),
            ended: Vec::new(),
            handles: Handles::default(),
            open: HashSet::new(),
            closed: HashSet::new(),
            viewed: Vec::new(),
            given: HashMap::new(),
            released: HashMap::new(),
            asked: Vec::new(),
            settling: false,
            zeros: std::fs::File::open("/dev/zero").expect("opens"),
            last_block: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: impl Into<String>) {
        *self.seen.entry(what.into()).or_default() += 1;
    }

    /// Does one thing, and looks what comes of it.
    pub fn round(&mut self) {
        if self.handles.objects.len() < 2 {
            self.open_object();
        }
        self.handles.callbacks = vec![1 << 32 | u64::from(self.next), self.next.into(), u64::MAX, 0];
        match self.random.below(20) {
            0..13 => self.batch(),
            13 => self.immediate(),
            14..16 => self.buffer(),
            16 if self.random.chance(20) => self.close_object(),
            17 if self.random.chance(60) => self.check(),
            _ => {}
        }
        for queue in 0..QUEUES {
            if self.random.chance(70) {
                self.poll(queue, Duration::ZERO);
            }
        }
    }

    fn open_object(&mut self) {
        let open = self.grammar.methods.iter().find(|method| method.name == "Echo.open").expect("is there");
        let mut payload = 4u32.to_le_bytes().to_vec();
        payload.extend(b"fuzz");
        let frame = self.call(open.id, 0, payload);
        self.submit(&frame.bytes());
        let until = Instant::now() + PATIENCE;
        while self.handles.objects.is_empty() {
            assert!(Instant::now() < until, "an object opens");
            (0..QUEUES).for_each(|queue| self.poll(queue, Duration::from_millis(1)));
        }
    }

    fn call(&mut self, method: u32, object: u64, payload: Vec<u8>) -> Frame {
        self.next += 1;
        let request = 1 << 32 | u64::from(self.next);
        let queue = self.random.below(QUEUES.into()) as u16;
        Frame { kind: CALL, queue, request, object, method, payload, ..Frame::default() }
    }

    /// Several frames in one block, which may be spoilt as a whole.
    fn batch(&mut self) {
        let mut block = Vec::new();
        for _ in 0..=self.random.below(5) {
            let frame = self.frame();
            block.extend(frame.bytes());
        }
        for _ in 0..[0, 0, 0, 0, 1, 1, 2][self.random.below(7)] {
            let at = self.random.below(block.len() + 1);
            match self.random.below(6) {
                0 => block.truncate(at),
                1 => block.extend(self.random.bytes(70)),
                2 if at < block.len() => block[at] ^= 1 << self.random.below(8),
                // The lengths, kinds and the like of the first frame.
                3 if block.len() > 40 => {
                    block[self.random.below(32)] = [0, 1, 4, 63, 64, 65, 0xff][self.random.below(7)]
                }
                4 if at < block.len() => block[at] = self.random.next() as u8,
                _ => {}
            }
        }
        self.submit(&block);
    }

    fn frame(&mut self) -> Frame {
        let ids: Vec<(u16, u64)> = self.live.keys().copied().collect();
        let mut target = self.random.pick(&ids);
        if target.is_none() || self.random.chance(10) {
            target = self.random.pick(&self.ended);
        }
        let (queue, request) = target.unwrap_or((0, 1));
        let request = if self.random.chance(3) { self.random.next() } else { request };
        let mut frame = Frame { queue, request, ..Frame::default() };
        match self.random.below(20) {
            0..11 => self.fill_call(&mut frame),
            11..13 => {
                frame.kind = CREDIT;
                frame.payload = match self.random.below(6) {
                    0 => self.random.bytes(12),
                    1 => u64::MAX.to_le_bytes().to_vec(),
                    _ => (self.random.below(100) as u64).to_le_bytes().to_vec(),
                };
            }
            13..16 => self.fill_item(&mut frame),
            16 => frame.kind = END,
            17 => self.fill_answer(&mut frame),
            _ => frame.kind = CANCEL,
        }
        frame
    }

    fn fill_call(&mut self, frame: &mut Frame) {
        let grammar = self.grammar;
        // Callbacks are called by few methods, and much can happen to such a call.
        let mut methods: Vec<_> = grammar.methods.iter().collect();
        if self.random.chance(30) {
            methods.retain(|method| method.arguments.iter().any(|argument| matches!(argument, Type::Callback)));
        }
        let method = methods[self.random.below(methods.len())];
        let object = match self.random.below(20) {
            0 => self.random.next(),
            1 => self.random.pick(&self.handles.buffers).unwrap_or_default(),
            2 => self.random.pick(&self.closed.iter().copied().collect::<Vec<_>>()).unwrap_or_default(),
            _ => self.random.pick(&self.handles.objects).unwrap_or_default(),
        };
        let mut maker = Maker::new(grammar, &mut self.random, &self.handles);
        maker.fields(&method.arguments);
        if maker.random.chance(40) {
            maker.spoil();
        }
        let mut payload = maker.bytes;
        if method.name == "fill" && self.random.chance(80) {
            use std::os::fd::AsRawFd;
            payload = self.zeros.as_raw_fd().to_le_bytes().to_vec();
            payload.extend((self.random.below(10_000) as u64).to_le_bytes());
        }
        let id = if self.random.chance(2) { self.random.next() as u32 } else { method.id };
        let again = frame.request;
        *frame = Frame { queue: frame.queue, ..self.call(id, object, payload) };
        if self.random.chance(2) {
            frame.request = again;
        }
        frame.left = match self.random.below(20) {
            0 => self.random.number(),
            1 => self.random.below(5_000_000) as u64,
            _ => 0,
        };
    }

    fn fill_item(&mut self, frame: &mut Frame) {
        let grammar = self.grammar;
        let inputs: Vec<_> = grammar.methods.iter().filter_map(|method| method.input.as_ref()).collect();
        let live = self.live.get(&(frame.queue, frame.request));
        let input = live.and_then(|live| grammar.method(live.method)).and_then(|method| method.input.as_ref());
        let input = match input.filter(|_| self.random.chance(95)) {
            Some(input) => input,
            None => inputs[self.random.below(inputs.len())],
        };
        let mut maker = Maker::new(grammar, &mut self.random, &self.handles);
        maker.value(input);
        if maker.random.chance(20) {
            maker.spoil();
        }
        (frame.kind, frame.payload, frame.handles) = (ITEM, maker.bytes, maker.carried);
        self.spoil_handles(frame);
    }

    fn fill_answer(&mut self, frame: &mut Frame) {
        if let Some((queue, request, method)) = self.random.pick(&self.asked) {
            *frame = self.answer(queue, request, method);
        } else {
            frame.kind = [REPLY, ERROR][self.random.below(2)];
            frame.payload = self.random.bytes(20);
        }
    }

    /// An answer to a callback's call.
    fn answer(&mut self, queue: u16, request: u64, method: u32) -> Frame {
        let method = self.grammar.callback(method).expect("was looked up when it came");
        let mut maker = Maker::new(self.grammar, &mut self.random, &self.handles);
        let failed = maker.random.chance(30);
        if failed {
            maker.error(method);
        } else if let Some(result) = &method.result {
            maker.value(result);
        }
        if maker.random.chance(20) {
            maker.spoil();
        }
        let (payload, handles) = (maker.bytes, maker.carried);
        let mut frame =
            Frame { kind: if failed { ERROR } else { REPLY }, queue, request, payload, handles, ..Frame::default() };
        if self.random.chance(5) {
            frame.queue ^= 1;
        }
        self.spoil_handles(&mut frame);
        frame
    }

    fn spoil_handles(&mut self, frame: &mut Frame) {
        match self.random.below(20) {
            0 => frame.handles.clear(),
            1 => frame.handles.push(self.random.next()),
            2 => frame.handles.extend(self.random.pick(&self.handles.buffers)),
            3 => frame.handles = vec![0; self.random.below(256)],
            _ => {}
        }
    }

    /// Submits a block, and learns what was taken.
    fn submit(&mut self, block: &[u8]) {
        let frames = Frame::read(block, QUEUES);
        // Reading from a descriptor of the runtime's own takes its bells away; no caller has those.
        let known = |descriptor: i32| {
            use std::os::fd::AsRawFd;
            !(0..1 << 16).contains(&descriptor) || descriptor == self.zeros.as_raw_fd()
        };
        let fills = |frame: &Frame| match frame.payload.first_chunk() {
            Some(descriptor) => frame.kind == CALL && frame.method == 2 && !known(i32::from_le_bytes(*descriptor)),
            None => false,
        };
        if frames.iter().any(|(frame, _)| fills(frame)) {
            return;
        }
        self.last_block = block.to_vec();
        let mut taken = usize::MAX;
        // SAFETY: the block and `taken` are good for the call.
        let status = unsafe { conformance::sr_submit(self.runtime, block.as_ptr(), block.len(), &mut taken) };
        let count = match status {
            INVALID => 0,
            count => usize::try_from(count).unwrap_or_else(|_| panic!("submit answered {count}")),
        };
        assert_eq!(status == INVALID, count == 0 && !block.is_empty(), "only a first frame that is wrong is refused");
        assert!(count <= frames.len(), "of {} right frames {count} were taken", frames.len());
        assert_eq!(taken, count.checked_sub(1).map_or(0, |last| frames[last].1), "the bytes of {count} frames");
        if count < frames.len() {
            // An id may be free again before its last frame was polled, so a call with it may also be taken.
            let (refused, _) = &frames[count];
            let twice = frames[..count].iter().any(|(frame, _)| frame.is_call_of(refused));
            let live = self.live.contains_key(&(refused.queue, refused.request));
            assert!(refused.kind == CALL && (live || twice), "a right frame was refused: {refused:?}");
            self.count("refused: an id that is taken");
        } else if frames.last().map_or(0, |(_, end)| *end) < block.len() {
            self.count("refused: a frame");
        }
        frames.into_iter().take(count).for_each(|(frame, _)| self.taken(&frame));
    }

    fn taken(&mut self, frame: &Frame) {
        let key = (frame.queue, frame.request);
        match frame.kind {
            CALL => self.called(frame),
            CREDIT => {
                if let (Some(live), Some(bytes)) = (self.live.get_mut(&key), frame.payload.first_chunk()) {
                    live.granted = live.granted.saturating_add(u64::from_le_bytes(*bytes));
                }
            }
            CANCEL => {
                if let Some(live) = self.live.get_mut(&key) {
                    live.cancelled = true;
                }
            }
            ITEM | END => {
                if let Some(live) = self.live.get_mut(&key) {
                    live.stirred = true;
                }
            }
            _ => {}
        }
    }

    fn called(&mut self, frame: &Frame) {
        let method = self.grammar.method(frame.method);
        let mut judge = Judge::new(self.grammar, &frame.payload);
        let verdict = match method.map(|method| judge.fields(&method.arguments)) {
            None => Verdict::UnknownMethod,
            Some(Ok(())) => Verdict::Runs,
            Some(Err(Fault::Malformed)) => Verdict::Malformed,
            Some(Err(Fault::NoCallback)) => Verdict::NoCallback,
        };
        for callback in judge.callbacks {
            *self.given.entry(callback).or_default() += 1;
        }
        let gives_back = method.is_some_and(|method| {
            let argument = match method.arguments.as_slice() {
                [crate::grammar::Type::Named(name)] => self.grammar.types.get(name).and(Some(name)),
                _ => None,
            };
            argument.is_some_and(
                |argument| matches!(&method.result, Some(crate::grammar::Type::Named(result)) if result == argument),
            )
        });
        let echo = (gives_back && verdict == Verdict::Runs && !judge.defaulted).then_some(judge.canonical);
        let live = Live {
            method: frame.method,
            object: frame.object,
            open: method.is_some_and(|method| method.kind == Kind::Constructor) || self.open.contains(&frame.object),
            closed: self.closed.contains(&frame.object),
            verdict,
            echo,
            buffers: !judge.buffers.is_empty(),
            cancelled: false,
            deadline: frame.left != 0,
            stirred: false,
            granted: 0,
            spent: 0,
            calls: 1,
            twice: false,
        };
        let key = (frame.queue, frame.request);
        let before = self.live.remove(&key).map_or(0, |before| before.calls);
        self.live.insert(key, Live { calls: before + 1, twice: before > 0, ..live });
    }

    /// Polls once, perhaps with a block that is too small.
    fn poll(&mut self, queue: u16, wait: Duration) {
        let room = match self.random.below(10) {
            _ if self.settling => 1 << 20,
            0 => self.random.below(64),
            1..4 => self.random.below(300),
            _ => 1 << 16,
        };
        match self.poll_into(queue, room, wait) {
            (TOO_SMALL, needed) => {
                assert!(needed > room && needed < 1 << 24, "{needed} bytes are needed, and {room} were there");
                let (status, _) = self.poll_into(queue, needed, Duration::ZERO);
                assert!(status > 0, "a block of the size that was asked for gets frames, and got {status}");
                self.count("poll: too small");
            }
            (status, _) => assert!(status >= 0, "poll answered {status}"),
        }
    }

    fn poll_into(&mut self, queue: u16, room: usize, wait: Duration) -> (i32, usize) {
        let mut block = vec![0xee; room];
        let (mut used, mut needed) = (usize::MAX, usize::MAX);
        let (data, wait) = (block.as_mut_ptr(), wait.as_nanos() as u64);
        // SAFETY: the block and both numbers are good for the call.
        let status =
            unsafe { conformance::sr_poll(self.runtime, queue.into(), data, room, wait, &mut used, &mut needed) };
        assert!(used <= room);
        let answers = parse(&block[..used]);
        assert_eq!(status.max(0) as usize, answers.len());
        answers.into_iter().for_each(|answer| self.came(queue, answer));
        (status, needed)
    }

    fn came(&mut self, queue: u16, answer: Answer) {
        for handle in &answer.handles {
            match handle & 1 << 63 {
                0 => self.handles.buffers.push(*handle),
                object => {
                    self.handles.objects.push(handle & !object);
                    self.open.insert(handle & !object);
                }
            }
        }
        let key = (queue, answer.request);
        match answer.kind {
            CALL => self.asks(queue, &answer),
            CANCEL => self.count("came: cancel"),
            RELEASE => {
                let released = self.released.entry(answer.object).or_default();
                *released += 1;
                let given = self.given.get(&answer.object).copied().unwrap_or_default();
                assert!(*released <= given, "callback {:#x} was given {given} times", answer.object);
                self.count("came: release");
            }
            _ => {
                let mut live = self.live.remove(&key).unwrap_or_else(|| panic!("nothing was asked for: {answer:?}"));
                if !live.twice {
                    self.judge(&mut live, &answer);
                }
                if answer.is_last() {
                    live.calls -= 1;
                    self.ended.push(key);
                }
                if live.calls > 0 {
                    self.live.insert(key, live);
                }
            }
        }
    }

    /// A callback is called.
    fn asks(&mut self, queue: u16, call: &Answer) {
        self.count("came: call");
        let method = self.grammar.callback(call.method).expect("callbacks are called by their methods");
        let mut judge = Judge::new(self.grammar, &call.payload);
        judge.fields(&method.arguments).expect("the library writes what the grammar says");
        assert_eq!(judge.canonical, call.payload);
        let count = |of: &HashMap<u64, u32>| of.get(&call.object).copied().unwrap_or_default();
        assert!(count(&self.given) > count(&self.released), "callback {:#x} is called after its release", call.object);
        if self.asked.len() > 50 {
            self.asked.remove(0);
        }
        self.asked.push((queue, call.request, call.method));
        if !self.settling {
            for _ in 0..[0, 1, 1, 1, 1, 2][self.random.below(6)] {
                let answer = self.answer(queue, call.request, call.method);
                self.submit(&answer.bytes());
            }
        }
    }

    /// Whether this answer may come.
    fn judge(&mut self, live: &mut Live, answer: &Answer) {
        let method = self.grammar.method(live.method);
        let name = method.map_or("unknown", |method| method.name.as_str());
        let cut = live.cancelled || live.deadline || live.stirred;
        let told = || format!("{name} ({:?}) got {answer:?}", live.verdict);
        match answer.kind {
            CREDIT => {
                assert!(method.is_some_and(|method| method.input.is_some()), "{}", told());
                assert_eq!(answer.payload.len(), 8);
            }
            EMIT => {
                let emits = method.and_then(|method| method.emits.as_ref()).unwrap_or_else(|| panic!("{}", told()));
                assert!(Judge::new(self.grammar, &answer.payload).is_canonical(emits), "{}", told());
            }
            ITEM => {
                let result = method.filter(|method| method.stream).and_then(|method| method.result.as_ref());
                let mut judge = Judge::new(self.grammar, &answer.payload);
                assert!(judge.is_canonical(result.unwrap_or_else(|| panic!("{}", told()))), "{}", told());
                assert!(live.spent < live.granted, "an item came without credit: {}", told());
                live.spent += answer.payload.len() as u64;
            }
            REPLY => {
                assert!(live.verdict == Verdict::Runs && method.is_some_and(|method| !method.stream), "{}", told());
                let mut judge = Judge::new(self.grammar, &answer.payload);
                match method.and_then(|method| method.result.as_ref()) {
                    Some(result) => assert!(judge.is_canonical(result), "{}", told()),
                    None => assert!(answer.payload.is_empty(), "{}", told()),
                }
                if let Some(echo) = &live.echo {
                    assert_eq!(&answer.payload, echo, "{name}");
                    self.count("came: echo");
                }
            }
            END => {
                let stream = method.is_some_and(|method| method.stream);
                assert!(live.verdict == Verdict::Runs && stream && answer.payload.is_empty(), "{}", told());
            }
            PANIC => assert_eq!((name, live.verdict), ("Echo.crash", Verdict::Runs), "{}", told()),
            ERROR => {
                let (domain, variant, message, fields) =
                    error(self.grammar, &answer.payload).unwrap_or_else(|| panic!("no error: {}", told()));
                assert!(!message.is_empty(), "{}", told());
                if domain != 0 {
                    assert_eq!(live.verdict, Verdict::Runs, "{}", told());
                    let thrown = method.and_then(|method| method.throws.as_ref()).map(|name| &self.grammar.types[name]);
                    let thrown =
                        thrown.filter(|thrown| thrown.domain == domain).unwrap_or_else(|| panic!("{}", told()));
                    let mut judge = Judge::new(self.grammar, fields);
                    judge.fields(&thrown.alternatives[variant as usize]).unwrap_or_else(|_| panic!("{}", told()));
                    assert!(judge.canonical == fields && !judge.defaulted, "{}", told());
                } else {
                    let calls_back = matches!(name, "Echo.ask" | "Echo.pass" | "Echo.recall");
                    let fault = live.buffers && matches!(variant, own::CLOSED | own::BUSY);
                    let right = match live.verdict {
                        Verdict::UnknownMethod => variant == own::UNKNOWN_METHOD,
                        Verdict::Malformed => variant == own::MALFORMED || fault,
                        Verdict::NoCallback => variant == own::CLOSED,
                        Verdict::Runs => match variant {
                            own::CANCELLED => live.cancelled,
                            own::DEADLINE_EXCEEDED => live.deadline,
                            own::CLOSED => {
                                fault || live.stirred || calls_back || !live.open || !self.open.contains(&live.object)
                            }
                            own::MALFORMED => live.stirred || calls_back,
                            own::BUSY => fault || live.stirred || calls_back,
                            own::NO_MEMORY => matches!(name, "Echo.blocks" | "alloc" | "fill"),
                            own::SYSTEM => name == "fill",
                            own::CALLBACK => calls_back,
                            _ => false,
                        },
                    };
                    assert!(right, "{}", told());
                }
                self.count(format!("came: error {}", if domain == 0 { variant } else { 100 + variant }));
            }
            kind => panic!("a frame of kind {kind}: {}", told()),
        }
        // Where the object is closed, nothing runs.
        if live.verdict == Verdict::Runs && !live.open && live.closed && !cut {
            assert_eq!(answer.kind, ERROR, "the object is closed: {}", told());
        }
        self.count(format!("came: kind {}", answer.kind));
    }

    fn immediate(&mut self) {
        let mut frame = Frame::default();
        self.fill_call(&mut frame);
        let grammar = self.grammar;
        let methods: Vec<&Method> = grammar.methods.iter().filter(|method| method.kind == Kind::Immediate).collect();
        if self.random.chance(90) {
            frame.method = methods[self.random.below(methods.len())].id;
        }
        let mut block = frame.bytes();
        if self.random.chance(30) {
            let at = self.random.below(block.len());
            block[at] ^= 1 << self.random.below(8);
        }
        let room = if self.random.chance(20) { self.random.below(100) } else { 1 << 12 };
        let (mut answer, mut used) = (vec![0; room], usize::MAX);
        let (data, length) = (answer.as_mut_ptr(), block.len());
        // SAFETY: the blocks and `used` are good for the call.
        let status =
            unsafe { conformance::sr_call_immediate(self.runtime, block.as_ptr(), length, data, room, &mut used) };
        self.last_block = block.clone();
        // The request and the queue are only given back.
        let Some(frame) = Frame::first(&block).filter(|frame| frame.kind == CALL) else {
            return assert_eq!(status, INVALID);
        };
        if status == TOO_SMALL {
            assert!(used > room);
            return self.count("immediate: too small");
        }
        assert_eq!((status, used <= room), (0, true));
        let mut answers = parse(&answer[..used]);
        let answer = answers.pop().filter(|_| answers.is_empty()).expect("is one frame");
        assert_eq!(answer.request, frame.request);
        match grammar.method(frame.method).filter(|method| method.kind == Kind::Immediate) {
            Some(method) if self.open.contains(&frame.object) => {
                let result = method.result.as_ref().expect("both have one");
                assert!(
                    answer.kind == REPLY && Judge::new(grammar, &answer.payload).is_canonical(result),
                    "{answer:?}"
                );
                self.count("immediate: reply");
            }
            // An object may be open that this caller does not know yet.
            method => {
                let expected = if method.is_some() { own::CLOSED } else { own::UNKNOWN_METHOD };
                let got = error(grammar, &answer.payload).map(|error| (error.0, error.1));
                let unknown = method.is_some() && !self.closed.contains(&frame.object);
                assert!(answer.kind == ERROR && got == Some((0, expected)) || unknown, "{answer:?}");
            }
        }
    }

    /// Does something to a buffer by its functions.
    fn buffer(&mut self) {
        let runtime = self.runtime;
        let handle = match self.random.chance(85) {
            true => self.random.pick(&self.handles.buffers).unwrap_or(1 << 32),
            false => self.random.number(),
        };
        match self.random.below(8) {
            0..4 => {
                let size = if self.random.chance(80) { self.random.below(5000) as u64 } else { self.random.number() };
                let mut made = 0;
                // SAFETY: `made` is good for the call.
                match unsafe { conformance::sr_buffer_try_alloc(runtime, size, &mut made) } {
                    0 => self.handles.buffers.push(made),
                    status => assert!(status == NO_MEMORY && size > 0, "a buffer of {size} bytes: {status}"),
                }
            }
            4 => {
                let mut view = View { data: std::ptr::null_mut(), length: 0 };
                // SAFETY: `view` is good for the call.
                match unsafe { conformance::sr_buffer_view(runtime, handle, &mut view) } {
                    0 => {
                        self.viewed.push(handle);
                        if view.length > 0 {
                            // SAFETY: the view is open and has so many bytes; the library does not use them meanwhile.
                            unsafe { view.data.add(view.length - 1).write(7) };
                        }
                    }
                    status => assert_eq!(status, HANDLE),
                }
            }
            5 => {
                let viewed = self.viewed.pop();
                // SAFETY: the runtime is alive.
                let status = unsafe { conformance::sr_buffer_unview(runtime, viewed.unwrap_or(handle)) };
                match viewed {
                    Some(_) => assert_eq!(status, 0, "what has an open view stays"),
                    None => assert!(status == HANDLE || status == INVALID, "no view is open, and {status} came"),
                }
            }
            6 => {
                let length = self.random.number();
                // SAFETY: the runtime is alive.
                let status = unsafe { conformance::sr_buffer_shrink(runtime, handle, length) };
                assert!([0, INVALID, HANDLE, BUSY].contains(&status), "{status}");
            }
            _ => {
                // SAFETY: the runtime is alive.
                let status = unsafe { conformance::sr_buffer_free(runtime, handle) };
                assert_eq!(status == BUSY, self.viewed.contains(&handle), "{status}");
            }
        }
        // The newest are the ones that are likely to be open.
        if self.handles.buffers.len() > 40 && !self.settling {
            let old = self.handles.buffers.remove(0);
            // SAFETY: the runtime is alive.
            if unsafe { conformance::sr_buffer_free(runtime, old) } == BUSY {
                self.handles.buffers.push(old);
            }
        }
    }

    fn close_object(&mut self) {
        if self.random.chance(10) {
            // SAFETY: the runtime is alive.
            let status = unsafe { conformance::sr_object_close(self.runtime, self.random.next() | 1 << 63) };
            assert_eq!(status, HANDLE);
        }
        if !self.handles.objects.is_empty() {
            let object = self.handles.objects.swap_remove(self.random.below(self.handles.objects.len()));
            self.close(object);
        }
    }

    fn close(&mut self, object: u64) {
        // SAFETY: the runtime is alive.
        let close = || unsafe { conformance::sr_object_close(self.runtime, object) };
        assert_eq!((close(), close()), (0, HANDLE));
        self.open.remove(&object);
        self.closed.insert(object);
    }

    /// Asks with a spoilt schema whether its binding would understand the library.
    fn check(&mut self) {
        let whole = crate::schema();
        let mut text = whole.to_vec();
        for _ in 0..self.random.below(4) {
            let (at, to) = (self.random.below(text.len() + 1), self.random.below(text.len() + 1));
            let (at, to) = (at.min(to), at.max(to));
            match self.random.below(7) {
                0 => text.truncate(to),
                1 => drop(text.drain(at..to.min(at + 20))),
                2 => text.extend_from_within(at..to),
                3 => drop(text.splice(at..at, self.random.bytes(8))),
                4 if at < text.len() => text[at] = b"<>{}(),:=\"\\\n. -"[self.random.below(15)],
                5 if at < text.len() => text[at] ^= 1 << self.random.below(8),
                _ => {
                    let bracket = [&b"list<"[..], b"{", b"(", b"a{b:"][self.random.below(4)];
                    drop(text.splice(at..at, bracket.repeat(self.random.below(2000))));
                }
            }
        }
        let room = if self.random.chance(10) { self.random.below(200) } else { 1 << 22 };
        let (mut message, mut needed) = (vec![0u8; room], usize::MAX);
        let began = Instant::now();
        // SAFETY: the blocks and `needed` are good for the call.
        let status = unsafe {
            conformance::sr_check(text.as_ptr().cast(), text.len(), message.as_mut_ptr().cast(), room, &mut needed)
        };
        assert!(began.elapsed() < Duration::from_secs(10), "checking {} bytes took {:?}", text.len(), began.elapsed());
        match status {
            0 => assert_eq!(needed, 0),
            INVALID => {
                let told = std::str::from_utf8(&message[..needed]).expect("the message is UTF-8");
                assert!(!told.is_empty() && text != whole, "{told}");
            }
            status => assert!(status == TOO_SMALL && needed > room, "{status}, {needed}"),
        }
        self.count(format!("check: {status}"));
    }

    /// Ends all requests, gives everything back, and looks whether the library has nothing left.
    pub fn settle(&mut self) {
        self.settling = true;
        let until = Instant::now() + PATIENCE;
        let keys: Vec<(u16, u64)> = self.live.keys().copied().collect();
        for (queue, request) in keys {
            self.submit(&Frame { kind: CANCEL, queue, request, ..Frame::default() }.bytes());
        }
        while !self.live.is_empty() {
            let left =
                || self.live.values().map(|live| self.grammar.method(live.method).map(|m| &m.name)).collect::<Vec<_>>();
            assert!(Instant::now() < until, "requests are never answered: {:?}", left());
            (0..QUEUES).for_each(|queue| self.poll(queue, Duration::from_millis(1)));
        }
        for object in std::mem::take(&mut self.handles.objects) {
            self.close(object);
        }
        for viewed in std::mem::take(&mut self.viewed) {
            // SAFETY: the runtime is alive.
            assert_eq!(unsafe { conformance::sr_buffer_unview(self.runtime, viewed) }, 0);
        }
        loop {
            for buffer in std::mem::take(&mut self.handles.buffers) {
                // SAFETY: the runtime is alive.
                unsafe { conformance::sr_buffer_free(self.runtime, buffer) };
            }
            let mut left = Statistics::default();
            // SAFETY: `left` is good for the call.
            assert_eq!(unsafe { conformance::sr_runtime_statistics(self.runtime, &mut left) }, 0);
            let unreleased =
                self.given.iter().filter(|(handle, count)| self.released.get(handle) != Some(count)).count();
            if (left.in_flight, left.buffers, left.buffer_bytes, left.objects, unreleased) == (0, 0, 0, 0, 0) {
                break;
            }
            assert!(Instant::now() < until, "{unreleased} callbacks are not released, and this is left: {left:?}");
            (0..QUEUES).for_each(|queue| self.poll(queue, Duration::from_millis(1)));
        }
        self.asked.clear();
        self.settling = false;
    }
}

/// The runtime may be freed while anything is going on.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        // SAFETY: the runtime is freed once, and no view is used afterwards.
        unsafe {
            let began = Instant::now();
            assert_eq!(conformance::sr_runtime_free(self.runtime, 0), 0);
            assert!(began.elapsed() < Duration::from_secs(5) || std::thread::panicking(), "freeing took too long");
            let mut used = 0;
            let block: *mut u8 = std::ptr::null_mut();
            let status = conformance::sr_poll(self.runtime, 0, block, 0, 0, &mut used, &mut 0);
            assert!(status == CLOSED || std::thread::panicking());
        }
    }
}
