//! Base64 with the standard alphabet and padding (RFC 4648, section 4), for bytes that are no text.

use std::fmt::Write as _;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            let sign = if digit <= three.len() { char::from(ALPHABET[index]) } else { '=' };
            text.write_char(sign).expect("a string takes every sign");
        }
    }
    text
}

/// The bytes that encode to exactly this text; `None` if there are none.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let signs = text.as_bytes();
    if !signs.len().is_multiple_of(4) {
        return None;
    }
    let padding = signs.iter().rev().take(2).take_while(|sign| **sign == b'=').count();
    let mut bytes = Vec::with_capacity(signs.len() / 4 * 3);
    for four in signs[..signs.len() - padding].chunks(4) {
        let mut bits = 0_u32;
        for place in 0..4 {
            let digit = four
                .get(place)
                .map_or(Some(0), |sign| ALPHABET.iter().position(|letter| letter == sign))?;
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        let three = [16, 8, 0].map(|shift| u8::try_from(bits >> shift & 0xFF).unwrap_or(0));
        let (given, unused) = three.split_at(four.len() - 1);
        if unused.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(given);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_examples_of_rfc_4648() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in table {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(encode(&[0xff, 0xfe, 0xfb]), "//77");
        assert_eq!(decode("//77"), Some(vec![0xff, 0xfe, 0xfb]));
    }

    #[test]
    fn what_no_bytes_encode_to_is_refused() {
        for text in ["Z", "Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Z-9v"]
        {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
