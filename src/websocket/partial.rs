//! What has arrived of a frame or a message that isn't complete.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, mem};

use super::{
    deflate::{Inflater, inflate},
    error::ProtocolError,
    frame::OpCode,
    header::{MAX_RECEIVED_HEAD, Parsed, ReceivedHead},
    mask::{self, unmask},
    message::Event,
    negotiation::Agreement,
    utf8::Utf8Text,
};

/// Exists while something is incomplete, and until the next call for what was lent from it; for good where messages refer to those
/// before.
#[derive(Debug, Default)]
pub(super) struct Partial {
    reading: Reading,
    /// The message under way; control frames may come between its fragments (RFC 6455 §5.4).
    message: Option<Message>,
    /// The payload of the control frame under way: at most 125 bytes.
    control: Vec<u8>,
    /// What the last call completed, kept while it is lent.
    completed: Option<Completed>,
    /// Has the messages that the next one may refer to.
    context: Option<Inflater>,
}

/// What there is to keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The most bytes a message may have.
    pub(super) max_message_size: usize,
    pub(super) deflate: Option<Agreement>,
}

/// ```text
///   Head ───── head complete ────► Payload
///     ▲                               │
///     └────── payload complete ───────┘
/// ```
#[derive(Debug)]
enum Reading {
    Head(CutHead),
    Payload(Incoming),
}

/// A head of which some bytes may have arrived.
#[derive(Debug, Default)]
struct CutHead {
    bytes: [u8; MAX_RECEIVED_HEAD],
    len: usize,
}

/// A frame whose payload is arriving.
#[derive(Debug)]
struct Incoming {
    fin: bool,
    op: OpCode,
    /// The mask, turned so that it starts with the byte for the next one of the payload.
    mask: [u8; 4],
    remaining: usize,
}

#[derive(Debug)]
enum Message {
    Text(Utf8Text),
    Binary(Vec<u8>),
    /// It is inflated when it is complete.
    Compressed {
        text: bool,
        bytes: Vec<u8>,
    },
}

#[derive(Debug)]
enum Completed {
    Text(String),
    Binary(Vec<u8>),
    Control(OpCode),
}

impl Partial {
    /// Whether nothing is incomplete.
    pub(super) fn is_between_messages(&self) -> bool {
        self.message.is_none() && matches!(self.reading, Reading::Head(CutHead { len: 0, .. }))
    }

    /// Whether it isn't needed any more.
    pub(super) fn is_idle(&self) -> bool {
        self.context.is_none() && self.is_between_messages()
    }

    /// Whether the last call completed a close frame, legal or not.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.completed, Some(Completed::Control(OpCode::Close)))
    }

    /// Frees what was lent.
    pub(super) fn release(&mut self) {
        self.completed = None;
    }

    /// Takes bytes up to the end of the first message or control frame that they complete, and says how many.
    pub(super) fn absorb(&mut self, input: &mut [u8], rules: Rules) -> Result<usize, ProtocolError> {
        let mut consumed = 0;
        while self.completed.is_none() {
            match self.advance(&mut input[consumed..], rules)? {
                Some(taken) => consumed += taken,
                None => return Ok(input.len()),
            }
        }
        Ok(consumed)
    }

    /// Lends what the last call completed; an assembled binary message is given away.
    pub(super) fn lend(&mut self) -> Result<Option<Event<'_>>, ProtocolError> {
        Ok(Some(match &mut self.completed {
            None => return Ok(None),
            Some(Completed::Text(text)) => Event::Text(text),
            Some(Completed::Binary(bytes)) => Event::Binary(Cow::Owned(mem::take(bytes))),
            Some(Completed::Control(op)) => Event::new(*op, &self.control)?,
        }))
    }

    /// One step; `None` if the input was used up before it was done.
    fn advance(&mut self, input: &mut [u8], rules: Rules) -> Result<Option<usize>, ProtocolError> {
        match &mut self.reading {
            Reading::Head(head) => {
                let Some((taken, head)) = head.take(input, rules.deflate.is_some())? else {
                    return Ok(None);
                };
                self.begin(&head, rules.max_message_size)?;
                Ok(Some(taken))
            }
            Reading::Payload(frame) if frame.remaining == 0 => {
                let (op, fin) = (frame.op, frame.fin);
                self.reading = Reading::default();
                self.complete(op, fin, rules)?;
                Ok(Some(0))
            }
            Reading::Payload(_) if input.is_empty() => Ok(None),
            Reading::Payload(frame) => {
                let piece = frame.take(input);
                if frame.op.is_control() {
                    self.control.extend_from_slice(piece);
                } else if let Some(message) = &mut self.message {
                    message.push(piece, frame)?;
                }
                Ok(Some(piece.len()))
            }
        }
    }

    /// Opens a frame, unless it may not come now or makes the message too big. Nothing is allocated yet.
    fn begin(&mut self, head: &ReceivedHead, max: usize) -> Result<(), ProtocolError> {
        if head.op.is_control() {
            self.control.clear();
        } else {
            let message = Message::open(self.message.take(), head)?;
            if head.payload_len > max.saturating_sub(message.len()) as u64 {
                return Err(ProtocolError::MessageTooBig);
            }
            self.message = Some(message);
        }
        self.reading = Reading::Payload(Incoming::new(head));
        Ok(())
    }

    fn complete(&mut self, op: OpCode, fin: bool, rules: Rules) -> Result<(), ProtocolError> {
        if op.is_control() {
            self.completed = Some(Completed::Control(op));
        } else if fin && let Some(message) = self.message.take() {
            self.completed = Some(match message {
                Message::Text(text) => Completed::Text(text.finish()?),
                Message::Binary(bytes) => Completed::Binary(bytes),
                Message::Compressed { text, bytes } => self.inflate(text, &bytes, rules)?,
            });
        }
        Ok(())
    }

    fn inflate(&mut self, text: bool, compressed: &[u8], rules: Rules) -> Result<Completed, ProtocolError> {
        let takeover = rules
            .deflate
            .is_some_and(|agreement| agreement.client_context_takeover);
        let bytes = if takeover {
            let context = self.context.get_or_insert_with(Inflater::new);
            context.inflate(compressed, rules.max_message_size)?
        } else {
            inflate(compressed, rules.max_message_size)?
        };
        if !text {
            return Ok(Completed::Binary(bytes));
        }
        let text = String::from_utf8(bytes).map_err(|_| ProtocolError::InvalidUtf8)?;
        Ok(Completed::Text(text))
    }
}

impl Default for Reading {
    fn default() -> Self {
        Self::Head(CutHead::default())
    }
}

impl CutHead {
    /// Takes what the head lacks; `None` if the input ends before it does.
    fn take(&mut self, input: &[u8], deflate: bool) -> Result<Option<(usize, ReceivedHead)>, ProtocolError> {
        let mut taken = 0;
        loop {
            match ReceivedHead::parse(&self.bytes[..self.len], deflate)? {
                Parsed::Whole(head, _) => return Ok(Some((taken, head))),
                Parsed::Needs(_) if taken == input.len() => return Ok(None),
                Parsed::Needs(total) => taken += self.fill(total, &input[taken..]),
            }
        }
    }

    fn fill(&mut self, total: usize, input: &[u8]) -> usize {
        let taken = input.len().min(total - self.len);
        self.bytes[self.len..][..taken].copy_from_slice(&input[..taken]);
        self.len += taken;
        taken
    }
}

impl Incoming {
    fn new(head: &ReceivedHead) -> Self {
        let remaining = usize::try_from(head.payload_len).expect("invariant: the length is within the limit");
        Self {
            fin: head.fin,
            op: head.op,
            mask: head.mask,
            remaining,
        }
    }

    /// Unmasks what there is of the payload.
    fn take<'a>(&mut self, input: &'a mut [u8]) -> &'a [u8] {
        let taken = input.len().min(self.remaining);
        let piece = &mut input[..taken];
        unmask(piece, self.mask);
        self.mask = mask::advance(self.mask, taken);
        self.remaining -= taken;
        piece
    }
}

impl Message {
    /// The message that a data frame with this opcode goes on with, or starts (RFC 6455 §5.4).
    fn open(open: Option<Self>, head: &ReceivedHead) -> Result<Self, ProtocolError> {
        match (open, head.op) {
            (Some(message), OpCode::Continuation) => Ok(message),
            (Some(_), _) => Err(ProtocolError::ExpectedContinuation),
            (None, op @ (OpCode::Text | OpCode::Binary)) if head.compressed => Ok(Self::Compressed {
                text: op == OpCode::Text,
                bytes: Vec::new(),
            }),
            (None, OpCode::Text) => Ok(Self::Text(Utf8Text::default())),
            (None, OpCode::Binary) => Ok(Self::Binary(Vec::new())),
            (None, _) => Err(ProtocolError::UnexpectedContinuation),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Compressed { bytes, .. } => bytes.len(),
        }
    }

    fn push(&mut self, piece: &[u8], frame: &Incoming) -> Result<(), ProtocolError> {
        match self {
            Self::Text(text) => {
                text.reserve_exact(growth(text.len(), text.capacity(), piece.len(), frame));
                text.push(piece)
            }
            Self::Binary(bytes) | Self::Compressed { bytes, .. } => {
                bytes.reserve_exact(growth(bytes.len(), bytes.capacity(), piece.len(), frame));
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }
}

/// How much room to make for a piece that has arrived.
///
/// The buffer doubles, so that what is copied stays linear in what arrives. It never follows the length a header
/// claims, except to stop there: the last frame of a message tells where doubling would be waste.
fn growth(len: usize, capacity: usize, arrived: usize, frame: &Incoming) -> usize {
    if arrived <= capacity.saturating_sub(len) {
        return 0;
    }
    let doubled = arrived.max(capacity);
    if frame.fin {
        doubled.min(arrived + frame.remaining)
    } else {
        doubled
    }
}
