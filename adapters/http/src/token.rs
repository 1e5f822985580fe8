//! The secret by which a server knows its callers.
//!
//! Not a user's identity: whoever has it may call everything. The invariant it guards: it is shown
//! to nobody, and comparing it takes as long for a near miss as for a far one.

use hyper::header::HeaderValue;
use std::{error::Error, fmt};

/// What stands before the token in the header `authorization`.
const SCHEME: &str = "Bearer ";

const BYTES_MIN: usize = 16;
const BYTES_MAX: usize = 255;

/// A secret that callers and servers share.
#[derive(Clone)]
pub struct Token(HeaderValue);

/// A text is no token: it takes 16 to 255 printable ASCII characters without spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenError;

impl Token {
    /// Checks a token. Draw it at random: nothing here slows down guessing.
    ///
    /// # Errors
    /// [`TokenError`] if it is too short, too long, or contains anything else.
    pub fn parse(token: &str) -> Result<Self, TokenError> {
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || !(BYTES_MIN..=BYTES_MAX).contains(&token.len()) {
            return Err(TokenError);
        }
        let mut value =
            HeaderValue::try_from(format!("{SCHEME}{token}")).map_err(|_| TokenError)?;
        // Keeps it out of debug output further down.
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(crate) fn is(&self, header: &HeaderValue) -> bool {
        constant_time_eq::constant_time_eq(self.0.as_bytes(), header.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(not shown)")
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a token has {BYTES_MIN} to {BYTES_MAX} printable ASCII characters, no spaces")
    }
}

impl Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_checked_and_never_shown() {
        let token = Token::parse("0123456789abcdef").expect("long enough");
        assert_eq!(format!("{token:?} {:?}", token.header()), "Token(not shown) Sensitive");
        for other in ["0123456789abcde", "0123456789 abcdef", "0123456789äbcdef", &"x".repeat(256)]
        {
            assert!(Token::parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn only_the_same_token_is_the_same() {
        let token = Token::parse("0123456789abcdef").expect("long enough");
        let is = |value: &'static str| token.is(&HeaderValue::from_static(value));
        assert!(is("Bearer 0123456789abcdef"));
        for other in ["Bearer 0123456789abcdeg", "Bearer 0123456789abcde", "0123456789abcdef", ""] {
            assert!(!is(other), "{other}");
        }
    }
}
