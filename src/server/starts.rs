//! Handlers of events that are being started, and those that go on, for which a leave waits.
//!
//! In Node nobody leaves while a handler runs from one `await` to the next, and none is called afterwards. Here another thread may send the socket
//! away meanwhile, or find that its client has gone. Its disconnect handlers must not run before that of an event, or beside it: who notes
//! somebody in the one and forgets them in the other would never forget them. One that goes on when the leave has begun isn't waited for: it
//! finds its socket gone. A leave that a handler begins itself runs inside of it, as in Node. Any other waits for a while only: a handler may block
//! its thread for ever.
//!
//! The count and what shuts it are one word, so whoever comes second sees the first: a start finds it shut, or the leave finds a start, waits
//! in the inbox, and is taken from there by whoever ends the last of them.

use std::{cell::Cell, marker::PhantomData, sync::atomic::Ordering};

use crate::{
    room::Member as _,
    server::{
        Socket,
        departure::Nested,
        dispatch,
        leave::{Reach, Signs},
        socket::Status,
    },
    sync::{atomic::AtomicU16, thread_local},
};

/// How many starts of a socket's handlers are under way, and whether there may be more.
#[derive(Debug)]
pub(super) struct Starts(AtomicU16);

/// See [`Signs`], which these say.
const LOST: u16 = 1 << 15;
const KEPT: u16 = 1 << 14;
const SHUT: u16 = 1 << 13;
const DECIDED: u16 = 1 << 12;
const COUNT: u16 = DECIDED - 1;
/// More than threads can start at once, and too many for a leave to wait for.
const MAX: u16 = DECIDED / 2;

/// No socket has this serial.
const NONE: u64 = u64::MAX;

const NOTHING: Starting = Starting {
    serial: NONE,
    starts: 0,
};

thread_local! {
    /// What this thread starts.
    static STARTING: Cell<Starting> = const { Cell::new(NOTHING) };
}

thread_local! {
    /// The same of other sockets in the midst of which it does that, the innermost first: a handler of one emits to the next, whose listeners hear of that.
    /// Of more than so many, the outermost isn't known to be there: who sends it away waits for its handler.
    static OUTER: Cell<[Starting; Nested::LIMIT]> = const { Cell::new([NOTHING; Nested::LIMIT]) };
}

thread_local! {
    /// The sockets whose `disconnecting` handlers this thread starts, the innermost first.
    static LEAVING: Cell<Serials> = const { Cell::new([NONE; Nested::LIMIT]) };
}

/// This thread starts handlers of an event of the socket. It must not outlive a poll.
#[must_use]
pub(super) struct Start<'a> {
    socket: &'a Socket,
    is_counted: bool,
    here: Option<Here>,
}

/// A leave that has waited for the last start, taken as this is dropped.
struct Waited(Socket);

/// Handlers of an event of the socket will be started, wherever that is.
#[must_use]
pub(super) struct Mark(Socket);

/// The socket whose handlers a thread starts, and how many of its starts that are: one that goes on behind a middleware may have been marked, too.
#[derive(Clone, Copy)]
struct Starting {
    serial: u64,
    starts: u16,
}

/// What this thread starts is known to be this, until it is dropped.
#[must_use]
pub(super) struct Here {
    before: Starting,
    /// Whether that was of another socket.
    is_amidst: bool,
    _not_send: PhantomData<*const ()>,
}

/// This thread starts the `disconnecting` handlers of a socket, until it is dropped.
#[must_use]
pub(super) struct Leaves {
    before: Serials,
    _not_send: PhantomData<*const ()>,
}

type Serials = [u64; Nested::LIMIT];

impl Starts {
    pub(super) fn new() -> Self {
        Self(AtomicU16::new(0))
    }

    /// Under the inbox's lock, under which they came about.
    pub(super) fn show(&self, signs: Signs) {
        let reach = match signs.reach {
            Reach::Here => 0,
            Reach::Kept => KEPT,
            Reach::Lost => LOST,
        };
        let hears = if signs.hears { 0 } else { SHUT };
        let bits = reach | hears | if signs.is_decided { DECIDED } else { 0 };
        // In this order: none of those that stay is away meanwhile.
        self.0.fetch_or(bits, Ordering::AcqRel);
        self.0.fetch_and(bits | COUNT, Ordering::AcqRel);
    }

    /// Whether what is sent to it is lost.
    pub(super) fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed) & LOST != 0
    }

    /// Whether nothing reaches its client any more, though it has still to leave.
    pub(super) fn is_out_of_reach(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (LOST | KEPT | SHUT) != 0
    }

    /// Whether it leaves now.
    pub(super) fn is_decided(&self) -> bool {
        self.0.load(Ordering::Relaxed) & DECIDED != 0
    }

    fn is_shut(&self) -> bool {
        self.0.load(Ordering::Acquire) & SHUT != 0
    }

    /// One more; `false` if that are too many, and it is to be taken off again.
    fn add(&self) -> bool {
        self.0.fetch_add(1, Ordering::AcqRel) & COUNT < MAX
    }

    /// Whether that was the last, and the socket has begun to leave meanwhile.
    fn take_off(&self) -> bool {
        let before = self.0.fetch_sub(1, Ordering::AcqRel);
        before & SHUT != 0 && before & COUNT == 1
    }

    /// No more of them. Whether there are others than so many.
    fn shut(&self, own: u16) -> bool {
        self.0.fetch_or(SHUT, Ordering::AcqRel) & COUNT > own
    }
}

impl Socket {
    /// To start handlers of an event, or to go on with one; `None` if the socket is to hear none any more.
    pub(super) fn begin_start(&self) -> Option<Start<'_>> {
        let start = Start::of(self);
        // After it was counted.
        let stays = self.status() == Status::Connected && !self.starts().is_shut();
        stays.then_some(start)
    }

    /// To tell listeners of what is sent to it, inside of an emit; `None` if it leaves. It may be before it is connected.
    pub(super) fn begin_to_tell(&self) -> Option<Start<'_>> {
        let start = Start::of(self);
        // As above.
        let stays = matches!(self.status(), Status::Connecting | Status::Connected);
        (stays && !self.starts().is_shut()).then_some(start)
    }

    /// The socket begins to leave, and no handler of an event is started any more. Whether other threads do so just now; to be asked
    /// under the inbox's lock, under which the leave is put there then.
    pub(super) fn shut_starts(&self) -> bool {
        self.starts().shut(self.starts_here())
    }

    /// How many of its starts are this thread's.
    fn starts_here(&self) -> u16 {
        let here = STARTING.with(Cell::get);
        if here.serial == self.serial() || here.serial == NONE {
            return here.starts;
        }
        let outer = OUTER.with(Cell::get);
        let same = outer.iter().find(|outer| outer.serial == self.serial());
        same.map_or(0, |outer| outer.starts)
    }

    /// Whether this thread starts its `disconnecting` handlers.
    pub(super) fn leaves_here(&self) -> bool {
        LEAVING.with(Cell::get).contains(&self.serial())
    }

    /// `false` if there are too many, so that it isn't counted.
    fn count_start(&self) -> bool {
        let is_counted = self.starts().add();
        if !is_counted {
            self.end_start();
        }
        is_counted
    }

    /// Whoever has waited for the last leaves in a task of its own. This one may be that of a handler that goes on, for which disconnect handlers wait
    /// in place; or this is inside of an emit, whose caller holds a lock that they want.
    fn end_start(&self) {
        if self.starts().take_off() && !self.starts().is_decided() {
            let waited = Waited(self.clone());
            if let Some(runtime) = dispatch::runtime(self.io()) {
                runtime.spawn(async move { drop(waited) });
            }
        }
    }
}

impl<'a> Start<'a> {
    /// Also if the socket has left meanwhile: for what has begun before.
    pub(super) fn of(socket: &'a Socket) -> Self {
        let is_counted = socket.starts_here() == 0 && socket.count_start();
        Self {
            socket,
            is_counted,
            here: Some(Here::enter(socket, is_counted)),
        }
    }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        drop(self.here.take());
        if self.is_counted {
            self.socket.end_start();
        }
    }
}

impl Drop for Waited {
    fn drop(&mut self) {
        self.0.departs_behind_starts();
    }
}

impl Mark {
    pub(super) fn of(socket: &Socket) -> Option<Self> {
        socket.count_start().then(|| Self(socket.clone()))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.end_start();
    }
}

impl Leaves {
    pub(super) fn enter(socket: &Socket) -> Self {
        let before = LEAVING.with(Cell::get);
        let mut now = before;
        now.rotate_right(1);
        now[0] = socket.serial();
        LEAVING.with(|leaving| leaving.set(now));
        Self {
            before,
            _not_send: PhantomData,
        }
    }
}

impl Drop for Leaves {
    fn drop(&mut self) {
        LEAVING.with(|leaving| leaving.set(self.before));
    }
}

impl Here {
    /// What a [`Mark`] counts; `None` where there were too many.
    pub(super) fn at(mark: Option<&Mark>, socket: &Socket) -> Self {
        Self::enter(socket, mark.is_some())
    }

    fn enter(socket: &Socket, is_counted: bool) -> Self {
        let now = Starting {
            serial: socket.serial(),
            starts: socket.starts_here() + u16::from(is_counted),
        };
        let before = STARTING.with(|starting| starting.replace(now));
        let is_amidst = before.serial != NONE && before.serial != now.serial;
        if is_amidst {
            enter_midst(before);
        }
        Self {
            before,
            is_amidst,
            _not_send: PhantomData,
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        STARTING.with(|starting| starting.set(self.before));
        if self.is_amidst {
            leave_midst();
        }
    }
}

#[cold]
fn enter_midst(outer: Starting) {
    let mut all = OUTER.with(Cell::get);
    all.rotate_right(1);
    all[0] = outer;
    OUTER.with(|outer| outer.set(all));
}

#[cold]
fn leave_midst() {
    let mut all = OUTER.with(Cell::get);
    all[0] = NOTHING;
    all.rotate_left(1);
    OUTER.with(|outer| outer.set(all));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_starts_that_they_are_not_counted_shut_nothing() {
        let starts = Starts::new();
        assert!((0..MAX).all(|_| starts.add()));
        for _ in 0..4 * COUNT {
            assert!(!starts.add());
            assert!(!starts.take_off());
        }
        assert!(!starts.is_shut());
        assert!(starts.shut(0));
        assert_eq!((0..MAX).filter(|_| starts.take_off()).count(), 1);
    }
}
