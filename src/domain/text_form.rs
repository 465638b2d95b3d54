//! The two conversions that serde needs of a noun that is read and written as text.

/// Makes a noun with `FromStr` and `Display` convertible from and into `String`.
macro_rules! text_form {
    ($noun:ty) => {
        impl TryFrom<String> for $noun {
            type Error = $crate::domain::malformed::Malformed;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$noun> for String {
            fn from(noun: $noun) -> Self {
                noun.to_string()
            }
        }
    };
}
