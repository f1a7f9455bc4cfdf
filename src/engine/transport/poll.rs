//! The GET of a polling client: what the server has for it.

use std::task::{Context, Poll};

use crate::{
    Protocol,
    engine::{
        Connection, clock,
        http_compression::Coding,
        jsonp,
        outbox::{Control, Item, Queue},
        packet::Part,
        payload_v3::{self, ContentType},
        payload_v4,
        refusal::Refusal,
        refused,
        response::{self, Answer, Denial},
        session::{PollAnswer, PollStep},
    },
};

/// Packets in one answer: the Python clients drop larger payloads.
const MAX_PACKETS: usize = 16;

/// A GET that is held until there is something to say.
///
/// Dropped before it has its answer, it is the client giving the request up.
#[derive(Debug)]
pub(in crate::engine) struct HeldPoll {
    connection: Connection,
    answered: bool,
    /// How the answer may be compressed.
    coding: Option<Coding>,
}

impl HeldPoll {
    /// Lets the GET wait, or refuses it at once.
    pub(in crate::engine) fn new(connection: Connection, coding: Option<Coding>) -> Result<Self, Denial> {
        let step = connection.update(clock::now(), |core, _| core.session.handle_poll());
        match step {
            PollStep::Held => Ok(Self {
                connection,
                answered: false,
                coding,
            }),
            PollStep::Overlap => Err(Denial::OVERLAP),
            PollStep::Mismatch => Err(Refusal::TRANSPORT_MISMATCH.into()),
            PollStep::Unknown => Err(Refusal::SessionUnknown.into()),
        }
    }

    pub(in crate::engine) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let taken = self.connection.update(clock::now(), |core, effects| {
            let queued = !core.outbox.is_empty();
            let answer = core.session.handle_poll_answer(queued);
            if answer == PollAnswer::Wait {
                core.register_driver(cx);
                return None;
            }
            let payload = match answer {
                PollAnswer::Packets => core.outbox.take_payload(MAX_PACKETS),
                _ => Queue::new(),
            };
            if core.outbox.is_drained() {
                core.wake_drained(effects);
            }
            Some((answer, payload))
        });
        let Some((answer, mut payload)) = taken else {
            return Poll::Pending;
        };
        self.answered = true;
        payload.extend(controls(answer).iter().copied().map(Item::Control));
        Poll::Ready(self.encode(&payload))
    }

    fn encode(&self, payload: &Queue) -> Answer {
        let format = self.connection.polling_format();
        let parts: Vec<Part<'_>> = payload.iter().flat_map(parts).collect();
        let mut body = Vec::with_capacity(capacity(&parts));
        let content_type = match self.connection.protocol() {
            Protocol::V3 => payload_v3::encode(&parts, !format.b64, &mut body),
            Protocol::V4 => {
                payload_v4::encode(parts.into_iter(), &mut body);
                ContentType::Text
            }
        };
        if let Some(callback) = &format.jsonp {
            let text = String::from_utf8(body).expect("invariant: a JSONP session gets text only");
            body = jsonp::wrap(&text, callback).into_bytes();
        }
        self.respond(content_type.as_str(), body, payload)
    }

    fn respond(&self, content_type: &'static str, body: Vec<u8>, payload: &Queue) -> Answer {
        let options = self.connection.shared().config.http_compression.as_ref();
        let Some(options) = options
            .filter(|options| body.len() >= options.threshold && payload.iter().any(Item::is_compressible))
        else {
            return response::payload(content_type, body);
        };
        let coding = self.coding;
        match coding.and_then(|coding| options.compress(coding, &body)) {
            Some(compressed) => response::negotiated(content_type, compressed, coding),
            None => response::negotiated(content_type, body, None),
        }
    }
}

impl Drop for HeldPoll {
    fn drop(&mut self) {
        if !self.answered {
            if self.connection.is_open() {
                refused!(self.connection, "poll connection closed prematurely");
            }
            self.connection
                .update(clock::now(), |core, _| core.session.handle_poll_aborted());
        }
    }
}

/// What follows after the queued packets.
fn controls(answer: PollAnswer) -> &'static [Control] {
    match answer {
        PollAnswer::Wait | PollAnswer::Packets => &[],
        PollAnswer::Close => &[Control::Close],
        PollAnswer::Noop => &[Control::Noop],
        PollAnswer::NoopAndClose => &[Control::Noop, Control::Close],
    }
}

fn parts(item: &Item) -> impl Iterator<Item = Part<'_>> {
    let (text, attachments) = match item {
        Item::Packet(packet) => (packet.packet(), packet.attachments()),
        Item::Control(control) => (control.packet(), Default::default()),
        Item::Frame(_) => unreachable!("invariant: frames are made by the WebSocket driver for itself"),
    };
    let attachments = attachments
        .iter()
        .map(|attachment| Part::Binary(attachment.data()));
    std::iter::once(Part::Text(text)).chain(attachments)
}

fn capacity(parts: &[Part<'_>]) -> usize {
    let sizes = parts.iter().map(|part| match part {
        Part::Text(text) => text.len() + 4,
        Part::Binary(data) => data.len().div_ceil(3) * 4 + 8,
    });
    sizes.sum()
}
