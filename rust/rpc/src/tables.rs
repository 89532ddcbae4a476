//! What handles mean: the buffers and objects that callers hold.

use std::any::Any;
use std::sync::Arc;

use crate::buffer::{Budget, Buffer, Buffers};
use crate::codec::OBJECT_HANDLE;
use crate::error::Error;
use crate::slots::Slots;

/// An object of any interface.
pub(crate) type AnyObject = Arc<dyn Any + Send + Sync>;

pub(crate) struct Tables {
    pub(crate) buffers: Buffers,
    pub(crate) objects: Slots<AnyObject>,
    pub(crate) budget: Budget,
}

impl Tables {
    pub(crate) fn new(buffer_memory: u64) -> Self {
        Tables { buffers: Buffers::new(), objects: Slots::new(), budget: Budget::new(buffer_memory) }
    }

    /// Frees what handles stand for, where they will not reach the caller.
    pub(crate) fn release(&self, handles: &[u64]) {
        for handle in handles {
            if handle & OBJECT_HANDLE != 0 {
                self.objects.remove(handle & !OBJECT_HANDLE);
            } else {
                let _ = self.buffers.take(*handle);
            }
        }
    }

    /// Takes the buffers that a frame of a caller's carries. One that cannot move now is left to who decodes the frame.
    pub(crate) fn receive(&self, handles: impl Iterator<Item = u64>) -> Vec<(u64, Buffer)> {
        handles.filter_map(|handle| Some((handle, self.buffers.take(handle).ok()?))).collect()
    }

    /// The object behind a handle. It lives until its last request is over, also where the handle is closed before.
    pub(crate) fn object<T: Send + Sync + 'static>(&self, handle: u64) -> Result<Arc<T>, Error> {
        let object = self.objects.with(handle, |object| object.clone()).ok_or(Error::Closed("object"))?;
        object.downcast().map_err(|_| Error::WrongType)
    }
}

/// An object as a result.
pub struct Object<T>(pub Arc<T>);

impl<T> Object<T> {
    /// A new object for the caller.
    pub fn new(object: T) -> Self {
        Object(Arc::new(object))
    }
}
