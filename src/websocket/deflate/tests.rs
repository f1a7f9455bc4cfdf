use proptest::{collection::vec, prelude::*};

use super::*;

const DEFAULT: Effort = Effort {
    level: 6,
    window_bits: 15,
};

fn efforts() -> impl Iterator<Item = Effort> {
    (9..=15).flat_map(|window_bits| [0, 1, 6, 9].map(|level| Effort { level, window_bits }))
}

/// Bytes that compress a bit, as long as you like.
fn prose(len: usize) -> Vec<u8> {
    (0..len).map(|i| b"abcdefgh"[(i * i / 7 + i / 300) % 8]).collect()
}

#[test]
fn the_examples_of_the_rfc_inflate() {
    // RFC 7692 §7.2.3.1, .3 (no compression), .4 (a final block), .5 (two blocks)
    for compressed in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ] {
        assert_eq!(
            inflate(compressed, 5).as_deref(),
            Ok(&b"Hello"[..]),
            "{compressed:x?}"
        );
    }
    assert_eq!(
        deflate(&[b"Hello"], DEFAULT),
        [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
    );
}

#[test]
fn every_level_and_window_comes_back_at_every_length_about_a_step() {
    for effort in efforts() {
        for len in [0, 1, 63, 64, 65, 4095, 4096, 4097, 8192, 65_535, 65_536, 200_000] {
            let payload = prose(len);
            let compressed = deflate(&[&payload], effort);
            assert_eq!(inflate(&compressed, len), Ok(payload), "{effort:?} {len}");
        }
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bomb = deflate(&[&vec![0; 64 << 20]], DEFAULT);
    assert!(bomb.len() < 100_000);
    let mut output = Vec::new();
    let mut state = Decompress::new(false);
    let result = decompress(&mut state, &bomb, 10_000, &mut output);
    assert_eq!(result, Err(ProtocolError::MessageTooBig));
    assert_eq!((output.len(), output.capacity()), (10_001, 10_001));
    assert_eq!(inflate(&bomb, 10_000), Err(ProtocolError::MessageTooBig));
    assert_eq!(inflate(&deflate(&[b"after"], DEFAULT), 10_000).unwrap(), b"after");
}

#[test]
fn the_limit_is_exact() {
    for len in [1, 4095, 4096, 4097, 100_000] {
        let compressed = deflate(&[&prose(len)], DEFAULT);
        assert_eq!(inflate(&compressed, len).unwrap().len(), len);
        assert_eq!(
            inflate(&compressed, len - 1),
            Err(ProtocolError::MessageTooBig),
            "{len}"
        );
    }
}

#[test]
fn garbage_is_refused_and_leaves_nothing_behind() {
    // a reserved block type; a stored block whose lengths contradict each other; a distance before the start
    for garbage in [
        &[0xff, 0xff][..],
        &[0x00, 0x05, 0x00, 0x05, 0x00],
        &[0x02, 0x7e, 0x7f],
    ] {
        assert_eq!(
            inflate(garbage, 1000),
            Err(ProtocolError::InvalidDeflate),
            "{garbage:x?}"
        );
        assert_eq!(inflate(&deflate(&[b"after"], DEFAULT), 5).unwrap(), b"after");
    }
}

proptest! {
    #[test]
    fn whatever_is_deflated_inflates_to_itself(
        parts in vec(vec(prop_oneof![Just(0_u8), any::<u8>()], 0..3000), 0..4),
        level in 0_u8..=9,
        window_bits in 9_u8..=15,
    ) {
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let compressed = deflate(&slices, Effort { level, window_bits });
        prop_assert_eq!(inflate(&compressed, 12_000).unwrap(), parts.concat());
    }

    #[test]
    fn any_bytes_inflate_within_the_limit_or_are_refused(bytes in vec(any::<u8>(), 0..2000), max in 1_usize..50_000) {
        if let Ok(payload) = inflate(&bytes, max) {
            prop_assert!(payload.len() <= max && payload.capacity() <= max + 1);
        }
        prop_assert_eq!(inflate(&deflate(&[b"after"], DEFAULT), 5).unwrap(), b"after");
    }
}
