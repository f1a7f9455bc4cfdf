//! Packets that are compressed before they are written, without keeping other connections from their turn.

#[cfg(feature = "deflate")]
#[cfg(test)]
mod tests;

use std::task::{Context, Poll, ready};

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    Protocol,
    engine::{
        deflate::{Deflate, Frames, Pressing, Slot},
        outbox::{Item, Queue},
        outgoing::Outgoing,
        transport::press::{TURN, press},
        turn,
    },
    websocket::Deflater,
};

/// What a writer has while something waits to be compressed, and for good where messages refer to those before.
pub(super) struct Compressor {
    deflate: Deflate,
    /// What the next message may refer to. A job has it while there is one.
    context: Option<Deflater>,
    /// The next one is the last.
    waiting: Queue,
    /// The frames of the next one are made elsewhere.
    job: Option<Job>,
    /// The turn is over; others have to have theirs first.
    rests: bool,
}

type Job = BoxFuture<'static, Done>;

/// How far a packet is.
enum Step {
    Made(Frames),
    Job(Job),
}

/// What a job leaves.
#[derive(Default)]
struct Done {
    frames: Frames,
    context: Option<Deflater>,
}

impl Compressor {
    pub(super) fn new(deflate: Deflate) -> Self {
        Self {
            deflate,
            context: None,
            waiting: Queue::new(),
            job: None,
            rests: false,
        }
    }

    /// Has these items, the last one first, compressed in their order.
    pub(super) fn start(&mut self, items: Queue) {
        self.waiting = items;
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing would be lost with it.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.context.is_none()
    }

    /// Forgets what waits. The context goes with it if a job has it: what was to be sent never is.
    pub(super) fn clear(&mut self) {
        self.waiting = Queue::new();
        self.job = None;
    }

    /// Appends what is ready to be written, as much as there is a turn for. `false` if nothing waits any more.
    pub(super) fn poll_ready(
        &mut self,
        protocol: Protocol,
        ready: &mut Queue,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        if std::mem::take(&mut self.rests) {
            turn::end(cx);
            return Poll::Pending;
        }
        let mut left = TURN;
        while !self.waiting.is_empty() {
            match self.poll_next(protocol, &mut left, cx) {
                Poll::Ready(Some(item)) => ready.push(item),
                Poll::Ready(None) => {
                    self.rests = true;
                    break;
                }
                Poll::Pending if ready.is_empty() => return Poll::Pending,
                // It is asked for again when these are written.
                Poll::Pending => break,
            }
        }
        Poll::Ready(!ready.is_empty() || self.rests)
    }

    /// The next item as it is to be written; `None` if `left` bytes of this turn are too few for it.
    fn poll_next(
        &mut self,
        protocol: Protocol,
        left: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item>> {
        let mut frames = None;
        if self.job.is_none()
            && let Some(Item::Packet(packet)) = self.waiting.last()
        {
            let bytes = packet.compressible(protocol, self.deflate.threshold);
            if *left < bytes && bytes <= TURN {
                return Poll::Ready(None);
            }
            if bytes > 0 {
                match self.begin(packet.clone(), bytes, protocol, left) {
                    Step::Made(made) => frames = made,
                    Step::Job(job) => self.job = Some(job),
                }
            }
        }
        if let Some(job) = &mut self.job {
            let done = ready!(job.as_mut().poll(cx));
            self.job = None;
            (frames, self.context) = (done.frames, done.context);
        }
        let item = self.waiting.pop();
        Poll::Ready(item.map(|item| frames.map_or(item, Item::Frame)))
    }

    /// Compresses a packet, or has that done.
    fn begin(&mut self, packet: Outgoing, bytes: usize, protocol: Protocol, left: &mut usize) -> Step {
        if self.deflate.context_takeover {
            return self.begin_in_context(packet, bytes, protocol, left);
        }
        let deflate = self.deflate;
        let key = (deflate.effort, protocol);
        let make = {
            let packet = packet.clone();
            move || {
                if bytes > TURN {
                    return Slot::Pressing(pressing(packet, bytes, protocol, deflate));
                }
                *left -= bytes;
                Slot::Made(packet.deflated(protocol, deflate))
            }
        };
        let slot = match packet.shared_frames() {
            Some(shared) => shared.get_or_make(key, make),
            None => make(),
        };
        match slot {
            Slot::Made(frames) => Step::Made(frames),
            Slot::Pressing(pressing) => Step::Job(
                pressing
                    .map(|frames| Done {
                        frames,
                        context: None,
                    })
                    .boxed(),
            ),
        }
    }

    fn begin_in_context(
        &mut self,
        packet: Outgoing,
        bytes: usize,
        protocol: Protocol,
        left: &mut usize,
    ) -> Step {
        let Deflate {
            threshold, effort, ..
        } = self.deflate;
        let mut context = self.context.take().unwrap_or_else(|| Deflater::new(effort));
        if bytes <= TURN {
            *left -= bytes;
            let frames = packet.deflated_in(&mut context, protocol, threshold);
            self.context = Some(context);
            return Step::Made(frames);
        }
        let pressed = press(bytes, move || Done {
            frames: packet.deflated_in(&mut context, protocol, threshold),
            context: Some(context),
        });
        // If it was lost, then with it what it would have sent: the next one may begin anew, and this one goes as it is.
        Step::Job(pressed.map(Option::unwrap_or_default).boxed())
    }
}

/// Has a packet compressed elsewhere, for as long as anyone waits for it.
fn pressing(packet: Outgoing, bytes: usize, protocol: Protocol, deflate: Deflate) -> Pressing {
    let pressed = press(bytes, {
        let packet = packet.clone();
        move || packet.deflated(protocol, deflate)
    });
    let kept = pressed.map(move |frames| {
        let frames = frames.flatten();
        if let Some(shared) = packet.shared_frames() {
            shared.keep((deflate.effort, protocol), frames.clone());
        }
        frames
    });
    kept.boxed().shared()
}
