//! What must hold for any stream of compressed messages.

use super::{
    Agreement, DecoderConfig, Deflater, Effort, Terms, deflate, extensions::ExtensionOffer, negotiate,
    transcript::Transcript,
};

/// Small, so that inputs that exceed it are found.
const MAX: usize = 2000;

const EFFORT: Effort = Effort {
    level: 6,
    window_bits: 9,
};

type Said = Vec<(u8, Vec<u8>)>;

/// Reads the input as what a client sends: whether messages refer to those before and the number of piece sizes in one byte, the
/// sizes, and frames, each of which is its first byte, the length of the payload in one byte, and the payload.
pub(crate) fn check(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else {
        return;
    };
    let agreement = agreement(first & 0x80 != 0);
    let (sizes, frames) = rest.split_at(rest.len().min(usize::from(first % 16)));
    let stream = stream(frames);
    let whole = read(&[&stream], agreement);
    assert_eq!(
        read(&pieces(&stream, sizes), agreement),
        whole,
        "cut by {sizes:?}"
    );
    assert_eq!(
        read(&stream.chunks(1).collect::<Vec<_>>(), agreement),
        whole,
        "byte for byte"
    );
    for (op, payload) in &whole.said {
        assert!(payload.len() <= MAX, "{} bytes of {op}", payload.len());
    }
    assert_eq!(
        read(&[&rewritten(&whole.said, agreement)], agreement).said,
        whole.said
    );
}

fn agreement(client_context_takeover: bool) -> Agreement {
    let terms = Terms {
        server_max_window_bits: 15,
        client_max_window_bits: 15,
        server_context_takeover: false,
        client_context_takeover,
    };
    negotiate(&[ExtensionOffer::default()], terms).expect("a plain offer is accepted")
}

fn read(pieces: &[&[u8]], agreement: Agreement) -> Transcript {
    let config = DecoderConfig {
        max_message_size: MAX,
        deflate: Some(agreement),
    };
    Transcript::with(pieces.iter().copied(), config)
}

/// The frames, masked with zeros.
fn stream(mut input: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    while let [first, len, rest @ ..] = input {
        let (payload, after) = rest.split_at(rest.len().min(usize::from(*len)));
        push_frame(&mut stream, *first, payload);
        input = after;
    }
    stream
}

fn push_frame(stream: &mut Vec<u8>, first: u8, payload: &[u8]) {
    stream.push(first);
    match u8::try_from(payload.len()) {
        Ok(len @ 0..=125) => stream.push(0x80 | len),
        _ => {
            let len = u16::try_from(payload.len()).expect("a payload is short");
            stream.push(0x80 | 126);
            stream.extend(len.to_be_bytes());
        }
    }
    stream.extend([0; 4]);
    stream.extend_from_slice(payload);
}

/// The same messages, compressed as the server does it.
fn rewritten(said: &Said, agreement: Agreement) -> Vec<u8> {
    let mut context = agreement.client_context_takeover.then(|| Deflater::new(EFFORT));
    let mut stream = Vec::new();
    for (op, payload) in said {
        let compressed = match &mut context {
            _ if op & 8 != 0 || payload.is_empty() => None,
            Some(context) => Some(context.deflate(&[payload])),
            None => Some(deflate(&[payload], EFFORT)),
        };
        match compressed {
            Some(compressed) if compressed.len() <= MAX => {
                push_frame(&mut stream, 0xc0 | op, &compressed);
            }
            // What grows may exceed the limit, and then it can't be referred to.
            grown => {
                if grown.is_some() && context.is_some() {
                    context = Some(Deflater::new(EFFORT));
                }
                push_frame(&mut stream, 0x80 | op, payload);
            }
        }
    }
    stream
}

/// The stream cut into pieces of these sizes; no sizes, no cuts.
fn pieces<'a>(stream: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    if sizes.is_empty() {
        return vec![stream];
    }
    let (mut pieces, mut rest) = (Vec::new(), stream);
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(usize::from(*size) + 1));
        pieces.push(piece);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    pieces
}
