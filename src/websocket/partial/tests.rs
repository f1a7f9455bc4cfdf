use super::*;
use crate::websocket::tests::client::{BINARY, CONTINUATION, FIN, TEXT, claim, frame};

const MAX: usize = 1 << 20;

fn rules(max_message_size: usize) -> Rules {
    Rules {
        max_message_size,
        deflate: None,
    }
}

impl Partial {
    fn buffered(&self) -> usize {
        match &self.message {
            None => 0,
            Some(Message::Text(text)) => text.capacity(),
            Some(Message::Binary(bytes) | Message::Compressed { bytes, .. }) => bytes.capacity(),
        }
    }
}

#[test]
fn a_claimed_length_allocates_nothing() {
    for op in [TEXT, BINARY] {
        let mut partial = Partial::default();
        partial
            .absorb(&mut claim(FIN | op, MAX as u64), rules(MAX))
            .unwrap();
        assert_eq!(partial.buffered(), 0);
        partial
            .absorb(&mut frame(op, [b'x'; 16])[6..], rules(MAX))
            .unwrap();
        assert!(partial.buffered() <= 32, "{}", partial.buffered());
    }
}

#[test]
fn endless_empty_fragments_cost_nothing() {
    for op in [TEXT, BINARY] {
        let mut partial = Partial::default();
        partial.absorb(&mut frame(op, ""), rules(MAX)).unwrap();
        for _ in 0..10_000 {
            partial.absorb(&mut frame(CONTINUATION, ""), rules(MAX)).unwrap();
        }
        assert_eq!(partial.buffered(), 0);
    }
}

/// Counts how often the buffer moves while a message arrives in pieces.
fn moves(partial: &mut Partial, pieces: impl IntoIterator<Item = Vec<u8>>) -> usize {
    let mut moves = 0;
    for mut piece in pieces {
        let before = partial.buffered();
        partial.absorb(&mut piece, rules(MAX)).unwrap();
        moves += usize::from(partial.buffered() > before);
        let len = partial.message.as_ref().map_or(0, Message::len);
        assert!(
            partial.buffered() <= 2 * len.max(8),
            "{} for {len} bytes",
            partial.buffered()
        );
    }
    moves
}

#[test]
fn a_buffer_grows_geometrically_however_small_the_pieces() {
    let mut partial = Partial::default();
    let single_bytes = std::iter::repeat_n(vec![0], 50_000);
    assert!(
        moves(
            &mut partial,
            [claim(FIN | BINARY, 60_000)].into_iter().chain(single_bytes)
        ) <= 17
    );
}

#[test]
fn a_buffer_grows_geometrically_however_small_the_fragments() {
    let mut partial = Partial::default();
    let fragments = std::iter::repeat_n(frame(CONTINUATION, "x"), 50_000);
    assert!(moves(&mut partial, [frame(TEXT, "")].into_iter().chain(fragments)) <= 17);
}

#[test]
fn a_buffer_stops_growing_where_the_last_frame_ends() {
    let mut partial = Partial::default();
    let payload = vec![0; 100_000];
    partial
        .absorb(&mut claim(FIN | BINARY, 100_000), rules(MAX))
        .unwrap();
    for piece in payload[1..].chunks(30_000) {
        partial.absorb(&mut piece.to_vec(), rules(MAX)).unwrap();
    }
    assert_eq!(partial.buffered(), 100_000);
}

#[test]
fn a_message_beyond_the_limit_is_refused_on_its_head() {
    let cases: [&[Vec<u8>]; 3] = [
        &[claim(FIN | BINARY, 101)],
        &[frame(TEXT, [b'x'; 60]), claim(CONTINUATION, 41)],
        &[
            frame(BINARY, [0; 100]),
            frame(CONTINUATION, ""),
            claim(FIN | CONTINUATION, u64::MAX >> 1),
        ],
    ];
    for frames in cases {
        let (last, before) = frames.split_last().unwrap();
        let mut partial = Partial::default();
        for frame in before {
            partial.absorb(&mut frame.clone(), rules(100)).unwrap();
        }
        assert_eq!(
            partial.absorb(&mut last.clone(), rules(100)),
            Err(ProtocolError::MessageTooBig)
        );
    }
}

#[test]
fn a_message_of_exactly_the_limit_is_accepted() {
    let mut partial = Partial::default();
    partial.absorb(&mut frame(BINARY, [0; 60]), rules(100)).unwrap();
    partial
        .absorb(&mut frame(FIN | CONTINUATION, [1; 40]), rules(100))
        .unwrap();
    assert!(matches!(partial.lend(), Ok(Some(Event::Binary(bytes))) if bytes.len() == 100));
}
