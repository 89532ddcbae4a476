//! Runs the table of behaviours (`conformance/cases.json`) against the library, through its C functions.

mod crossing;
mod json;
mod rows;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use conformance::generated::{ConformanceError, Containers, Defaults, Moments, Scalars};
use json::FromJson;
use rpc::client::{arguments, Answer, Client};
use rpc::{Declared, Error, Reader, Writer};
use serde_json::Value;

const CALL: u8 = 1;
const CANCEL: u8 = 2;
const CREDIT: u8 = 3;
const ITEM: u8 = 4;
const END: u8 = 5;
const REPLY: u8 = 6;
const ERROR: u8 = 7;
const PANIC: u8 = 8;
const EMIT: u8 = 9;
const RELEASE: u8 = 10;

const CANCELLED: u32 = 1;
const DEADLINE_EXCEEDED: u32 = 2;
const CLOSED: u32 = 3;
const MALFORMED: u32 = 4;
const CALLBACK: u32 = 10;

const STATUS_HANDLE: i32 = -2;
const STATUS_BUSY: i32 = -3;

/// The table, and a library with one open object.
struct Suite {
    client: Client,
    methods: BTreeMap<String, u32>,
    echo: u64,
}

impl Suite {
    fn new() -> Self {
        // SAFETY: the table is constant data of the library.
        let functions = unsafe { &*conformance::sr_table() };
        let methods = rpc::ffi::methods(&conformance::SERVICE).map(|(name, id)| (name.to_owned(), id)).collect();
        let mut suite = Suite { client: Client::new(functions, 2, 1, 0), methods, echo: 0 };
        let answer = suite.client.call(suite.method("open"), 0, &arguments(|writer| writer.text("table")));
        suite.echo = number_in(&answer);
        suite
    }

    fn method(&self, name: &str) -> u32 {
        self.methods[&format!("Echo.{name}")]
    }

    fn call(&mut self, name: &str, payload: &[u8]) -> Answer {
        self.client.call(self.method(name), self.echo, payload)
    }

    fn start(&mut self, name: &str, payload: &[u8], left: Duration) -> u64 {
        self.client.start(self.method(name), self.echo, payload, left)
    }

    fn produced(&self) -> u64 {
        number_in(&self.client.immediate(self.method("produced"), self.echo, &[]).expect("is immediate"))
    }

    fn run(&mut self, case: &Value) {
        match text(case, "kind") {
            "roundtrip" => self.roundtrip(case),
            "malformed" => self.malformed(case),
            "error" => self.error(case),
            "panic" => self.panic(case),
            "cancel" => self.cancel(case),
            "deadline" => self.deadline(case),
            "stream" => self.stream(case),
            "blocks" => self.blocks(case),
            "credit" => self.credit(case),
            "sum" => self.sum(case),
            "invert" => self.invert(case),
            "closed_object" => self.closed_object(),
            "emit" => self.emit(case),
            "concurrent" => self.concurrent(case),
            "total" => self.total(case),
            "total_credit" => self.total_credit(case),
            "double" => self.double(case),
            "total_bytes" => self.total_bytes(case),
            "ask" => self.ask(case),
            "pass" => self.pass(case),
            "keep" => self.keep(case),
            "recall_nothing" => self.recall_nothing(case),
            "trace" => self.trace(case),
            "log" => self.log(case),
            "statistics" => self.statistics(case),
            "buffer" => self.buffer(case),
            "memory" => self.memory(case),
            "memory_stream" => self.memory_stream(case),
            "won" => self.won(case),
            "forged" => self.forged(case),
            "close_in_flight" => self.close_in_flight(case),
            "full" => self.full(case),
            "shutdown" => self.shutdown(case),
            "fork" => self.fork(case),
            "exec" => self.exec(case),
            "schema" => self.schema(case),
            kind => panic!("the table has a kind that this runner does not know: {kind}"),
        }
        assert_eq!(
            value(&self.client.immediate(self.method("name"), self.echo, &[]).expect("works"), |reader| reader.text()),
            "table"
        );
    }

    fn roundtrip(&mut self, case: &Value) {
        let method = text(case, "method");
        let wire = bytes(case, "wire");
        let canonical = if case.get("reply").is_some() { bytes(case, "reply") } else { wire.clone() };
        let answer = self.call(method, &wire);
        assert_eq!(answer.kind, REPLY);
        assert_eq!(answer.payload, canonical, "what the library answers");
        let json = &case["value"];
        match method {
            "scalars" => agree((Scalars::encode, Scalars::decode), json, &wire, &canonical),
            "containers" => agree((Containers::encode, Containers::decode), json, &wire, &canonical),
            "defaults" => agree((Defaults::encode, Defaults::decode), json, &wire, &canonical),
            "moments" => agree((Moments::encode, Moments::decode), json, &wire, &canonical),
            other => panic!("no values are read for {other}"),
        }
    }

    fn malformed(&mut self, case: &Value) {
        let answer = self.call(text(case, "method"), &bytes(case, "wire"));
        let (domain, variant, _) = answer.error().expect("is refused");
        assert_eq!((domain, variant), (0, MALFORMED));
    }

    fn error(&mut self, case: &Value) {
        let reason = text(case, "reason");
        let code = number(case, "code") as u32;
        let payload = arguments(|writer| {
            writer.text(reason);
            writer.u32(code);
        });
        let answer = self.call("fail", &payload);
        let (domain, variant, message) = answer.error().expect("fails");
        let expected = match text(case, "variant") {
            "refused" => 0,
            "empty" => 1,
            other => panic!("no variant {other}"),
        };
        assert_eq!((domain, variant, message.as_str()), (ConformanceError::DOMAIN, expected, text(case, "message")));
        let fields = &answer.payload[12 + message.len()..];
        if expected == 0 {
            let mut record = (payload.len() as u32).to_le_bytes().to_vec();
            record.extend_from_slice(&payload);
            assert_eq!(fields, record);
        } else {
            assert_eq!(fields, [0; 4]);
        }
    }

    fn panic(&mut self, case: &Value) {
        let message = text(case, "message");
        let answer = self.call("crash", &arguments(|writer| writer.text(message)));
        assert_eq!(answer.kind, PANIC);
        assert_eq!(value(&answer, |reader| reader.text()), message);
        assert_eq!(self.call("nothing", &[]).kind, REPLY);
    }

    fn cancel(&mut self, case: &Value) {
        let began = Instant::now();
        let id = self.start("sleep", &(number(case, "milliseconds") as u32).to_le_bytes(), Duration::ZERO);
        std::thread::sleep(Duration::from_millis(number(case, "after")));
        self.client.cancel(id);
        let answer = self.client.last(id);
        assert_eq!(answer.error().map(|error| (error.0, error.1)), Some((0, CANCELLED)));
        assert!(began.elapsed() < Duration::from_secs(5), "promptly");
    }

    fn deadline(&mut self, case: &Value) {
        let began = Instant::now();
        let left = Duration::from_millis(number(case, "deadline"));
        let id = self.start("sleep", &(number(case, "milliseconds") as u32).to_le_bytes(), left);
        let answer = self.client.last(id);
        assert_eq!(answer.error().map(|error| (error.0, error.1)), Some((0, DEADLINE_EXCEEDED)));
        assert!(began.elapsed() >= left && began.elapsed() < left + Duration::from_secs(5));
    }

    fn stream(&mut self, case: &Value) {
        let (count, take) = (number(case, "count"), number(case, "take"));
        let fail = case["fail"].as_bool().expect("is a bool");
        let payload = arguments(|writer| {
            writer.u32(count as u32);
            writer.flag(fail);
        });
        let id = self.start("count", &payload, Duration::ZERO);
        for expected in 0..take.min(count) {
            // Any positive credit admits one item.
            self.client.credit(id, 4);
            let answer = self.client.next(id, Duration::from_secs(10)).expect("there is an item");
            assert_eq!((answer.kind, u64::from(value(&answer, |reader| reader.u32()))), (ITEM, expected));
        }
        if take > count {
            let answer = self.client.last(id);
            if fail {
                assert_eq!(answer.error().map(|error| (error.0, error.1)), Some((ConformanceError::DOMAIN, 1)));
            } else {
                assert_eq!(answer.kind, END);
            }
        } else {
            self.client.cancel(id);
            let answer = self.client.last(id);
            assert!(take == count || answer.error().map(|error| error.1) == Some(CANCELLED));
        }
    }

    fn blocks(&mut self, case: &Value) {
        let (count, size) = (number(case, "count"), number(case, "size"));
        let payload = arguments(|writer| {
            writer.u32(count as u32);
            writer.u32(size as u32);
        });
        let id = self.start("blocks", &payload, Duration::ZERO);
        for expected in 0..count {
            self.client.credit(id, size + 8);
            let answer = self.client.next(id, Duration::from_secs(10)).expect("there is an item");
            assert_eq!(answer.kind, ITEM);
            let buffer = number_in(&answer);
            assert_eq!(answer.handles, [buffer], "a frame repeats the handles that it carries");
            let bytes = self.client.read(buffer).expect("is open");
            assert_eq!(bytes.len() as u64, size);
            assert!(bytes.iter().all(|byte| u64::from(*byte) == expected % 251));
            assert_eq!(self.client.free(buffer), 0);
        }
        assert_eq!(self.client.last(id).kind, END);
    }

    fn credit(&mut self, case: &Value) {
        let payload = arguments(|writer| {
            writer.u32(number(case, "count") as u32);
            writer.flag(false);
        });
        let before = self.produced();
        let take = number(case, "take");
        let id = self.start("count", &payload, Duration::ZERO);
        self.client.credit(id, 4 * take);
        for _ in 0..take {
            assert_eq!(self.client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(ITEM));
        }
        assert_eq!(self.client.next(id, Duration::from_millis(number(case, "wait"))), None, "the credit is used up");
        let produced = self.produced() - before;
        assert!(produced <= number(case, "bound"));
        assert_eq!(produced, take + 1, "the producer waits with one item in its hands");
        self.client.cancel(id);
        assert_eq!(self.client.last(id).kind, ERROR);
    }

    fn sum(&mut self, case: &Value) {
        let buffer = self.client.buffer(&bytes(case, "data")).expect("fits");
        let answer = self.call("sum", &buffer.to_le_bytes());
        assert_eq!(number_in(&answer), number(case, "sum"));
        assert_eq!(self.client.free(buffer), STATUS_HANDLE, "it has moved");
    }

    fn invert(&mut self, case: &Value) {
        let buffer = self.client.buffer(&bytes(case, "data")).expect("fits");
        let answer = self.call("invert", &buffer.to_le_bytes());
        let inverted = number_in(&answer);
        assert_ne!(inverted, buffer, "handles do not come back");
        assert_eq!(self.client.read(inverted).expect("is open"), bytes(case, "result"));
        assert_eq!(self.client.free(inverted), 0);
        assert_eq!(self.client.free(inverted), STATUS_HANDLE);
    }

    fn closed_object(&mut self) {
        let child = number_in(&self.call("child", &arguments(|writer| writer.text("child"))));
        let name = self.client.immediate(self.method("name"), child, &[]).expect("works");
        assert_eq!(value(&name, |reader| reader.text()), "child");
        assert_eq!(self.client.close(child), 0);
        assert_eq!(self.client.close(child), STATUS_HANDLE);
        let answer = self.client.call(self.method("nothing"), child, &[]);
        assert_eq!(answer.error().map(|error| (error.0, error.1)), Some((0, CLOSED)));
        let answer = self.client.immediate(self.method("name"), child, &[]).expect("answers");
        assert_eq!(answer.error().map(|error| (error.0, error.1)), Some((0, CLOSED)));
    }

    fn emit(&mut self, case: &Value) {
        let steps = number(case, "steps");
        let id = self.start("ticks", &(steps as u32).to_le_bytes(), Duration::ZERO);
        let mut newest = None;
        loop {
            let answer = self.client.next(id, Duration::from_secs(10)).expect("there is a frame");
            if answer.kind == REPLY {
                assert_eq!(u64::from(value(&answer, |reader| reader.u32())), steps);
                assert_eq!(newest.is_some(), steps > 0, "the last tick is not lost");
                assert!(newest.is_none_or(|newest| newest == steps - 1));
                return;
            }
            assert_eq!(answer.kind, EMIT);
            let step =
                u64::from(conformance::generated::Tick::decode(&mut Reader::new(&answer.payload)).expect("reads").step);
            assert!(newest < Some(step), "they come in order");
            newest = Some(step);
        }
    }

    fn concurrent(&mut self, case: &Value) {
        let (calls, milliseconds) = (number(case, "calls"), number(case, "milliseconds"));
        let began = Instant::now();
        let payload = (milliseconds as u32).to_le_bytes();
        let ids: Vec<u64> = (0..calls).map(|_| self.start("sleep", &payload, Duration::ZERO)).collect();
        let most = ids.iter().map(|id| value(&self.client.last(*id), |reader| reader.u32())).max();
        assert!(began.elapsed() < Duration::from_millis(calls * milliseconds / 4), "they sleep side by side");
        assert!(most > Some(1));
    }

    /// Sends the items of a stream as credit comes, and gives those of the answer and the last frame.
    fn stream_in(
        &mut self,
        id: u64,
        mut items: impl Iterator<Item = (Vec<u8>, Vec<u64>, u64)>,
    ) -> (Vec<Answer>, Answer) {
        let (mut credit, mut ended, mut came) = (0i64, false, Vec::new());
        loop {
            while credit > 0 && !ended {
                match items.next() {
                    Some((payload, handles, bytes)) => {
                        credit -= (payload.len() as u64 + bytes) as i64;
                        self.client.item(id, &payload, &handles);
                    }
                    None => {
                        self.client.end(id);
                        ended = true;
                    }
                }
            }
            let answer = self.client.next(id, Duration::from_secs(10)).expect("there is a frame");
            match answer.kind {
                CREDIT => credit += number_in(&answer) as i64,
                ITEM => came.push(answer),
                _ => return (came, answer),
            }
        }
    }

    fn total(&mut self, case: &Value) {
        let id = self.start("total", &(number(case, "limit") as u32).to_le_bytes(), Duration::ZERO);
        let numbers = Vec::<u32>::from_json(&case["numbers"]);
        let (_, answer) =
            self.stream_in(id, numbers.into_iter().map(|number| (number.to_le_bytes().to_vec(), vec![], 0)));
        if case.get("result").is_some() {
            assert_eq!(number_in(&answer), number(case, "result"));
        } else {
            self.failed(case, &answer);
        }
    }

    fn total_credit(&mut self, case: &Value) {
        let id = self.start("double", &[], Duration::ZERO);
        let (mut credit, mut taken) = (0, 0);
        let until = Instant::now() + Duration::from_millis(200);
        while let Some(answer) = self.client.next(id, until.saturating_duration_since(Instant::now())) {
            assert_eq!(answer.kind, CREDIT);
            credit += number_in(&answer) as i64;
            while credit > 0 && taken < number(case, "count") {
                self.client.item(id, &1u32.to_le_bytes(), &[]);
                (credit, taken) = (credit - 4, taken + 1);
            }
        }
        assert!(taken <= number(case, "bound"), "{taken} were taken");
        self.client.cancel(id);
        assert_eq!(self.client.last(id).kind, ERROR);
    }

    fn double(&mut self, case: &Value) {
        let id = self.start("double", &[], Duration::ZERO);
        self.client.credit(id, 1 << 20);
        let numbers = Vec::<u32>::from_json(&case["numbers"]);
        let (came, answer) =
            self.stream_in(id, numbers.into_iter().map(|number| (number.to_le_bytes().to_vec(), vec![], 0)));
        assert_eq!(came.iter().map(number_in).collect::<Vec<_>>(), Vec::<u64>::from_json(&case["result"]));
        if case.get("variant").is_some() {
            self.failed(case, &answer);
        } else {
            assert_eq!(answer.kind, END);
        }
    }

    fn total_bytes(&mut self, case: &Value) {
        let parts: Vec<(Vec<u8>, Vec<u64>, u64)> = (case["parts"].as_array().expect("is a list").iter())
            .map(|part| {
                let bytes = json::hex(part.as_str().expect("is a text"));
                let buffer = self.client.buffer(&bytes).expect("fits");
                (buffer.to_le_bytes().to_vec(), vec![buffer], bytes.len() as u64)
            })
            .collect();
        let id = self.start("total_bytes", &[], Duration::ZERO);
        let (_, answer) = self.stream_in(id, parts.into_iter());
        assert_eq!(number_in(&answer), number(case, "result"));
    }

    /// What the table says of an error that the service declares.
    fn failed(&self, case: &Value, answer: &Answer) {
        let (domain, variant, message) = answer.error().expect("fails");
        let expected = match text(case, "variant") {
            "refused" => 0,
            "empty" => 1,
            other => panic!("no variant {other}"),
        };
        assert_eq!((domain, variant), (ConformanceError::DOMAIN, expected));
        if case.get("message").is_some() {
            assert_eq!(message, text(case, "message"));
        }
    }

    /// Answers the calls of a listener until the request is over; gives the last frame.
    fn listen(&mut self, id: u64, listener: &mut Listener) -> Answer {
        loop {
            while let Some(frame) = self.client.callback(Duration::ZERO) {
                listener.frame(&self.client, &frame);
            }
            if let Some(answer) = self.client.ready(id) {
                assert!(answer.is_last());
                return answer;
            }
            assert!(self.client.poll(Duration::from_secs(10)) >= 0);
        }
    }

    /// Waits until the listener was released.
    fn released(&mut self, listener: &mut Listener) {
        while !listener.released {
            let frame = self.client.callback(Duration::from_secs(10)).expect("the listener is released");
            listener.frame(&self.client, &frame);
        }
        assert_eq!(self.client.callback(Duration::from_millis(20)), None, "and nothing comes after that");
    }

    fn ask(&mut self, case: &Value) {
        let mut listener = Listener::new(7);
        let texts = Vec::<String>::from_json(&case["texts"]);
        let payload = arguments(|writer| {
            writer.u64(listener.handle);
            writer.count(texts.len());
            texts.iter().for_each(|text| writer.text(text));
        });
        let id = self.start("ask", &payload, Duration::ZERO);
        let answer = self.listen(id, &mut listener);
        if case.get("heard").is_some() {
            assert_eq!(u64::from(listener.heard), number(case, "heard"));
        }
        if case.get("result").is_some() {
            assert_eq!(
                value(&answer, |reader| reader.sequence(4, Reader::u32)),
                Vec::<u32>::from_json(&case["result"])
            );
        } else if case.get("variant").is_some() {
            self.failed(case, &answer);
        } else {
            assert_eq!(text(case, "runtime"), "callback");
            assert_eq!(answer.error(), Some((0, CALLBACK, "the callback failed: it crashed".to_owned())));
        }
        self.released(&mut listener);
    }

    fn pass(&mut self, case: &Value) {
        let mut listener = Listener::new(8);
        let buffer = self.client.buffer(&bytes(case, "data")).expect("fits");
        let payload = [listener.handle, buffer].map(u64::to_le_bytes).concat();
        let id = self.start("pass", &payload, Duration::ZERO);
        let answer = self.listen(id, &mut listener);
        assert_eq!(self.client.read(number_in(&answer)).expect("is open"), bytes(case, "result"));
        assert_eq!(self.client.free(number_in(&answer)), 0);
        self.released(&mut listener);
    }

    fn keep(&mut self, case: &Value) {
        let mut listener = Listener::new(9);
        assert_eq!(self.call("keep", &listener.handle.to_le_bytes()).kind, REPLY);
        let results = Vec::<u32>::from_json(&case["result"]);
        for (text, result) in Vec::<String>::from_json(&case["texts"]).into_iter().zip(results) {
            let id = self.start("recall", &arguments(|writer| writer.text(&text)), Duration::ZERO);
            let answer = self.listen(id, &mut listener);
            assert_eq!(value(&answer, |reader| reader.u32()), result);
        }
        assert!(!listener.released, "it is kept");
        assert_eq!(self.call("forget", &[]).kind, REPLY);
        self.released(&mut listener);
    }

    fn recall_nothing(&mut self, case: &Value) {
        assert_eq!(self.call("forget", &[]).kind, REPLY);
        let answer = self.call("recall", &arguments(|writer| writer.text("text")));
        self.failed(case, &answer);
    }
}

/// A listener of the caller's.
struct Listener {
    handle: u64,
    heard: u32,
    released: bool,
}

impl Listener {
    fn new(slot: u64) -> Self {
        Listener { handle: 1 << 32 | slot, heard: 0, released: false }
    }

    /// Does what a frame asks for.
    fn frame(&mut self, client: &Client, frame: &Answer) {
        assert_eq!(frame.object, self.handle);
        assert!(!self.released, "nothing comes after the release");
        match frame.kind {
            CALL if frame.method == id("Listener.heard") => self.hear(client, frame),
            CALL if frame.method == id("Listener.took") => {
                let buffer = number_in(frame);
                let view = client.view(buffer).expect("is open");
                // SAFETY: the view is open, and nobody else knows the handle.
                let bytes = unsafe { std::slice::from_raw_parts_mut(view.data, view.length) };
                bytes.iter_mut().for_each(|byte| *byte = !*byte);
                assert_eq!(client.unview(buffer), 0);
                client.reply(frame, &buffer.to_le_bytes(), &[buffer]);
            }
            RELEASE => self.released = true,
            kind => panic!("a frame of kind {kind} for method {:#x}", frame.method),
        }
    }

    fn hear(&mut self, client: &Client, call: &Answer) {
        self.heard += 1;
        let text = value(call, |reader| reader.text());
        let length = text.len() as u32;
        match text.as_str() {
            "fail" => {
                let fields = arguments(|writer| {
                    writer.text(&text);
                    writer.u32(length);
                });
                client.fail(call, ConformanceError::DOMAIN, 0, "the library makes its own", &fields);
            }
            "crash" => client.fail(call, 0, CALLBACK, "it crashed", &[]),
            _ => client.reply(call, &length.to_le_bytes(), &[]),
        }
    }
}

/// The id of a method, as docs/boundary.md says.
fn id(name: &str) -> u32 {
    16 + name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// How the generated module writes and reads a type.
type Coded<T> = (fn(T, &mut Writer<'_>), fn(&mut Reader<'_>) -> Result<T, Error>);

/// The value that the table names is what the wire says, and is written canonically.
fn agree<T: FromJson>((encode, decode): Coded<T>, json: &Value, wire: &[u8], canonical: &[u8]) {
    let written = |value| arguments(|writer| encode(value, writer));
    let encoded = written(T::from_json(json));
    assert_eq!(encoded, canonical, "what the value is on the wire");
    for payload in [wire, canonical] {
        if payload.is_empty() {
            continue;
        }
        // Compared as bytes, because NaN is not equal to itself.
        let decoded = decode(&mut Reader::new(payload)).expect("reads");
        assert_eq!(written(decoded), canonical);
    }
}

fn value<T>(answer: &Answer, read: fn(&mut Reader<'_>) -> Result<T, Error>) -> T {
    read(&mut Reader::new(&answer.payload)).expect("reads")
}

/// A number, or a handle.
fn number_in(answer: &Answer) -> u64 {
    value(answer, |reader| reader.u64())
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{case} has a text {field}"))
}

fn number(case: &Value, field: &str) -> u64 {
    u64::from_json(&case[field])
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    json::hex(text(case, field))
}

/// The table that people wrote, and values with their bytes that the compiler made.
fn cases() -> Vec<Value> {
    let tables = [include_str!("../../cases.json"), include_str!("../../vectors.json")];
    tables.iter().flat_map(|table| serde_json::from_str::<Vec<Value>>(table).expect("the table is JSON")).collect()
}

#[test]
fn the_table_holds() {
    let gaps: Vec<Value> = serde_json::from_str(include_str!("../../gaps.json")).expect("the list of gaps is JSON");
    let plan = rows::plan(&cases(), &gaps, "rust").unwrap_or_else(|why| panic!("{why}"));
    let mut suite = Suite::new();
    let mut ran = BTreeMap::<String, u32>::new();
    let holds = |suite: &mut Suite, case: &Value| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| suite.run(case))).is_ok()
    };
    for case in &plan.run {
        assert!(holds(&mut suite, case), "case {} failed", case["name"]);
        *ran.entry(text(case, "kind").to_owned()).or_default() += 1;
    }
    for case in &plan.gaps {
        // What it leaves behind is its own.
        assert!(!holds(&mut Suite::new(), case), "the gap {} is closed: take it out of gaps.json", case["name"]);
    }
    let (count, known) = (plan.run.len(), plan.gaps.len());
    println!("ran {count} rows, {known} known gaps, skipped {} of other languages: {ran:?}", plan.skipped);
    assert_eq!(ran.values().sum::<u32>() as usize, count);
    let statistics = suite.client.statistics();
    assert_eq!((statistics.buffers, statistics.buffer_bytes, statistics.objects), (0, 0, 1), "nothing is left behind");
    assert_eq!(statistics.in_flight, 0);
}

/// Payloads of the table with spoilt bytes, cut and lengthened: the generated decoders refuse them, or read a value that
/// is written as what reads the same.
#[test]
fn spoilt_payloads_are_refused_or_mean_something() {
    let cases = cases();
    let mut suite = Suite::new();
    // A linear congruential generator (Knuth, TAOCP 2, 3.3.4, as in MMIX): the same bytes in every run.
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut read, mut refused) = (0, 0);
    for case in cases.iter().filter(|case| text(case, "kind") == "roundtrip") {
        let method = text(case, "method");
        let wire = bytes(case, "wire");
        for _ in 0..100 {
            let mut spoilt = wire.clone();
            for _ in 0..=random(3) {
                let at = random(spoilt.len() + 1);
                match random(4) {
                    0 => spoilt.truncate(at),
                    1 => spoilt.insert(at, random(256) as u8),
                    _ if at < spoilt.len() => spoilt[at] = [0, 1, 0xff, random(256) as u8][random(4)],
                    _ => spoilt.push(0),
                }
            }
            let answer = suite.call(method, &spoilt);
            if answer.kind == REPLY {
                read += 1;
                let again = suite.call(method, &answer.payload);
                assert_eq!((again.kind, &again.payload), (REPLY, &answer.payload), "{method} of {spoilt:02x?}");
            } else {
                refused += 1;
                let error = answer.error().map(|error| (error.0, error.1));
                assert_eq!(error, Some((0, MALFORMED)), "{method} of {spoilt:02x?}");
            }
        }
    }
    assert!(read > 500 && refused > 500, "both happen: {read} were read, {refused} refused");
}

/// A stream that never waits for credit is cancelled all the same.
#[test]
fn a_stream_with_credit_without_end_is_cancelled() {
    let mut suite = Suite::new();
    let payload = arguments(|writer| {
        writer.u32(10_000_000);
        writer.flag(false);
    });
    let id = suite.start("count", &payload, Duration::ZERO);
    suite.client.credit(id, u64::MAX);
    assert_eq!(suite.client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(ITEM));
    suite.client.cancel(id);
    let error = suite.client.last(id).error();
    assert_eq!(error.map(|error| (error.0, error.1)), Some((0, CANCELLED)));
}
