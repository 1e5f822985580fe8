//! How payloads are encoded, as a code of one byte.
//!
//! The invariant it guards: a content type that exists has a code that reads back as the same type.

use std::fmt;

/// How a payload is encoded. Informative to the kernel, decisive to a codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ContentType {
    /// Bytes of which nothing is said.
    #[default]
    Bytes,
    /// JSON text.
    Json,
    /// `bincode` 2.
    Bincode,
    /// A type of the caller's own: see [`ContentType::custom`].
    Custom(CustomCode),
}

impl ContentType {
    /// The lowest code that is left to callers: 128.
    pub const CUSTOM_MIN: u8 = 128;

    /// The caller's own type with this code, from [`ContentType::CUSTOM_MIN`] on. What it means is
    /// the caller's business; the codes below belong to Sagalog.
    ///
    /// ```
    /// use sagalog::ContentType;
    ///
    /// let protobuf = ContentType::custom(200)?;
    /// assert!(ContentType::custom(127).is_err());
    /// # Ok::<(), sagalog::ContentTypeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ContentTypeError`] if the code is Sagalog's.
    pub const fn custom(code: u8) -> Result<Self, ContentTypeError> {
        match code {
            Self::CUSTOM_MIN.. => Ok(Self::Custom(CustomCode(code))),
            _ => Err(ContentTypeError { code }),
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Bytes => 0,
            Self::Json => 1,
            Self::Bincode => 2,
            Self::Custom(code) => code.get(),
        }
    }

    pub(crate) const fn parse(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Bytes),
            1 => Some(Self::Json),
            2 => Some(Self::Bincode),
            _ => match Self::custom(code) {
                Ok(custom) => Some(custom),
                Err(_) => None,
            },
        }
    }
}

/// The code of a content type of the caller's own: [`ContentType::CUSTOM_MIN`] or more. A lower one
/// could not be told from Sagalog's, so that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomCode(u8);

impl CustomCode {
    /// The bare number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// A code that nobody can make, as bytes on a disk may have it.
    #[cfg(test)]
    pub(crate) const fn forged(code: u8) -> Self {
        Self(code)
    }
}

/// A code is no content type of the caller's own. Choose one from [`ContentType::CUSTOM_MIN`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentTypeError {
    /// The code.
    pub code: u8,
}

impl fmt::Display for ContentTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, least) = (self.code, ContentType::CUSTOM_MIN);
        write!(f, "content type {code} belongs to Sagalog; your own have codes from {least} to 255")
    }
}

impl std::error::Error for ContentTypeError {}
