//! A WebSocket that isn't the transport yet.

use std::task::{Context, Poll, ready};

use super::{
    super::{
        inbox::{ProbeInbox, ProbeWord},
        io::Stream,
        reader::Read,
    },
    Driver, End, Next, READS, Stage, Trial,
};
use crate::engine::{
    Event, Transport, clock,
    outbox::{Control, Item},
    refused,
    session::{ProbeId, UpgradeStep},
    turn,
};

impl<S: Stream> Driver<S> {
    pub(super) fn poll_trial(&mut self, trial: Trial, cx: &mut Context<'_>) -> Poll<Next> {
        match trial.id {
            None => Poll::Ready(Next::End(End::Close(None))),
            Some(id) if trial.switching => self.poll_switch(id, trial.b64, cx),
            Some(id) => self.poll_probe(id, trial, cx),
        }
    }

    fn poll_probe(&mut self, id: ProbeId, trial: Trial, cx: &mut Context<'_>) -> Poll<Next> {
        if !self.is_probing(id, cx) {
            return Poll::Ready(Next::End(End::Close(None)));
        }
        let protocol = self.connection.protocol();
        for _ in 0..READS {
            let Some(stream) = &mut self.stream else {
                return Poll::Pending;
            };
            if let Poll::Ready(Err(_)) = self.writer.poll_flush(stream, protocol, cx) {
                return Poll::Ready(Next::End(End::Silent));
            }
            if self.push_pong() {
                continue;
            }
            let Some(stream) = &mut self.stream else {
                return Poll::Pending;
            };
            let mut inbox = ProbeInbox::new(protocol);
            let read = ready!(self.reader.poll_read(stream, &mut inbox, cx));
            let end = match (read, inbox.said) {
                (Read::Stopped, Some(ProbeWord::Probe)) => {
                    self.handle_probe(id);
                    continue;
                }
                (Read::Stopped, Some(ProbeWord::Upgrade)) => {
                    return Poll::Ready(Next::Stage(Stage::Trial(Trial {
                        switching: true,
                        ..trial
                    })));
                }
                (Read::Stopped, Some(ProbeWord::Closed(code))) => End::Reply(code),
                (Read::Taken | Read::Stopped | Read::Blocked, None) => continue,
                (Read::Invalid(error), _) => {
                    refused!(self.connection, "{error}");
                    End::Close(Some(error.code()))
                }
                (Read::End, _) => End::Silent,
                (Read::Taken | Read::Stopped | Read::Blocked, Some(_)) => {
                    refused!(self.connection, "a WebSocket that probes said something else");
                    End::Close(None)
                }
            };
            return Poll::Ready(Next::End(end));
        }
        turn::end(cx);
        Poll::Pending
    }

    /// The WebSocket works: the GET that is held, and every one after it, is released.
    fn handle_probe(&mut self, id: ProbeId) {
        // One answer is enough for a client that asks again before it has read it.
        if self.writer.is_empty() {
            self.writer.push(Item::Control(Control::ProbePong));
        }
        self.connection.update(clock::now(), |core, effects| {
            core.session.handle_probed(id);
            core.wake_driver(effects);
        });
    }

    fn is_probing(&self, id: ProbeId, cx: &Context<'_>) -> bool {
        let mut core = self.connection.lock();
        let displaced = core.register_probe(cx);
        let probing = core.session.is_probing(id);
        drop(core);
        drop(displaced);
        probing
    }

    fn poll_switch(&mut self, id: ProbeId, b64: bool, cx: &mut Context<'_>) -> Poll<Next> {
        let now = clock::now();
        let (step, receiver) = self.connection.update(now, |core, effects| {
            let step = core.session.handle_upgrade(id, now);
            match step {
                UpgradeStep::Wait => effects.displaced = core.register_probe(cx),
                UpgradeStep::Upgraded => {
                    core.dispatching = true;
                    core.b64 = b64;
                    core.wake_driver(effects);
                    core.tell(&Event::Upgrade(Transport::WebSocket), effects);
                }
                UpgradeStep::Gone => {}
            }
            (step, core.receiver.clone())
        });
        if step == UpgradeStep::Upgraded {
            let instruments = &self.connection.shared().instruments;
            instruments.upgraded(self.connection.protocol());
        }
        match (step, receiver) {
            (UpgradeStep::Wait, _) => Poll::Pending,
            (UpgradeStep::Upgraded, Some(receiver)) => Poll::Ready(Next::Stage(Stage::Open(receiver))),
            (UpgradeStep::Upgraded, None) | (UpgradeStep::Gone, _) => {
                Poll::Ready(Next::End(End::Close(None)))
            }
        }
    }
}
