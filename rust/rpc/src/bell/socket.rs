//! Windows: a pair of sockets of the loopback that know only each other, because only sockets can be waited on by every kind of
//! event loop there.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::windows::io::AsRawSocket;

use crate::error::Error;

/// `SR_WAKE_SOCKET`.
pub(crate) const KIND: u32 = 3;

pub(crate) struct Bell {
    socket: UdpSocket,
    ringer: UdpSocket,
}

impl Bell {
    pub(crate) fn new() -> Result<Self, Error> {
        let make = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            let ringer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            // Connected to each other, they take nothing from anybody else.
            socket.connect(ringer.local_addr()?)?;
            ringer.connect(socket.local_addr()?)?;
            socket.set_nonblocking(true)?;
            ringer.set_nonblocking(true)?;
            Ok(Bell { socket, ringer })
        };
        make().map_err(|error: std::io::Error| Error::system("making the sockets of a queue", error))
    }

    pub(crate) fn ring(&self) {
        // It fails only where the other one has its room full: then it is readable already.
        let _ = self.ringer.send(&[1]);
    }

    pub(crate) fn clear(&self) {
        // Until nothing is left that has rung.
        while self.socket.recv(&mut [0; 8]).is_ok() {}
    }

    pub(crate) fn descriptor(&self) -> i32 {
        // Of a handle, Windows uses 32 bits, so that it fits programs of 32 bits as well.
        self.socket.as_raw_socket() as i32
    }
}
