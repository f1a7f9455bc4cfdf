//! Taking off the mask of a client's payload (RFC 6455 §5.3).

/// Unmasks a payload in place, of which `mask` is the next four bytes of the key.
///
/// Eight bytes at a time, in a loop that the compiler turns into vector instructions.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let key = u64::from(u32::from_ne_bytes(mask));
    let key = key << 32 | key;
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// The mask for what follows after `taken` bytes of the payload.
pub(super) fn advance(mut mask: [u8; 4], taken: usize) -> [u8; 4] {
    mask.rotate_left(taken % 4);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// RFC 6455 §5.3 to the letter.
    fn by_the_letter(payload: &[u8]) -> Vec<u8> {
        payload
            .iter()
            .enumerate()
            .map(|(i, byte)| byte ^ MASK[i % 4])
            .collect()
    }

    #[test]
    fn whole_words_and_the_rest_are_unmasked_alike() {
        let payload: Vec<u8> = (0..=255).collect();
        for len in 0..payload.len() {
            let mut unmasked = payload[..len].to_vec();
            unmask(&mut unmasked, MASK);
            assert_eq!(unmasked, by_the_letter(&payload[..len]));
        }
    }

    #[test]
    fn a_payload_cut_anywhere_is_unmasked_like_a_whole_one() {
        let payload: Vec<u8> = (0..40).collect();
        for cut in 0..payload.len() {
            let mut unmasked = payload.clone();
            let (head, tail) = unmasked.split_at_mut(cut);
            unmask(head, MASK);
            unmask(tail, advance(MASK, cut));
            assert_eq!(unmasked, by_the_letter(&payload), "cut at {cut}");
        }
    }
}
