//! Streams for property tests: legal ones with what they say, broken ones, and ways to cut them.

use proptest::{collection::vec, prelude::*};

use super::client::{BINARY, CLOSE, CONTINUATION, FIN, LengthFormat, PING, PONG, TEXT, frame_with};

/// A legal stream and what it says.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) bytes: Vec<u8>,
    pub(super) said: Vec<(u8, Vec<u8>)>,
}

/// A message or control frame. A message has the places it is fragmented at, and what comes between fragments.
#[derive(Clone, Debug)]
struct Message {
    op: u8,
    payload: Vec<u8>,
    cuts: Vec<prop::sample::Index>,
    between: Vec<(u8, Vec<u8>)>,
    mask: [u8; 4],
    format: LengthFormat,
}

/// One wound to a stream.
#[derive(Clone, Debug)]
pub(super) enum Mutation {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Truncate(prop::sample::Index),
}

pub(super) fn streams() -> impl Strategy<Value = Stream> {
    (vec(messages(), 0..8), prop::option::of(closes())).prop_map(|(messages, close)| {
        let mut stream = Stream::default();
        for message in messages.iter().chain(&close) {
            message.write(&mut stream);
        }
        stream
    })
}

/// Sizes of pieces, to be repeated until the stream ends.
pub(super) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![3 => 1..8_usize, 2 => 8..80_usize, 1 => 80..2000_usize];
    vec(size, 1..40)
}

pub(super) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let mutation = prop_oneof![
        3 => any::<(prop::sample::Index, u8)>().prop_map(|(at, byte)| Mutation::Set(at, byte)),
        3 => (any::<prop::sample::Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, 1 << bit)),
        1 => (any::<prop::sample::Index>(), vec(any::<u8>(), 1..6)).prop_map(|(at, new)| Mutation::Insert(at, new)),
        1 => (any::<prop::sample::Index>(), 1..6_usize).prop_map(|(at, len)| Mutation::Remove(at, len)),
        1 => any::<prop::sample::Index>().prop_map(Mutation::Truncate),
    ];
    vec(mutation, 0..4)
}

/// The pieces of a stream.
pub(super) fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    for size in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(*size));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

impl Mutation {
    pub(super) fn apply(&self, stream: &mut Vec<u8>) {
        if stream.is_empty() {
            return;
        }
        let len = stream.len();
        match self {
            Self::Set(at, byte) => stream[at.index(len)] = *byte,
            Self::Flip(at, bit) => stream[at.index(len)] ^= bit,
            Self::Insert(at, bytes) => {
                drop(stream.splice(at.index(len)..at.index(len), bytes.iter().copied()))
            }
            Self::Remove(at, count) => drop(stream.drain(at.index(len)..len.min(at.index(len) + count))),
            Self::Truncate(at) => stream.truncate(at.index(len)),
        }
    }
}

impl Message {
    fn write(&self, stream: &mut Stream) {
        let mut starts: Vec<usize> = self
            .cuts
            .iter()
            .map(|cut| cut.index(self.payload.len() + 1))
            .collect();
        starts.sort_unstable();
        starts.insert(0, 0);
        let ends = starts[1..].iter().copied().chain([self.payload.len()]);
        for (i, (start, end)) in starts.iter().zip(ends).enumerate() {
            let op = if i == 0 { self.op } else { CONTINUATION };
            let fin = if i + 1 == starts.len() { FIN } else { 0 };
            stream.bytes.extend(frame_with(
                fin | op,
                &self.payload[*start..end],
                self.mask,
                self.format,
            ));
            if let Some((op, payload)) = self.between.get(i).filter(|_| fin == 0) {
                stream
                    .bytes
                    .extend(frame_with(FIN | op, payload, self.mask, LengthFormat::Least));
                stream.said.push((*op, payload.clone()));
            }
        }
        stream.said.push((self.op, self.payload.clone()));
    }
}

fn messages() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => (Just(TEXT), texts(), vec(any::<prop::sample::Index>(), 0..4)),
        4 => (Just(BINARY), lengths().prop_flat_map(|len| vec(any::<u8>(), len)), vec(any::<prop::sample::Index>(), 0..4)),
        1 => controls().prop_map(|(op, payload)| (op, payload, Vec::new())),
    ]
    .prop_flat_map(|(op, payload, cuts)| {
        let control = op & 8 != 0;
        (
            Just((op, payload, cuts)),
            vec(controls(), 0..3),
            any::<[u8; 4]>(),
            formats(control),
        )
    })
    .prop_map(|((op, payload, cuts), between, mask, format)| Message {
        op,
        payload,
        cuts,
        between,
        mask,
        format,
    })
}

fn closes() -> impl Strategy<Value = Message> {
    let reason = vec(any::<char>(), 0..30).prop_map(String::from_iter);
    let payload = prop_oneof![
        Just(Vec::new()),
        (3000..5000_u16, reason).prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat()),
    ];
    (payload, any::<[u8; 4]>()).prop_map(|(payload, mask)| Message {
        op: CLOSE,
        payload,
        cuts: Vec::new(),
        between: Vec::new(),
        mask,
        format: LengthFormat::Least,
    })
}

fn controls() -> impl Strategy<Value = (u8, Vec<u8>)> {
    (prop_oneof![Just(PING), Just(PONG)], vec(any::<u8>(), 0..=125))
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let ascii = lengths().prop_flat_map(|len| vec(b' '..0x7f, len));
    let any_text = vec(any::<char>(), 0..60).prop_map(|text| String::from_iter(text).into_bytes());
    prop_oneof![ascii, any_text]
}

/// Lengths around the borders of the formats.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..40_usize, 2 => 120..132_usize, 1 => 1000..3000_usize]
}

fn formats(control: bool) -> impl Strategy<Value = LengthFormat> {
    let weight = u32::from(!control);
    prop_oneof![
        8 => Just(LengthFormat::Least),
        weight => Just(LengthFormat::Two),
        weight => Just(LengthFormat::Eight),
    ]
}
