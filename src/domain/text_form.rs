//! What the nouns that are read and written as text have in common.

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

/// Makes a noun of a text in which `$flaw` finds nothing wrong.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $ja:literal, $flaw:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = $crate::domain::malformed::Malformed;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                match $flaw(&text) {
                    None => Ok(Self(text)),
                    Some(flaw) => Err(Self::Error {
                        noun: stringify!($name),
                        noun_ja: $ja,
                        flaw,
                    }),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::malformed::Malformed;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}
