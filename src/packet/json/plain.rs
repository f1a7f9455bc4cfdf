//! The bytes that a JSON string holds as they are.

/// Where there is that much left, a search for each kind of byte is quicker than one for all of them.
const LONG: usize = 128;
/// The end of a search, so that text with many special bytes isn't searched to its end for each of them.
const BLOCK: usize = 512;
/// Special bytes that stand closer than this are found without such a search.
const EARLY: usize = 4 * CHUNK;
/// As many bytes as the compiler compares at once.
const CHUNK: usize = 16;
const WORD: usize = size_of::<u64>();

const ONES: u64 = u64::MAX / 0xff;
const HIGHS: u64 = ONES * 0x80;

/// How many bytes come before the first that can't stand in a JSON string as it is (RFC 8259 §7): a quotation mark, a backslash
/// or a control character.
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk()
        && !has_special(chunk)
    {
        at += CHUNK;
        // What has gone on for so long is likely to go on.
        while at >= EARLY && bytes.len() - at >= LONG {
            let block = &bytes[at..bytes.len().min(at + BLOCK)];
            let plain = plain_block(block);
            at += plain;
            if plain < block.len() {
                return at;
            }
        }
    }
    while let Some(word) = bytes[at..].first_chunk::<WORD>() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += WORD;
    }
    at + bytes[at..].iter().take_while(|byte| !is_special(**byte)).count()
}

fn plain_block(block: &[u8]) -> usize {
    let end = memchr::memchr2(b'"', b'\\', block).unwrap_or(block.len());
    let unquoted = &block[..end];
    // The least byte is found many at a time; where the control character stands matters seldom.
    match unquoted.iter().fold(u8::MAX, |least, byte| least.min(*byte)) {
        ..0x20 => unquoted.iter().take_while(|byte| **byte >= 0x20).count(),
        _ => end,
    }
}

/// Without a branch for each byte, so that it becomes vector instructions.
fn has_special(chunk: &[u8; CHUNK]) -> bool {
    let special = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    chunk.iter().fold(0, |found, byte| found | special(*byte)) != 0
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..0x20)
}

/// The high bits of the bytes that are special. The lowest one is exact; a borrow may set others above it.
const fn special_bytes(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let zero = quote.wrapping_sub(ONES) & !quote | backslash.wrapping_sub(ONES) & !backslash;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero | control) & HIGHS
}
