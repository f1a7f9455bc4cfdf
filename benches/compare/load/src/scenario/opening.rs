//! Opening WebSockets: the HTTP handshake, Engine.IO's open packet, CONNECT to the namespace `/`.

use std::io;

use crate::{
    Result,
    net::{Handler, Net, http},
    scenario::{TICK, Watch},
};

/// At most so many handshakes at a time, where it does not matter.
pub const AT_ONCE: usize = 64;

#[derive(Default)]
struct Opening {
    ready: usize,
    closed: usize,
}

impl Handler for Opening {
    fn text(&mut self, net: &mut Net, id: usize, text: &[u8]) {
        if text.starts_with(b"0{") {
            net.send_text(id, b"40");
        } else if text.starts_with(b"40") {
            self.ready += 1;
        }
    }

    fn closed(&mut self, _net: &mut Net, _id: usize) {
        self.closed += 1;
    }
}

/// Opens so many more, and says how many of them were closed or not served.
pub fn open(net: &mut Net, count: usize, at_once: usize) -> Result<usize> {
    let (mut opening, mut started, mut watch) = (Opening::default(), 0, Watch::new());
    while opening.ready + opening.closed < count && !watch.stalled((opening.ready + opening.closed) as u64) {
        while started < count && started - opening.ready - opening.closed < at_once {
            net.websocket(&http::path("websocket", ""), started)?;
            started += 1;
        }
        net.poll(TICK, &mut opening)?;
    }
    Ok(count - opening.ready)
}

/// Opens so many, or fails.
pub fn must_open(net: &mut Net, count: usize) -> Result<()> {
    match open(net, count, AT_ONCE)? {
        0 => Ok(()),
        failed => Err(format!("{failed} of {count} connections were not served").into()),
    }
}

/// Opens the one that `start` starts, or fails.
pub fn must_open_one(net: &mut Net, start: impl FnOnce(&mut Net) -> io::Result<usize>) -> Result<()> {
    let (mut opening, mut watch) = (Opening::default(), Watch::new());
    start(net)?;
    while opening.ready == 0 {
        net.poll(TICK, &mut opening)?;
        if opening.closed > 0 || watch.stalled(0) {
            return Err("a connection was not served".into());
        }
    }
    Ok(())
}
