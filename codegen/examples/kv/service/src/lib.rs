//! A key-value store in memory: the service behind `kv.idl`.

mod table;
mod watching;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use kv::{Condition, Entry, Item, Key, Options, Progress, PutOptions, StoreError, Version, Watcher};
use rpc::{Buffer, Context, Emitter, Error, Failure, Incoming, Sink};

use table::{end, Table};
use watching::{Watch, Watchers};

/// The types behind the interfaces.
pub struct Kv;

impl kv::Implementation for Kv {
    type Store = Store;
    type Watch = Watch;
}

/// What the library does.
pub static SERVICE: rpc::Service = kv::service::<Kv>();

rpc::export!(SERVICE);

/// An open store.
pub struct Store {
    name: String,
    table: Mutex<Table>,
    watchers: Arc<Watchers>,
}

impl Store {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the table, then tells the watchers what happened to it.
    async fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        let (result, changes) = {
            let mut table = self.table();
            let result = act(&mut table);
            (result, table.changes())
        };
        for change in changes {
            self.watchers.tell(change).await;
        }
        result
    }
}

impl kv::Store for Store {
    type Watch = Watch;

    async fn open(_: Context, options: Options) -> Result<Self, Error> {
        let name = options.name.clone();
        Ok(Store { name, table: Mutex::new(Table::new(options)), watchers: Arc::default() })
    }

    fn name(&self) -> Result<String, Error> {
        Ok(self.name.clone())
    }

    fn count(&self) -> Result<u64, Error> {
        Ok(self.table().count())
    }

    async fn put(
        &self,
        _: Context,
        key: Key,
        value: Vec<u8>,
        options: PutOptions,
    ) -> Result<Version, Failure<StoreError>> {
        let PutOptions { when, lives, labels } = options;
        Ok(self.with(|table| table.put(key, value.into(), labels, end(lives), when)).await?)
    }

    async fn get(&self, _: Context, key: Key) -> Result<Entry, Failure<StoreError>> {
        Ok(self.with(|table| table.get(&key)).await?)
    }

    async fn find(&self, _: Context, key: Key) -> Result<Option<Entry>, Error> {
        Ok(self.with(|table| table.get(&key).ok()).await)
    }

    async fn value(&self, cx: Context, key: Key) -> Result<Vec<u8>, Failure<StoreError>> {
        Ok(self.get(cx, key).await?.value)
    }

    async fn delete(&self, _: Context, key: Key, when: Condition) -> Result<(), Failure<StoreError>> {
        Ok(self.with(|table| table.delete(&key, when)).await?)
    }

    async fn import(&self, _: Context, key: Key, data: Buffer) -> Result<Version, Failure<StoreError>> {
        let PutOptions { when, labels, .. } = PutOptions::default();
        Ok(self.with(|table| table.put(key, Bytes::from(data), labels, None, when)).await?)
    }

    async fn export(&self, _: Context, key: Key) -> Result<Buffer, Failure<StoreError>> {
        let value = self.with(|table| table.stored(&key).map(|stored| stored.value.clone())).await;
        Ok(Buffer::from(value.ok_or(StoreError::Missing { key })?))
    }

    async fn range(&self, _: Context, prefix: Key, mut sink: Sink<Entry>) -> Result<(), Error> {
        let mut last: Option<Key> = None;
        loop {
            // An entry is looked up when it can go out, not before.
            sink.ready().await;
            let Some(entry) = self.table().next(&prefix, last.as_deref()) else {
                return Ok(());
            };
            last = Some(entry.key.clone());
            sink.send(entry).await?;
        }
    }

    async fn load(
        &self,
        _: Context,
        mut from: Incoming<Item>,
        emitter: Emitter<Progress>,
    ) -> Result<u64, Failure<StoreError>> {
        let mut entries = 0;
        while let Some(item) = from.next().await {
            let Item { key, value, lives, labels } = item?;
            self.with(|table| table.put(key, value.into(), labels, end(lives), Condition::Always)).await?;
            entries += 1;
            emitter.emit(Progress { entries });
        }
        Ok(entries)
    }

    async fn watch(&self, _: Context, prefix: Key, watcher: Watcher) -> Result<Watch, Error> {
        Ok(Watchers::add(&self.watchers, prefix, watcher))
    }
}
