//! Names of users and groups, as the system knows them.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, CStr};
use std::mem::MaybeUninit;
use std::ptr;

/// Remembers what was looked up: a tree has few owners, and a lookup may ask a server.
#[derive(Default)]
pub(crate) struct OwnerNames {
    users: HashMap<u32, Option<Vec<u8>>>,
    groups: HashMap<u32, Option<Vec<u8>>>,
}

impl OwnerNames {
    pub(crate) fn user(&mut self, uid: u32) -> Option<Vec<u8>> {
        let ask = |record, buffer, size, found| {
            // SAFETY: `look_up` gives pointers to a record and to `size` bytes that outlive the call.
            unsafe { libc::getpwuid_r(uid, record, buffer, size, found) }
        };
        // SAFETY: the record was filled in by getpwuid_r, so the name is a C string in its buffer.
        let name = |record: &libc::passwd| unsafe { CStr::from_ptr(record.pw_name) }.to_bytes().to_vec();
        self.users.entry(uid).or_insert_with(|| look_up(ask, name)).clone()
    }

    pub(super) fn group(&mut self, gid: u32) -> Option<Vec<u8>> {
        let ask = |record, buffer, size, found| {
            // SAFETY: `look_up` gives pointers to a record and to `size` bytes that outlive the call.
            unsafe { libc::getgrgid_r(gid, record, buffer, size, found) }
        };
        // SAFETY: the record was filled in by getgrgid_r, so the name is a C string in its buffer.
        let name = |record: &libc::group| unsafe { CStr::from_ptr(record.gr_name) }.to_bytes().to_vec();
        self.groups.entry(gid).or_insert_with(|| look_up(ask, name)).clone()
    }
}

fn look_up<Record>(
    ask: impl Fn(*mut Record, *mut c_char, usize, *mut *mut Record) -> c_int,
    name: impl Fn(&Record) -> Vec<u8>,
) -> Option<Vec<u8>> {
    let mut buffer: Vec<c_char> = vec![0; 1 << 10];
    loop {
        let mut record = MaybeUninit::uninit();
        let mut found = ptr::null_mut();
        let error = ask(record.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len(), &mut found);
        // A group's record holds all its members; beyond 1 MiB the name is not worth it.
        if error == libc::ERANGE && buffer.len() < 1 << 20 {
            buffer.resize(buffer.len() * 4, 0);
            continue;
        }
        // SAFETY: where it is not null, `found` points to `record`, which the call filled in.
        return unsafe { found.as_ref() }.map(name);
    }
}
