//! The store through its C functions, as bindings call it.

use std::collections::BTreeMap;
use std::time::Duration;

use kv::{Change, Condition, Entry, Full, Item, Options, PutOptions, StoreError, Version, ONE_DAY};
use rpc::client::{arguments, Answer, Client};
use rpc::{Declared, Error, Reader};

const CREDIT: u8 = 3;
const ITEM: u8 = 4;
const REPLY: u8 = 6;
const PATIENCE: Duration = Duration::from_secs(30);

/// A library with one open store.
struct Suite {
    client: Client,
    methods: BTreeMap<&'static str, u32>,
    store: u64,
}

impl Suite {
    fn new(options: Options) -> Self {
        // SAFETY: the table is constant data of the library.
        let functions = unsafe { &*kv_service::sr_table() };
        let methods = rpc::ffi::methods(&kv_service::SERVICE).collect();
        let mut suite = Suite { client: Client::new(functions, 2, 1, 0), methods, store: 0 };
        suite.store = number(&suite.call("Store.open", &arguments(|writer| options.encode(writer))));
        suite
    }

    fn call(&mut self, method: &str, payload: &[u8]) -> Answer {
        self.client.call(self.methods[method], self.store, payload)
    }

    fn put(&mut self, key: &str, options: PutOptions) -> Answer {
        self.call("Store.put", &put(key, options))
    }

    fn get(&mut self, key: &str) -> Answer {
        self.call("Store.get", &arguments(|writer| writer.text(key)))
    }

    fn keys(&mut self, prefix: &str) -> Vec<String> {
        let id = self.client.start(
            self.methods["Store.range"],
            self.store,
            &arguments(|writer| writer.text(prefix)),
            Duration::ZERO,
        );
        self.client.credit(id, u32::MAX.into());
        std::iter::from_fn(|| self.client.next(id, PATIENCE).filter(|answer| answer.kind == ITEM))
            .map(|answer| decoded(&answer, Entry::decode).key)
            .collect()
    }
}

fn put(key: &str, options: PutOptions) -> Vec<u8> {
    arguments(|writer| {
        writer.text(key);
        writer.blob(b"value");
        options.encode(writer);
    })
}

fn decoded<T>(answer: &Answer, decode: fn(&mut Reader<'_>) -> Result<T, Error>) -> T {
    decode(&mut Reader::new(&answer.payload)).expect("the payload is what the IDL says")
}

/// A handle, a version or a count.
fn number(answer: &Answer) -> u64 {
    assert_eq!(answer.kind, REPLY, "{:?}", answer.error());
    decoded(answer, |reader| reader.u64())
}

fn assert_fails(answer: &Answer, with: StoreError) {
    assert_eq!(answer.error(), Some((StoreError::DOMAIN, with.variant(), with.to_string())));
}

#[test]
fn entries_are_put_found_and_deleted() {
    let mut suite = Suite::new(Options::default());
    let labels = BTreeMap::from([("season".to_owned(), "autumn".to_owned())]);
    let options = PutOptions { when: Condition::New, lives: Some(ONE_DAY), labels: labels.clone() };
    let version: Version = number(&suite.put("fruit/apple", options));

    let entry = decoded(&suite.get("fruit/apple"), Entry::decode);
    assert_eq!((entry.value.as_slice(), entry.labels, entry.version), (&b"value"[..], labels, version));
    assert!(entry.until.is_some_and(|until| until.seconds >= entry.changed.seconds + 86_400));

    let delete = arguments(|writer| {
        writer.text("fruit/apple");
        Condition::Is { version }.encode(writer);
    });
    assert_eq!(suite.call("Store.delete", &delete).kind, REPLY);
    assert_fails(&suite.get("fruit/apple"), StoreError::Missing { key: "fruit/apple".to_owned() });
}

#[test]
fn conditions_are_looked_at() {
    let mut suite = Suite::new(Options::default());
    let new = || PutOptions { when: Condition::New, ..PutOptions::default() };
    let version: Version = number(&suite.put("a", new()));
    assert_fails(&suite.put("a", new()), StoreError::Changed { key: "a".to_owned(), version });
    let of = |version| PutOptions { when: Condition::Is { version }, ..PutOptions::default() };
    assert_fails(&suite.put("a", of(version + 1)), StoreError::Changed { key: "a".to_owned(), version });
    assert_fails(&suite.put("b", of(version)), StoreError::Missing { key: "b".to_owned() });
    assert_eq!(number(&suite.put("a", of(version))), version + 1);
}

#[test]
fn keys_have_a_length() {
    let mut suite = Suite::new(Options::default());
    for length in [0, 1025] {
        let key = "k".repeat(length as usize);
        assert_fails(&suite.put(&key, PutOptions::default()), StoreError::BadKey { length });
    }
}

#[test]
fn a_full_store_refuses_or_drops() {
    let mut suite = Suite::new(Options { entries: 1, ..Options::default() });
    number(&suite.put("a", PutOptions::default()));
    assert_fails(&suite.put("b", PutOptions::default()), StoreError::Full { entries: 1 });
    number(&suite.put("a", PutOptions::default()));

    let mut suite = Suite::new(Options { entries: 3, full: Full::Drop { count: 2 }, ..Options::default() });
    for key in ["a", "b", "c", "d"] {
        number(&suite.put(key, PutOptions::default()));
    }
    assert_eq!(suite.keys(""), ["c", "d"]);
}

#[test]
fn entries_end() {
    let mut suite = Suite::new(Options::default());
    number(&suite.put("mayfly", PutOptions { lives: Some(Duration::ZERO), ..PutOptions::default() }));
    assert!(suite.keys("").is_empty());
    assert_fails(&suite.get("mayfly"), StoreError::Missing { key: "mayfly".to_owned() });
}

#[test]
fn items_are_loaded_as_they_come() {
    let mut suite = Suite::new(Options::default());
    let id = suite.client.start(suite.methods["Store.load"], suite.store, &[], Duration::ZERO);
    // An item without credit ends the request; the first credit is far more than these take.
    assert_eq!(suite.client.next(id, PATIENCE).map(|answer| answer.kind), Some(CREDIT));
    for key in ["b", "a", "b"] {
        let item = Item { key: key.to_owned(), ..Item::default() };
        suite.client.item(id, &arguments(|writer| item.encode(writer)), &[]);
    }
    suite.client.end(id);
    assert_eq!(number(&suite.client.last(id)), 3);
    assert_eq!(suite.keys(""), ["a", "b"]);
}

#[test]
fn a_watcher_hears_before_the_call_returns() {
    let mut suite = Suite::new(Options::default());
    let watch = arguments(|writer| {
        writer.text("fruit/");
        writer.u64(7);
    });
    assert_eq!(suite.call("Store.watch", &watch).kind, REPLY);

    let id = suite.client.start(
        suite.methods["Store.put"],
        suite.store,
        &put("fruit/apple", PutOptions::default()),
        Duration::ZERO,
    );
    let heard = suite.client.callback(PATIENCE).expect("the watcher hears");
    let Change::Put { entry } = decoded(&heard, Change::decode) else { panic!("an entry was put") };
    assert_eq!((heard.object, entry.key.as_str()), (7, "fruit/apple"));
    assert_eq!(suite.client.ready(id), None, "the call waits for the watcher");
    suite.client.reply(&heard, &arguments(|writer| writer.flag(false)), &[]);
    assert_eq!(suite.client.last(id).kind, REPLY);
    // The watcher wanted to hear no more, so nobody is asked now.
    number(&suite.put("fruit/pear", PutOptions::default()));
}
